package tagalong

// Release says what put a rollout in place: a CodePipeline execution, one of its
// stages, and the commit of its source. Texts are empty where nothing is known.
type Release struct {
	Pipeline  string `json:"pipeline"`
	Execution string `json:"execution"`
	Stage     string `json:"stage"`
	Commit    string `json:"commit"`
}

// releaseOf gives the release of a rollout of which no pipeline is known. Its
// commit is that of its images; if they name several, that of the container
// called like the service, since sidecars have commits of their own.
func releaseOf(s Service, containers []Container) Release {
	var commits []string
	for _, c := range containers {
		switch {
		case c.Commit == "":
		case c.Name == s.Name:
			return Release{Commit: c.Commit}
		default:
			commits = append(commits, c.Commit)
		}
	}
	return Release{Commit: sole(commits)}
}

func (m Member) release() Release {
	var containers []Container
	for _, p := range m.Containers {
		containers = append(containers, p.Container)
	}
	return releaseOf(m.Service, containers)
}
