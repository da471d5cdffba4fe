package questions_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"pgregory.net/rapid"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// story is what happens to some services, and what their deployments are made of.
type story struct {
	ruling
	choices
	fixed      bool   // the tags of fixedRepository can not move
	elsewhere  string // an account that nobody may look into
	happenings []happening
	deployed   map[deploymentOf]deployed
}

// choices are what deployments choose from.
type choices struct {
	images       []int // versions
	repositories []tagalong.Repository
	kinds        []string
}

// happening is one event of a story: a fact about a service.
type happening struct {
	service tagalong.Service
	fact    tagalong.Fact
}

type deploymentOf struct {
	service tagalong.Service
	id      string
}

// deployed is what a deployment is made of, and how ECS tells of it.
type deployed struct {
	definition string
	containers []made
	reported   tagalongtest.Deployment
}

// made is what is to be found out of a container.
type made struct {
	name       string
	repository tagalong.Repository
	tag        string
	digest     digest.Digest
	index      digest.Digest // found out as soon as the deployment is seen
	commit     string        // likewise
	version    string        // likewise, where no tag is written
	evidence   tagalong.Evidence
	disputed   bool
	added      bool // by ECS itself
}

var (
	noon  = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	clock = noon.Add(time.Hour) // when the handlers run

	// services have names that begin like others', and clusters, too.
	services = []tagalong.Service{
		{Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Name: "api"},
		{Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Name: "api-2"},
		{Account: "111122223333", Region: "us-east-1", Cluster: "prod-a", Name: "api2"},
		{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"},
		{Account: "444455556666", Region: "eu-west-1", Cluster: "prod-a", Name: "api"},
		{Account: "444455556666", Region: "eu-west-1", Cluster: "test", Name: "web"},
	}

	home = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
	away = "444455556666.dkr.ecr.eu-west-1.amazonaws.com"

	shopAPI = tagalong.Repository{Registry: home, Name: "shop/api"}
	awayAPI = tagalong.Repository{Registry: away, Name: "shop/api"}
	shopWeb = tagalong.Repository{Registry: home, Name: "shop/web"}
	hubAPI  = tagalong.Repository{Registry: "docker.io", Name: "shop/api"}
	nginx   = tagalong.Repository{Registry: "docker.io", Name: "library/nginx"}

	ownRepositories = []tagalong.Repository{shopAPI, awayAPI, shopWeb}
	fixedRepository = shopWeb
)

// ours reports whether a repository is one in which tags are put.
func ours(r tagalong.Repository) bool { return slices.Contains(ownRepositories, r) }

// ruling is a set of rules, and what it means in other words.
type ruling struct {
	rules       tagalong.Rules
	environment func(tagalong.Service) string // "" if no rule matches
	templates   map[string][]string           // by environment; {environment} alone where there are none
	once        bool                          // there are {time} tags
	crosses     map[string]bool               // environments whose tags go into other accounts' registries, too
}

var bothAccounts = []string{"111122223333", "444455556666"}

var rulings = []ruling{
	{environment: func(s tagalong.Service) string { return s.Cluster }},
	{
		rules:       tagalong.Rules{{Environment: "prod"}},
		environment: func(tagalong.Service) string { return "prod" },
	},
	{
		rules:       tagalong.Rules{{Environment: "prod", Accounts: bothAccounts, Clusters: []string{"prod-*"}}},
		environment: func(s tagalong.Service) string { return map[string]string{"prod-a": "prod"}[s.Cluster] },
		crosses:     map[string]bool{"prod": true},
	},
	{
		rules: tagalong.Rules{
			{Environment: "prod", Clusters: []string{"prod*"}, Repositories: []string{"shop/*"}, Tags: []string{"{environment}", "{environment}-{container}"}},
			{Environment: "prod-rest", Tags: []string{"live"}},
		},
		environment: func(s tagalong.Service) string {
			return map[bool]string{true: "prod", false: "prod-rest"}[s.Cluster != "test"]
		},
		templates: map[string][]string{"prod": {"{environment}", "{environment}-{container}"}, "prod-rest": {"live"}},
		crosses:   map[string]bool{"prod": true},
	},
	{
		rules: tagalong.Rules{
			{Environment: "one", Services: []string{"api"}, Tags: []string{"live", "{service}"}},
			{Environment: "two", Accounts: bothAccounts, Tags: []string{"live", "{cluster}-{container}"}},
		},
		environment: func(s tagalong.Service) string {
			return map[bool]string{true: "one", false: "two"}[s.Name == "api"]
		},
		templates: map[string][]string{"one": {"live", "{service}"}, "two": {"live", "{cluster}-{container}"}},
		crosses:   map[string]bool{"two": true},
	},
	{
		rules: tagalong.Rules{{Environment: "prod", Accounts: []string{"111122223333"}, Tags: []string{"{environment}", "{service}-{time}"}}, {Environment: "eu"}},
		environment: func(s tagalong.Service) string {
			return map[bool]string{true: "prod", false: "eu"}[s.Region == "us-east-1"]
		},
		templates: map[string][]string{"prod": {"{environment}"}}, // a {time} tag that was put is no wish any more
		once:      true,
		crosses:   map[string]bool{"prod": true},
	},
}

// mayTag reports whether a service's tags go onto images of a repository.
func (r ruling) mayTag(s tagalong.Service, repository tagalong.Repository) bool {
	return ours(repository) && (r.crosses[r.environment(s)] || strings.HasPrefix(repository.Registry, s.Account))
}

// tags returns the tags that a container claims.
func (r ruling) tags(s tagalong.Service, container string) (tags []string) {
	environment := r.environment(s)
	templates := r.templates[environment]
	if len(templates) == 0 {
		templates = []string{"{environment}"}
	}
	for _, tag := range templates {
		tag = strings.ReplaceAll(tag, "{environment}", environment)
		tag = strings.ReplaceAll(tag, "{cluster}", s.Cluster)
		tag = strings.ReplaceAll(tag, "{service}", s.Name)
		tags = append(tags, strings.ReplaceAll(tag, "{container}", container))
	}
	return tags
}

// The versions of images, the same in all repositories: plain ones, indexes, and
// one that has been deleted.
const (
	firstIndex = 3
	gone       = 5
	absentTag  = 9
)

func image(version int) tagalong.Manifest {
	m := tagalongtest.Image(fmt.Sprint("version ", version))
	if isIndex(version) {
		m, _ = tagalongtest.Index(fmt.Sprint("version ", version))
	}
	if commit := builtFrom[version]; commit != "" {
		return tagalongtest.Annotated(m, commit, versionOf[version])
	}
	return m
}

// builtFrom are the commits that images are annotated with.
var builtFrom = map[int]string{1: "c0ffee1", 2: "c0ffee2", 4: "c0ffee4", gone: "never read"}

// versionOf are the versions that they are annotated with.
var versionOf = map[int]string{1: "1.0.4", 2: "no tag", 4: "4.0"}

func isIndex(version int) bool { return version >= firstIndex && version < gone }

// platforms returns the images of an index that run somewhere.
func platforms(version int) []tagalong.Manifest {
	_, children := tagalongtest.Index(fmt.Sprint("version ", version))
	return children[:len(tagalongtest.Platforms)]
}

func versionTag(version int) string { return fmt.Sprintf("v%d", version) }

// varied are all images that there are, known in every way.
func varied() choices {
	return choices{
		images:       []int{0, 1, 2, 3, 4, gone},
		repositories: []tagalong.Repository{shopAPI, shopAPI, shopWeb, awayAPI, hubAPI, nginx},
		kinds: []string{
			"resolved", "resolved", "resolved", "pinned", "pinned with its tag", "reported", "reported", "disputed", "guessed", "unknown", "nameless",
		},
	}
}

// alike are images of which it often is the same again.
func alike() choices {
	return choices{images: []int{0, 0, 1}, repositories: []tagalong.Repository{shopAPI}, kinds: []string{"resolved", "pinned", "reported"}}
}

// drawStory draws what happens to some of the services.
func drawStory(t *rapid.T, of choices, drawHistory func(*rapid.T) []tagalong.Fact) story {
	s := story{ruling: rapid.SampledFrom(rulings).Draw(t, "rules"), choices: of, deployed: map[deploymentOf]deployed{}}
	if s.once { // a {time} tag that can not be put would stay for ever
		s.images = slices.DeleteFunc(slices.Clone(s.images), func(version int) bool { return version == gone })
	} else {
		s.fixed = rapid.Bool().Draw(t, "fixed")
	}
	if rapid.IntRange(0, 5).Draw(t, "elsewhere") == 0 {
		s.elsewhere = "444455556666"
	}
	count := rapid.IntRange(1, len(services)).Draw(t, "services")
	for _, service := range rapid.Permutation(services).Draw(t, "order of services")[:count] {
		var liked []choice
		for _, fact := range drawActions(t) {
			s.happenings = append(s.happenings, happening{service, fact})
		}
		for _, fact := range drawHistory(t) {
			s.happenings = append(s.happenings, happening{service, fact})
			s.deploy(t, deploymentOf{service, fact.Deployment}, &liked)
		}
	}
	slices.SortStableFunc(s.happenings, func(a, b happening) int { return a.fact.Time.Compare(b.fact.Time) })
	return s
}

var deploymentIDs = []string{"ecs-svc/1", "ecs-svc/10", "ecs-svc/2", "ecs-svc/20", "ecs-svc/3", "ecs-svc/30"}

// drawHistory draws the facts of a service: any, or such as ECS would tell.
func drawHistory(t *rapid.T) []tagalong.Fact {
	facts := drawCourse(t)
	if len(facts) == 0 {
		return nil
	}
	looks := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) tagalong.Fact {
		name := rapid.SampledFrom([]tagalong.FactName{tagalong.Draining, tagalong.Draining, tagalong.Drained}).Draw(t, "tasks")
		at := facts[0].Time.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "look")) * 500 * time.Millisecond)
		return tell(rapid.SampledFrom(facts).Draw(t, "of").Deployment, name, at, tagalong.FromSweep, false)
	}), 0, 3, func(f tagalong.Fact) string { return fmt.Sprint(f.Deployment, f.Name, f.Time) }).Draw(t, "looks at the tasks")
	return append(facts, looks...)
}

