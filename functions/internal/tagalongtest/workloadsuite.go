package tagalongtest

import (
	"cmp"
	"errors"
	"slices"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// WorkloadWorld sets up what WorkloadSuite asks of a workload. Its methods fail
// the test where they cannot.
type WorkloadWorld interface {
	// Legacy says, before its first deployment, that a service has the short ARN,
	// which does not name its cluster.
	Legacy(t *testing.T, s tagalong.Service)
	// Deploy deploys containers with that many tasks, and returns the deployment's
	// id and the ARN of its task definition. A container's Digest is the one that
	// its image stands for now. It makes the service where there is none.
	Deploy(t *testing.T, s tagalong.Service, tasks int, containers ...tagalong.Ran) (deployment, taskDefinition string)
	// RunTask runs a task by itself, which belongs to no service, and says that a
	// deployment started it.
	RunTask(t *testing.T, s tagalong.Service, startedBy string, containers ...tagalong.Ran)
	// Forget lets ECS know no revision of a deployment any more.
	Forget(t *testing.T, s tagalong.Service, deployment string)
	// Deny lets our role read no revisions.
	Deny(t *testing.T)
	// Elsewhere returns an account that is neither ours nor configured.
	Elsewhere(t *testing.T) string
}

// WorkloadSuite checks that an implementation keeps the contract of
// tagalong.Workload. open returns a new one and the world behind it.
func WorkloadSuite(t *testing.T, open func(t *testing.T) (tagalong.Workload, WorkloadWorld)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, w suiteWorkload)
	}{
		{"a revision has the images as written and the digests as resolved", revision},
		{"a revision is that of its deployment", revisionOfDeployment},
		{"a revision that is not there is not found", revisionAbsent},
		{"a revision that may not be read is denied", revisionDenied},
		{"an account that is not covered is elsewhere", accountElsewhere},
		{"tasks are those of their deployment, with what they report", tasks},
		{"a task that somebody runs by itself is none of a deployment's, whatever it says", tasksStandalone},
		{"a deployment that is not known has no tasks", tasksAbsent},
		{"a task definition has the images as written, without digests", definition},
		{"a deployment that is not known has no task definition", definitionAbsent},
		{"the cluster of a service with a short ARN is found", cluster},
		{"the cluster of a service whose short ARN is in two is found by its own deployment", clusterOfTwo},
		{"the cluster of a service with a long ARN is found by its own deployment", clusterOfLong},
		{"a service that is nowhere has no cluster", clusterAbsent},
	} {
		t.Run(test.name, func(t *testing.T) {
			workload, world := open(t)
			test.run(t, suiteWorkload{Workload: workload, WorkloadWorld: world, t: t})
		})
	}
}

type suiteWorkload struct {
	tagalong.Workload
	WorkloadWorld
	t *testing.T
}

