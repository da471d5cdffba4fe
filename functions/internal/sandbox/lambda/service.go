// Package lambda is AWS Lambda in the sandbox, as far as it is asked which images its functions
// are made of.
package lambda

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Options of a Lambda.
type Options struct {
	Home wire.Scope       // where a scope with empty fields is
	Now  func() time.Time // the clock of LastModified
}

// Service is Lambda in all accounts and Regions. It is safe for concurrent use.
type Service struct {
	wire.Faults // Deny, Permit and Throttle

	options Options

	mu        sync.Mutex
	functions map[wire.Scope]map[string]*Function
}

// New makes a Lambda without functions.
func New(options Options) *Service {
	return &Service{options: options, functions: map[wire.Scope]map[string]*Function{}}
}

// Function is one in an account's Region. Without an image it is made of a zip archive.
type Function struct {
	service     *Service
	name        string
	environment map[string]string
	latest      code
	status      string // of the last update of $LATEST
	versions    []code // that were published, the first is 1
	aliases     map[string]alias
}

// code is what a version is made of.
type code struct {
	image    string // as it was named
	digest   digest.Digest
	modified time.Time
}

type alias struct {
	version string
	weights map[string]float64
}

// Create makes a function of an image that has a digest, or with no image of an archive. Empty
// fields of the scope mean Lambda's home.
func (s *Service) Create(scope wire.Scope, name, image string, d digest.Digest, environment map[string]string) *Function {
	scope = scope.Or(s.options.Home)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.functions[scope] == nil {
		s.functions[scope] = map[string]*Function{}
	}
	f := &Function{service: s, name: name, environment: environment, status: "Successful", aliases: map[string]alias{}}
	f.latest = code{image, d, s.options.Now()}
	s.functions[scope][name] = f
	return f
}

// Delete deletes a function with its versions.
func (s *Service) Delete(scope wire.Scope, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.functions[scope.Or(s.options.Home)], name)
}

// Update gives $LATEST another image. How that ends is the status: Successful, InProgress or
// Failed.
func (f *Function) Update(image string, d digest.Digest, status string) {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	f.latest, f.status = code{image, d, f.service.options.Now()}, status
}

// Publish makes a version of $LATEST, and returns its name.
func (f *Function) Publish() string {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	f.versions = append(f.versions, f.latest)
	return strconv.Itoa(len(f.versions))
}

// Alias leads a name to a version, and parts of its calls to others.
func (f *Function) Alias(name, version string, weights map[string]float64) {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	f.aliases[name] = alias{version, weights}
}

// DeleteAlias deletes one of its names.
func (f *Function) DeleteAlias(name string) {
	f.service.mu.Lock()
	defer f.service.mu.Unlock()
	delete(f.aliases, name)
}

// root is the path of all functions.
const root = "/2015-03-31/functions"

// Operation returns the operation that a request asks for; ok is false if it is none of Lambda.
func Operation(r *http.Request) (operation string, ok bool) {
	rest, ok := strings.CutPrefix(r.URL.Path, root)
	if !ok {
		return "", false
	}
	name, of, _ := strings.Cut(strings.Trim(rest, "/"), "/")
	switch {
	case r.Method != http.MethodGet:
		return r.Method + " " + r.URL.Path, true
	case name == "":
		return "ListFunctions", true
	case of == "":
		return "GetFunction", true
	case of == "aliases":
		return "ListAliases", true
	}
	return r.URL.Path, true
}

// Serve answers one request: Lambda speaks REST, with its input in path and query.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, caller wire.Caller) {
	operation, _ := Operation(r)
	if err := s.Check("lambda", operation, caller); err != nil {
		wire.WriteError(w, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	functions := s.functions[caller.Scope]
	name, _, _ := strings.Cut(strings.Trim(strings.TrimPrefix(r.URL.Path, root), "/"), "/")
	f := functions[name]
	var out any
	var err error
	switch {
	case operation == "ListFunctions":
		out, err = listFunctions(caller.Scope, functions, r)
	case operation != "GetFunction" && operation != "ListAliases":
		err = wire.Errorf("UnknownOperationException", "operation %q is not known to the sandbox", operation)
	case f == nil:
		err = notFound("Function not found: " + name)
	case operation == "ListAliases":
		out, err = f.listAliases(r)
	default:
		out, err = f.get(caller.Scope, cmp.Or(r.URL.Query().Get("Qualifier"), "$LATEST"))
	}
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	wire.WriteREST(w, out)
}

func notFound(message string) error {
	return &wire.Error{Code: "ResourceNotFoundException", Message: message, Status: http.StatusNotFound}
}

// paging reads Marker and MaxItems, and refuses what else a query has.
func paging(r *http.Request) (size *int, marker string, err error) {
	for name := range r.URL.Query() {
		if name != "Marker" && name != "MaxItems" {
			return nil, "", wire.Errorf("InvalidParameterValueException", "parameter %s is not known to the sandbox", name)
		}
	}
	if text := r.URL.Query().Get("MaxItems"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, "", wire.Errorf("InvalidParameterValueException", "MaxItems %q", text)
		}
		size = &n
	}
	return size, r.URL.Query().Get("Marker"), nil
}

