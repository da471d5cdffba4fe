// Package sandbox is an embedded AWS: an HTTP server that speaks the wire
// protocols of CodeDeploy, CodePipeline, DynamoDB, ECR, ECS, EventBridge, Inspector, Lambda,
// S3, SQS and STS,
// so that an unmodified AWS SDK and the AWS CLI run against it. It keeps everything in
// memory, one state for each account and Region, and needs nothing but Go.
//
// It is strict: an operation or a member of a request that it does not know is
// refused and never ignored. It verifies no signatures and no IAM policies, but
// for those of a pipeline's artifacts in S3; who calls follows from the access
// key, where from the signature's Region.
package sandbox

import (
	"net/http"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codedeploy"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/dynamodb"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/eventbridge"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/inspector"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/lambda"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/s3"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sqs"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sts"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Options of a sandbox.
type Options struct {
	Account string           // of unknown access keys; 111122223333 if empty
	Region  string           // where stories play unless they say otherwise; us-east-1 if empty
	Now     func() time.Time // the services' clock; time.Now if nil

	Throughput dynamodb.Throughput // of DynamoDB's tables; without end if zero
}

// Sandbox is an AWS. It is an http.Handler and safe for concurrent use.
type Sandbox struct {
	CodeDeploy   *codedeploy.Service
	CodePipeline *codepipeline.Service
	DynamoDB     *dynamodb.DB
	ECR          *ecr.Registry
	ECS          *ecs.Scheduler
	EventBridge  *eventbridge.Service
	Inspector    *inspector.Service
	Lambda       *lambda.Service
	S3           *s3.Service
	SQS          *sqs.Service
	STS          *sts.Service

	options Options
	routes  map[string]route // by the prefix of X-Amz-Target
	calls   recorder
}

// route is a service of the JSON protocol.
type route struct {
	name    string // in the credential scope, and in the records
	service wire.Service
}

// New makes a sandbox with nothing in it.
func New(options Options) *Sandbox {
	if options.Account == "" {
		options.Account = "111122223333"
	}
	if options.Region == "" {
		options.Region = "us-east-1"
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	home := wire.Scope{Account: options.Account, Region: options.Region}
	registry := ecr.New(ecr.Options{Home: home, Now: options.Now})
	s := &Sandbox{
		options:     options,
		CodeDeploy:  codedeploy.New(home),
		DynamoDB:    dynamodb.New(dynamodb.Options{Now: options.Now, Throughput: options.Throughput}),
		ECR:         registry,
		ECS:         ecs.New(ecs.Options{Home: home, Now: options.Now, Images: registry}),
		EventBridge: eventbridge.New(eventbridge.Options{Home: home, Now: options.Now}),
		Inspector:   inspector.New(inspector.Options{Home: home, Now: options.Now}),
		Lambda:      lambda.New(lambda.Options{Home: home, Now: options.Now}),
		S3:          s3.New(s3.Options{Now: options.Now}),
		SQS:         sqs.New(home),
		STS:         sts.New(sts.Options{Account: options.Account, Now: options.Now}),
	}
	s.CodePipeline = codepipeline.New(codepipeline.Options{Home: home, Now: options.Now, Store: artifacts{s.S3, s.STS}})
	s.routes = map[string]route{
		"CodeDeploy_20141006":                  {"codedeploy", s.CodeDeploy},
		"CodePipeline_20150709":                {"codepipeline", s.CodePipeline},
		"DynamoDB_20120810":                    {"dynamodb", s.DynamoDB},
		"AmazonEC2ContainerRegistry_V20150921": {"ecr", s.ECR},
		"AmazonEC2ContainerServiceV20141113":   {"ecs", s.ECS},
		"AmazonSQS":                            {"sqs", s.SQS},
		"AWSEvents":                            {"events", s.EventBridge},
	}
	return s
}

// Home is the account and Region that the options name.
func (s *Sandbox) Home() wire.Scope {
	return wire.Scope{Account: s.options.Account, Region: s.options.Region}
}

// ServeHTTP answers any service's request.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := s.calls.begin(s.options.Now())
	reply := &watcher{ResponseWriter: w}
	defer func() { s.calls.end(rec, reply.code()) }()

	target := r.Header.Get("X-Amz-Target")
	if target == "" && isS3(r) {
		s.serveS3(reply, r, rec)
		return
	}
	if target == "" && inspector.Paths[r.URL.Path] != "" {
		s.serveInspector(reply, r, rec)
		return
	}
	if operation, ok := lambda.Operation(r); target == "" && ok {
		s.serveLambda(reply, r, rec, operation)
		return
	}
	if target == "" {
		s.serveQuery(reply, r, rec)
		return
	}
	prefix, operation, _ := strings.Cut(target, ".")
	found, ok := s.routes[prefix]
	if !ok {
		wire.WriteError(reply, wire.Errorf("UnknownOperationException", "target %q is not known to the sandbox", target))
		return
	}
	s.calls.name(rec, found.name, operation)
	caller, err := s.caller(r, found.name)
	if err != nil {
		wire.WriteError(reply, err)
		return
	}
	s.calls.by(rec, caller.Scope)
	wire.Serve(reply, r, found.service, caller, operation)
}

// serveInspector answers the REST protocol with JSON, which only Inspector speaks here.
func (s *Sandbox) serveInspector(w http.ResponseWriter, r *http.Request, rec *Call) {
	operation := inspector.Paths[r.URL.Path]
	s.calls.name(rec, "inspector2", operation)
	caller, err := s.caller(r, "inspector2")
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	s.calls.by(rec, caller.Scope)
	wire.ServeREST(w, r, s.Inspector, caller, operation)
}

// serveLambda answers REST requests of Lambda.
func (s *Sandbox) serveLambda(w http.ResponseWriter, r *http.Request, rec *Call, operation string) {
	s.calls.name(rec, "lambda", operation)
	caller, err := s.caller(r, "lambda")
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	s.calls.by(rec, caller.Scope)
	s.Lambda.Serve(w, r, caller)
}

// serveQuery answers the Query protocol, which only STS speaks here.
func (s *Sandbox) serveQuery(w http.ResponseWriter, r *http.Request, rec *Call) {
	_ = r.ParseForm() // a malformed form is STS's to refuse
	s.calls.name(rec, "sts", r.PostForm.Get("Action"))
	if caller, err := s.caller(r, "sts"); err == nil {
		s.calls.by(rec, caller.Scope)
	}
	s.STS.ServeHTTP(w, r)
}

func (s *Sandbox) caller(r *http.Request, service string) (wire.Caller, error) {
	credential, err := wire.ParseCredential(r)
	if err != nil {
		return wire.Caller{}, err
	}
	if err := credential.Check(service); err != nil {
		return wire.Caller{}, err
	}
	return s.STS.Caller(credential, sts.RequestTime(r, s.options.Now))
}