func (w suiteWorkload) wantError(what string, err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

var (
	suiteApp   = tagalong.Ran{Name: "app", Image: "public.ecr.aws/shop/api:v1", Digest: suiteDigest}
	suiteLog   = tagalong.Ran{Name: "log", Image: "public.ecr.aws/shop/web:v1", Digest: suiteNext}
	suiteLater = tagalong.Ran{Name: "app", Image: "public.ecr.aws/shop/api:v2", Digest: suiteNext}
)

func byName(containers []tagalong.Ran) []tagalong.Ran {
	sorted := slices.Clone(containers)
	slices.SortFunc(sorted, func(a, b tagalong.Ran) int { return cmp.Compare(a.Name, b.Name) })
	return sorted
}

func (w suiteWorkload) wantRevision(s tagalong.Service, deployment, taskDefinition string, containers ...tagalong.Ran) {
	w.t.Helper()
	spec, err := w.Revision(w.t.Context(), s, deployment)
	if err != nil {
		w.t.Fatalf("revision: %v", err)
	}
	same(w.t, "task definition", taskDefinition, spec.TaskDefinition)
	same(w.t, "containers", byName(containers), byName(spec.Containers))
}

func revision(t *testing.T, w suiteWorkload) {
	s := suiteService("api")
	pinned := tagalong.Ran{Name: "pin", Image: "public.ecr.aws/shop/api@" + suiteDigest.String(), Digest: suiteDigest}
	deployment, taskDefinition := w.Deploy(t, s, 1, suiteLog, suiteApp, pinned)
	w.wantRevision(s, deployment, taskDefinition, suiteApp, suiteLog, pinned)
}

func revisionOfDeployment(t *testing.T, w suiteWorkload) {
	s, other := suiteService("api"), suiteService("web")
	first, firstDefinition := w.Deploy(t, s, 1, suiteApp)
	second, secondDefinition := w.Deploy(t, s, 1, suiteLater)
	third, thirdDefinition := w.Deploy(t, other, 1, suiteLog)
	w.wantRevision(s, first, firstDefinition, suiteApp)
	w.wantRevision(s, second, secondDefinition, suiteLater)
	w.wantRevision(other, third, thirdDefinition, suiteLog)
	_, err := w.Revision(t.Context(), s, third)
	w.wantError("another service's deployment", err, tagalong.ErrNotFound)
}

func revisionAbsent(t *testing.T, w suiteWorkload) {
	s := suiteService("api")
	deployment, _ := w.Deploy(t, s, 1, suiteApp)
	_, err := w.Revision(t.Context(), s, "ecs-svc/1")
	w.wantError("a deployment that never was", err, tagalong.ErrNotFound)
	w.Forget(t, s, deployment)
	_, err = w.Revision(t.Context(), s, deployment)
	w.wantError("a revision that is forgotten", err, tagalong.ErrNotFound)
}

func revisionDenied(t *testing.T, w suiteWorkload) {
	s := suiteService("api")
	deployment, _ := w.Deploy(t, s, 1, suiteApp)
	w.Deny(t)
	_, err := w.Revision(t.Context(), s, deployment)
	w.wantError("a revision that may not be read", err, tagalong.ErrDenied)
	if tasks, err := w.Tasks(t.Context(), s, deployment); err != nil || len(tasks) != 1 {
		t.Errorf("its tasks: %+v, error %v", tasks, err)
	}
}

func accountElsewhere(t *testing.T, w suiteWorkload) {
	s := suiteService("api")
	s.Account = w.Elsewhere(t)
	_, err := w.Revision(t.Context(), s, "ecs-svc/1")
	w.wantError("revision", err, tagalong.ErrElsewhere)
}

func (w suiteWorkload) wantTasks(s tagalong.Service, deployment, taskDefinition string, count int, containers ...tagalong.Ran) {
	w.t.Helper()
	runs, err := w.Tasks(w.t.Context(), s, deployment)
	if err != nil {
		w.t.Fatalf("tasks: %v", err)
	}
	if len(runs) != count {
		w.t.Errorf("%d tasks, want %d", len(runs), count)
	}
	for _, run := range runs {
		same(w.t, "task definition of a task", taskDefinition, run.TaskDefinition)
		same(w.t, "containers of a task", byName(containers), byName(run.Containers))
	}
}

func tasks(t *testing.T, w suiteWorkload) {
	s, other := suiteService("api"), suiteService("web")
	first, firstDefinition := w.Deploy(t, s, 3, suiteApp, suiteLog)
	w.wantTasks(s, first, firstDefinition, 3, suiteApp, suiteLog)
	second, secondDefinition := w.Deploy(t, other, 1, suiteLater)
	w.wantTasks(other, second, secondDefinition, 1, suiteLater)
	w.wantTasks(s, first, firstDefinition, 3, suiteApp, suiteLog)
}

func tasksStandalone(t *testing.T, w suiteWorkload) {
	s := suiteService("api")
	deployment, taskDefinition := w.Deploy(t, s, 1, suiteApp)
	w.RunTask(t, s, deployment, suiteLater)
	w.RunTask(t, s, "ecs-svc/1", suiteLater)
	w.wantTasks(s, deployment, taskDefinition, 1, suiteApp)
	w.wantTasks(s, "ecs-svc/1", "", 0)
}

func tasksAbsent(t *testing.T, w suiteWorkload) {
	s := suiteService("api")
	w.Deploy(t, s, 1, suiteApp)
	w.wantTasks(s, "ecs-svc/1", "", 0)
}

func definition(t *testing.T, w suiteWorkload) {
	s := suiteService("api")
	deployment, taskDefinition := w.Deploy(t, s, 1, suiteApp, suiteLog)
	app, log := suiteApp, suiteLog
	app.Digest, log.Digest = "", ""
	for _, known := range []string{taskDefinition, ""} {
		spec, err := w.Definition(t.Context(), s, deployment, known)
		if err != nil {
			t.Fatalf("definition, known as %q: %v", known, err)
		}
		same(t, "task definition", taskDefinition, spec.TaskDefinition)
		same(t, "containers", []tagalong.Ran{app, log}, byName(spec.Containers))
	}
}

func definitionAbsent(t *testing.T, w suiteWorkload) {
	s := suiteService("api")
	w.Deploy(t, s, 1, suiteApp)
	_, err := w.Definition(t.Context(), s, "ecs-svc/1", "")
	w.wantError("definition", err, tagalong.ErrNotFound)
}

// clusterOf asks for the cluster as if it were not known.
func (w suiteWorkload) clusterOf(s tagalong.Service, deployment string) (string, error) {
	s.Cluster = ""
	return w.Cluster(w.t.Context(), s, deployment)
}

func cluster(t *testing.T, w suiteWorkload) {
	s := suiteService("legacy")
	w.Legacy(t, s)
	deployment, _ := w.Deploy(t, s, 1, suiteApp)
	other := suiteService("api")
	other.Cluster = "another-cluster"
	w.Deploy(t, other, 1, suiteApp)
	for _, asked := range []string{deployment, "ecs-svc/1"} {
		if got, err := w.clusterOf(s, asked); err != nil || got != s.Cluster {
			t.Errorf("cluster %q, error %v; want %q", got, err, s.Cluster)
		}
	}
}

func clusterOfTwo(t *testing.T, w suiteWorkload) {
	s, namesake := suiteService("legacy"), suiteService("legacy")
	namesake.Cluster = "another-cluster"
	w.Legacy(t, s)
	w.Legacy(t, namesake)
	w.wantOwnCluster(s, namesake)
	_, err := w.clusterOf(s, "ecs-svc/1")
	w.wantError("a deployment of neither", err, tagalong.ErrNotFound)
}

func clusterOfLong(t *testing.T, w suiteWorkload) {
	s, namesake := suiteService("api"), suiteService("api")
	namesake.Cluster = "another-cluster"
	w.wantOwnCluster(s, namesake)
}

func (w suiteWorkload) wantOwnCluster(s, namesake tagalong.Service) {
	w.t.Helper()
	t := w.t
	deployment, _ := w.Deploy(t, s, 1, suiteApp)
	another, _ := w.Deploy(t, namesake, 1, suiteApp)
	for asked, want := range map[string]string{deployment: s.Cluster, another: namesake.Cluster} {
		if got, err := w.clusterOf(s, asked); err != nil || got != want {
			t.Errorf("cluster %q, error %v; want %q", got, err, want)
		}
	}
}

func clusterAbsent(t *testing.T, w suiteWorkload) {
	s := suiteService("api")
	w.Deploy(t, s, 1, suiteApp)
	_, err := w.clusterOf(s, "ecs-svc/1")
	w.wantError("a deployment of nobody", err, tagalong.ErrNotFound)
	s.Name = "nowhere"
	_, err = w.clusterOf(s, "ecs-svc/1")
	w.wantError("a service that is nowhere", err, tagalong.ErrNotFound)
}
