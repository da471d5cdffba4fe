package tagalong

import "strings"

// Kind says what runs an image.
type Kind string

// The kinds of what runs.
const (
	KindService Kind = "service"
	KindTask    Kind = "task" // the standalone tasks of a task definition's family in a cluster
)

var kinds = []Kind{KindService, KindTask}

func inWords(kinds []Kind) string {
	var names []string
	for _, kind := range kinds {
		names = append(names, string(kind))
	}
	return strings.Join(names, " or ")
}

// taskName is before the name of a family, so that it is none that a service can have: the
// names of ECS hold no colon.
const taskName = "task:"

// TaskFamily names the standalone tasks of a family in a cluster as what runs there.
func TaskFamily(s Scope, cluster, family string) Service {
	return Service{Account: s.Account, Region: s.Region, Cluster: cluster, Name: taskName + family}
}

// Kind tells services from what else runs.
func (s Service) Kind() Kind {
	if strings.HasPrefix(s.Name, taskName) {
		return KindTask
	}
	return KindService
}

// OwnName is what AWS calls it: the service, or the family of the task definition.
func (s Service) OwnName() string { return strings.TrimPrefix(s.Name, taskName) }
