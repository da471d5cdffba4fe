package tagalong

import (
	"slices"
	"strings"
)

// Kind says what runs an image.
type Kind string

// The kinds of what runs.
const (
	KindService  Kind = "service"
	KindTask     Kind = "task"     // the standalone tasks of a task definition's family in a cluster
	KindFunction Kind = "function" // a Lambda function that is made of an image
)

var kinds = []Kind{KindService, KindTask, KindFunction}

func inWords(kinds []Kind) string {
	var names []string
	for _, kind := range kinds {
		names = append(names, string(kind))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// TaskFamily names the standalone tasks of a family in a cluster as what runs there.
func TaskFamily(s Scope, cluster, family string) Service {
	return Service{Account: s.Account, Region: s.Region, Cluster: cluster, Name: KindTask.named(family)}
}

// named returns a name of that kind. Before that of what is no service stands what it is, so
// that it is none that a service can have: the names of AWS hold no colon.
func (k Kind) named(name string) string {
	switch k {
	case KindService:
		return name
	case KindFunction:
		return functionName + ":" + name
	}
	return string(k) + ":" + name
}

const functionName = "lambda"

// named returns what is called by a name, of whatever kind, in the order of keys.
func named(name string) (all []string) {
	for _, kind := range kinds {
		all = append(all, kind.named(name))
	}
	return slices.Sorted(slices.Values(all))
}

// Name returns what a name of that kind is one of.
func (k Kind) Name() NameKind {
	switch k {
	case KindTask:
		return TaskName
	case KindFunction:
		return FunctionName
	}
	return ServiceName
}

// LambdaFunction names a Lambda function as what runs. It lies in no cluster.
func LambdaFunction(s Scope, name string) Service {
	return Service{Account: s.Account, Region: s.Region, Name: KindFunction.named(name)}
}

// Kind tells services from what else runs.
func (s Service) Kind() Kind {
	switch before, _, other := strings.Cut(s.Name, ":"); {
	case !other:
		return KindService
	case before == functionName:
		return KindFunction
	default:
		return Kind(before)
	}
}

// OwnName is what AWS calls it: the service, the family of the task definition, or the
// function.
func (s Service) OwnName() string { return s.Name[strings.IndexByte(s.Name, ':')+1:] }

// OfKind returns those of them that are of a kind.
func OfKind(kind Kind, all []Service) []Service {
	return slices.DeleteFunc(slices.Clone(all), func(s Service) bool { return s.Kind() != kind })
}