// configuration is https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html.
type configuration struct {
	Name             string      `json:"FunctionName"`
	ARN              string      `json:"FunctionArn"`
	Version          string      `json:"Version"`
	PackageType      string      `json:"PackageType"`
	LastModified     string      `json:"LastModified"`
	LastUpdateStatus string      `json:"LastUpdateStatus,omitempty"`
	Environment      environment `json:"Environment"`
}

type environment struct {
	Variables map[string]string `json:"Variables"`
}

func (f *Function) configuration(scope wire.Scope, version string, c code) configuration {
	is := configuration{
		Name: f.name, ARN: scope.ARN("lambda", "function:"+f.name), Version: version, PackageType: "Zip",
		LastModified: c.modified.UTC().Format("2006-01-02T15:04:05.000+0000"), Environment: environment{f.environment},
	}
	if c.image != "" {
		is.PackageType = "Image"
	}
	if version == "$LATEST" {
		is.LastUpdateStatus = f.status
	}
	return is
}

var functionPages = wire.Pager[configuration]{Name: "ListFunctions", Max: 10000, Size: 50, Key: func(c configuration) string { return c.Name }}

type functionsOutput struct {
	Functions []configuration
	Next      string `json:"NextMarker,omitempty"`
}

// listFunctions is https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html. A page
// has 50, however many are asked for.
func listFunctions(scope wire.Scope, functions map[string]*Function, r *http.Request) (functionsOutput, error) {
	size, marker, err := paging(r)
	if err != nil {
		return functionsOutput{}, err
	}
	if size != nil {
		*size = min(*size, functionPages.Size)
	}
	var all []configuration
	for _, f := range functions {
		all = append(all, f.configuration(scope, "$LATEST", f.latest))
	}
	page, next, ok := functionPages.Page(all, size, marker)
	if !ok {
		return functionsOutput{}, wire.Errorf("InvalidParameterValueException", "MaxItems or Marker")
	}
	return functionsOutput{page, next}, nil
}

type aliasItem struct {
	Name    string `json:"Name"`
	Version string `json:"FunctionVersion"`
	Routing *struct {
		Weights map[string]float64 `json:"AdditionalVersionWeights"`
	} `json:"RoutingConfig,omitempty"`
}

type aliasesOutput struct {
	Aliases []aliasItem
	Next    string `json:"NextMarker,omitempty"`
}

var aliasPages = wire.Pager[aliasItem]{Name: "ListAliases", Max: 10000, Size: 50, Key: func(a aliasItem) string { return a.Name }}

// listAliases is https://docs.aws.amazon.com/lambda/latest/api/API_ListAliases.html.
func (f *Function) listAliases(r *http.Request) (aliasesOutput, error) {
	size, marker, err := paging(r)
	if err != nil {
		return aliasesOutput{}, err
	}
	var all []aliasItem
	for name, a := range f.aliases {
		item := aliasItem{Name: name, Version: a.version}
		if len(a.weights) > 0 {
			item.Routing = &struct {
				Weights map[string]float64 `json:"AdditionalVersionWeights"`
			}{a.weights}
		}
		all = append(all, item)
	}
	page, next, ok := aliasPages.Page(all, size, marker)
	if !ok {
		return aliasesOutput{}, wire.Errorf("InvalidParameterValueException", "MaxItems or Marker")
	}
	return aliasesOutput{page, next}, nil
}

type functionOutput struct {
	Configuration configuration
	Code          codeItem
}

type codeItem struct {
	RepositoryType   string `json:"RepositoryType"`
	ImageURI         string `json:"ImageUri,omitempty"`
	ResolvedImageURI string `json:"ResolvedImageUri,omitempty"`
}

// get is https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html.
func (f *Function) get(scope wire.Scope, version string) (functionOutput, error) {
	c := f.latest
	if n, err := strconv.Atoi(version); err == nil && n >= 1 && n <= len(f.versions) {
		c = f.versions[n-1]
	} else if version != "$LATEST" {
		return functionOutput{}, notFound(fmt.Sprintf("Function not found: %s:%s", f.name, version))
	}
	out := functionOutput{Configuration: f.configuration(scope, version, c), Code: codeItem{RepositoryType: "S3"}}
	if c.image != "" {
		repository, _, _ := strings.Cut(c.image, "@")
		if slash := strings.LastIndex(repository, "/"); strings.Contains(repository[slash+1:], ":") {
			repository = repository[:strings.LastIndex(repository, ":")]
		}
		out.Code = codeItem{"ECR", c.image, repository + "@" + c.digest.String()}
	}
	return out, nil
}