// drawCourse draws how deployments go.
func drawCourse(t *rapid.T) []tagalong.Fact {
	switch rapid.IntRange(0, 19).Draw(t, "chronicle") {
	case 0:
		return drawAnything(t, 6, 40, 40)
	case 1, 2, 3, 4, 5, 6:
		return drawAnything(t, 4, 16, 8)
	}
	return drawPlausible(t, 5)
}

// drawAnything draws facts so close to each other that all that may go wrong does.
func drawAnything(t *rapid.T, deployments, times, most int) []tagalong.Fact {
	fact := rapid.Custom(func(t *rapid.T) tagalong.Fact {
		return tell(
			rapid.SampledFrom(deploymentIDs[:deployments]).Draw(t, "deployment"),
			rapid.SampledFrom([]tagalong.FactName{tagalong.InProgress, tagalong.Completed, tagalong.Completed, tagalong.Failed}).Draw(t, "name"),
			noon.Add(time.Duration(rapid.IntRange(0, times).Draw(t, "moment"))*500*time.Millisecond),
			rapid.SampledFrom([]tagalong.Source{tagalong.FromEvent, tagalong.FromEvent, tagalong.FromEvent, tagalong.FromSweep}).Draw(t, "source"),
			rapid.IntRange(0, 7).Draw(t, "rollback") == 0,
		)
	})
	key := func(f tagalong.Fact) string { return fmt.Sprint(f.Deployment, f.Name, f.Time) }
	return rapid.SliceOfNDistinct(fact, 0, most, key).Draw(t, "facts")
}

