package tagalong

// Release says what put a rollout in place: a CodePipeline execution, one of its
// stages, and the commit of its source. Texts are empty where nothing is known.
type Release struct {
	Pipeline  string `json:"pipeline"`
	Execution string `json:"execution"`
	Stage     string `json:"stage"`
	Commit    string `json:"commit"`
}

// of gives the release of a service's rollout. Where no pipeline tells the commit it
// is that of the images; if they name several, that of the container called like
// the service, since sidecars have commits of their own.
func (r Release) of(s Service, containers []Container) Release {
	if r.Commit == "" {
		r.Commit = commitOf(s, containers)
	}
	return r
}

// released returns what put the rollout in place. A rollback brings back what was
// there before, in the time of an action whose commit it undoes: its own commit is
// the one that its deployment was released with.
func (r Rollout) released() Release {
	if r.Rollback {
		r.Release.Commit = r.Restored
	}
	return r.Release
}

func commitOf(s Service, containers []Container) string {
	var commits []string
	for _, c := range containers {
		switch {
		case c.Commit == "" || c.Added:
		case c.Name == s.Name:
			return c.Commit
		default:
			commits = append(commits, c.Commit)
		}
	}
	return sole(commits)
}

func (m Member) release() Release {
	var containers []Container
	for _, p := range m.Containers {
		containers = append(containers, p.Container)
	}
	return m.Release.of(m.Service, containers)
}