func tell(deployment string, name tagalong.FactName, at time.Time, source tagalong.Source, rollback bool) tagalong.Fact {
	f := tagalong.Fact{Deployment: deployment, Name: name, Time: at, Source: source}
	f.Reason = fmt.Sprintf("%s %s after %v, says the %s", deployment, name, at.Sub(noon), source)
	if rollback && name == tagalong.InProgress {
		f.Reason += ": rolling back to deploymentId " + deployment + "."
	}
	return f
}

// drawPlausible draws deployments one after the other, with rollbacks, lost facts and ties.
func drawPlausible(t *rapid.T, steps int) (facts []tagalong.Fact) {
	now, completed := noon, ""
	add := func(deployment string, name tagalong.FactName, rollback bool) {
		now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Millisecond, 500 * time.Millisecond, 2 * time.Second}).Draw(t, "pass"))
		f := tell(deployment, name, now, tagalong.FromEvent, rollback)
		lost := rapid.IntRange(0, 7).Draw(t, "lost") == 0
		if !lost && !slices.ContainsFunc(facts, func(o tagalong.Fact) bool {
			return o.Deployment == f.Deployment && o.Name == f.Name && o.Time.Equal(f.Time)
		}) {
			facts = append(facts, f)
		}
	}
	for _, d := range deploymentIDs[:rapid.IntRange(1, steps).Draw(t, "steps")] {
		add(d, tagalong.InProgress, false)
		switch rapid.SampledFrom([]string{"completes", "completes", "completes", "fails", "never ends"}).Draw(t, "ending") {
		case "completes":
			add(d, tagalong.Completed, false)
			completed = d
		case "fails":
			add(d, tagalong.Failed, false)
			if completed != "" {
				add(completed, tagalong.InProgress, true)
				add(completed, tagalong.Completed, false)
			}
		}
	}
	return facts
}

// choice is what a task definition has for a container, and what becomes known of it.
type choice struct {
	name       string
	repository tagalong.Repository
	version    int
	platform   int // of an index: which one ECS reports; none is the index itself
	tagVersion int
	kind       string
}

const noPlatform = -1

func (from choices) draw(t *rapid.T, name string) choice {
	c := choice{
		name:       name,
		repository: rapid.SampledFrom(from.repositories).Draw(t, "repository"),
		version:    rapid.SampledFrom(from.images).Draw(t, "version"),
		platform:   rapid.IntRange(noPlatform, len(tagalongtest.Platforms)-1).Draw(t, "platform"),
		kind:       rapid.SampledFrom(from.kinds).Draw(t, "kind"),
	}
	c.tagVersion = c.version
	if rapid.IntRange(0, 9).Draw(t, "retagged") == 0 {
		c.tagVersion = rapid.SampledFrom(from.images).Draw(t, "tag")
	}
	return c
}

func (c choice) digest() digest.Digest {
	if isIndex(c.version) && c.platform != noPlatform {
		return platforms(c.version)[c.platform].Digest
	}
	return image(c.version).Digest
}

func (c choice) tag() string {
	switch {
	case !ours(c.repository):
		return "1"
	case c.kind == "unknown":
		return versionTag(absentTag)
	}
	return versionTag(c.tagVersion)
}

// deploy makes up the containers of a deployment, once: often those of one before.
func (s story) deploy(t *rapid.T, of deploymentOf, liked *[]choice) {
	if _, ok := s.deployed[of]; ok {
		return
	}
	chosen := slices.Clone(*liked)
	if len(chosen) == 0 || rapid.IntRange(0, 3).Draw(t, "new containers") == 0 {
		chosen = nil
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"app", "log", "web"}), 1, 3, rapid.ID).Draw(t, "containers") {
			chosen = append(chosen, s.draw(t, name))
		}
		*liked = chosen
	}
	chosen = slices.Clone(chosen)
	if rapid.IntRange(0, 2).Draw(t, "known otherwise") == 0 {
		at := rapid.IntRange(0, len(chosen)-1).Draw(t, "which")
		chosen[at].kind = rapid.SampledFrom(s.kinds).Draw(t, "kind")
	}
	s.deployed[of] = deployment(of, chosen, rapid.IntRange(0, 3).Draw(t, "revision") > 0, rapid.IntRange(0, 5).Draw(t, "agent") == 0)
}

// found returns what can be found out of a deployment.
func (s story) found(of deploymentOf) deployed {
	if of.service.Account == s.elsewhere {
		return deployed{}
	}
	return s.deployed[of]
}

// deployment tells what ECS has of containers, and what can be found out.
func deployment(of deploymentOf, chosen []choice, revised, agent bool) deployed {
	d := deployed{definition: "arn:aws:ecs:task-definition/" + of.service.Name + strings.TrimPrefix(of.id, "ecs-svc/")}
	tasks := [2]tagalong.TaskRun{{TaskDefinition: d.definition}, {TaskDefinition: d.definition}}
	d.reported = tagalongtest.Deployment{TaskDefinition: d.definition}
	missing := !revised
	for _, c := range chosen {
		m, written, resolved, reports := c.make(revised)
		d.containers = append(d.containers, m)
		d.reported.Defined = append(d.reported.Defined, written)
		d.reported.Revised = append(d.reported.Revised, resolved)
		missing = missing || resolved.Digest == "" && m.evidence != tagalong.Pinned
		for i, reported := range reports {
			tasks[i].Containers = append(tasks[i].Containers, reported)
		}
	}
	if agent && missing { // or else the tasks are not asked
		m := made{name: "agent", digest: tagalongtest.Image("agent").Digest, evidence: tagalong.Task, added: true}
		d.containers = append(d.containers, m)
		tasks[0].Containers = append(tasks[0].Containers, tagalong.Ran{Name: m.name, Digest: m.digest})
	}
	if !revised {
		d.reported.Revised = nil
	}
	d.reported.Tasks = tasks[:]
	slices.SortFunc(d.containers, func(a, b made) int { return cmp.Compare(a.name, b.name) })
	return d
}

// make returns what is to be found out of a container, and how it is told: as it was
// written, as the service revision has it, and as two tasks report it.
func (c choice) make(revised bool) (m made, written, resolved tagalong.Ran, reports []tagalong.Ran) {
	m = made{name: c.name, repository: c.repository, tag: c.tag(), digest: c.digest(), evidence: tagalong.Task}
	written = tagalong.Ran{Name: c.name, Image: c.repository.String() + ":" + m.tag}
	resolved = written
	reported := written
	reported.Digest = m.digest
	other := reported
	switch c.kind {
	case "pinned":
		m.evidence, m.tag = tagalong.Pinned, ""
		written.Image = c.repository.String() + "@" + m.digest.String()
		resolved = written
	case "pinned with its tag":
		m.evidence = tagalong.Pinned
		written.Image += "@" + m.digest.String()
		resolved = written
	case "resolved":
		if revised {
			resolved.Digest, m.evidence = m.digest, tagalong.Revision
		}
		reports = []tagalong.Ran{reported, other}
	case "reported":
		reports = []tagalong.Ran{reported, other}
	case "disputed":
		other.Digest = tagalongtest.Image("another").Digest
		m.digest, m.disputed = min(m.digest, other.Digest), true
		reports = []tagalong.Ran{reported, other}
	default:
		m.digest, m.evidence = "", tagalong.Unknown
		if c.kind == "guessed" && ours(c.repository) && c.tagVersion != gone {
			m.digest, m.evidence = image(c.tagVersion).Digest, tagalong.Guess
		}
		if c.kind == "nameless" {
			m.repository, m.tag = tagalong.Repository{}, ""
			written.Image, resolved.Image = "", ""
		}
	}
	if m.mayMoveTags() && m.tag != "" && isIndex(c.tagVersion) && slices.ContainsFunc(platforms(c.tagVersion), func(p tagalong.Manifest) bool { return p.Digest == m.digest }) {
		m.index = image(c.tagVersion).Digest
	}
	for version, commit := range builtFrom {
		if d := image(version).Digest; m.mayMoveTags() && version != gone && (d == m.digest || d == m.index) {
			m.commit = commit
			if version != 2 && m.tag == "" {
				m.version = versionOf[version]
			}
		}
	}
	return m, written, resolved, reports
}

// mayMoveTags reports whether it is sure what a container runs, and ours to tag.
func (m made) mayMoveTags() bool {
	sure := m.evidence == tagalong.Pinned || m.evidence == tagalong.Revision || m.evidence == tagalong.Task && !m.disputed
	return sure && !m.added && ours(m.repository)
}

// target is the digest that tags belong on.
func (m made) target() digest.Digest {
	if m.index != "" {
		return m.index
	}
	return m.digest
}

// strength orders how well a digest is known.
func (m made) strength() int {
	order := []tagalong.Evidence{tagalong.Unknown, tagalong.Guess, "disputed", tagalong.Task, tagalong.Revision, tagalong.Pinned}
	if m.disputed {
		return slices.Index(order, "disputed")
	}
	return slices.Index(order, m.evidence)
}

// drawArrivals draws another order of what happens, with repeats.
func drawArrivals(t *rapid.T, happenings []happening) []happening {
	if len(happenings) == 0 {
		return nil
	}
	repeats := rapid.SliceOfN(rapid.SampledFrom(happenings), 0, 4).Draw(t, "repeats")
	return rapid.Permutation(slices.Concat(happenings, repeats)).Draw(t, "arrivals")
}

// String tells the story for messages.
func (s story) String() string {
	var b strings.Builder
	for _, h := range s.happenings {
		fmt.Fprintf(&b, "  %8v %s %s %s by %s\n", h.fact.Time.Sub(noon), h.service, h.fact.Subject(), h.fact.Name, h.fact.Source)
	}
	var made []string
	for of, d := range s.deployed {
		for _, m := range d.containers {
			made = append(made, fmt.Sprintf("  %s %s: %+v", of.service, of.id, m))
		}
	}
	slices.Sort(made)
	return b.String() + strings.Join(made, "\n")
}
