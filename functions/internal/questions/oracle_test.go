package questions_test

import (
	"cmp"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// oracle answers all questions by looking at everything.
type oracle struct {
	story
	rollouts []rollout // newest first
	// tags is where ECR has the tags now.
	tags func(tagalong.Repository) map[string]digest.Digest
	// kept is since when what has ended is kept; zero: for ever.
	kept time.Time
}

// answer is a whole answer, or none: then nothing is known of the time asked for.
type answer[R any] struct {
	rows []R
	gaps []query.Gap
	none error // as an example of the error wanted
}

// matches reports whether a service is meant by CLUSTER/NAME or NAME with globs.
func matches(pattern string, s tagalong.Service) bool {
	cluster, name, two := strings.Cut(pattern, "/")
	if !two {
		cluster, name = "*", pattern
	}
	inCluster, _ := path.Match(cluster, s.Cluster)
	named, _ := path.Match(name, s.Name)
	return pattern == "" || inCluster && named
}

func meant(asked, is string) bool { return asked == "" || asked == is }

// unknownIsNull returns a time as rows have it.
func unknownIsNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (o oracle) running(environment, pattern string, at time.Time) answer[query.RunningRow] {
	a := answer[query.RunningRow]{rows: []query.RunningRow{}}
	if !at.IsZero() && !o.kept.IsZero() && at.Before(o.kept.Add(time.Second)) {
		a.none = &query.HorizonError{Environment: environment, At: at, CompleteSince: o.kept.Add(time.Second - time.Nanosecond), Expired: true}
		return a
	}
	for _, r := range o.rollouts {
		if !meant(environment, r.environment) || !matches(pattern, r.service) {
			continue
		}
		if r.runs(at) {
			for _, c := range r.containers {
				a.rows = append(a.rows, o.runningRow(r, c, at))
			}
		}
		if r.shown() && !at.IsZero() && !o.hadCompleted(r.service, at) {
			a.gaps = append(a.gaps, query.Gap{Service: r.service, CompleteSince: o.firstSeen(r.service)})
		}
	}
	slices.SortFunc(a.rows, func(a, b query.RunningRow) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(fullName(a), fullName(b)), cmp.Compare(a.Container, b.Container))
	})
	if len(a.rows) == 0 {
		a.none = o.unknown(environment, pattern)
	}
	switch {
	case len(a.rows) == 0 && len(a.gaps) > 0:
		a.none = o.horizon(environment, at, a.gaps)
	case a.none == nil && !at.IsZero() && len(o.facts()) == 0:
		a.none = &query.HorizonError{Environment: environment, At: at}
	}
	return a
}

// unknown returns an example of the error that is wanted if a question gives a name that
// never occurred: nil if it did, or if it is a glob.
func (o oracle) unknown(environment, pattern string) error {
	environments := map[string]bool{"": true}
	for _, row := range o.environments() {
		environments[row.Environment] = true
	}
	if !environments[environment] {
		delete(environments, "")
		return misnamed(tagalong.EnvironmentName, environment, slices.Collect(maps.Keys(environments)))
	}
	return o.unknownService(pattern)
}

// unknownService is the same for CLUSTER/NAME or NAME.
func (o oracle) unknownService(pattern string) error {
	cluster, name, two := strings.Cut(pattern, "/")
	if !two {
		cluster, name = "*", pattern
	}
	glob := func(s string) bool { return strings.ContainsAny(s, "*?[") }
	var clusters, names []string
	for s := range o.facts() {
		if matches(pattern, s) || glob(cluster) && s.Name == name {
			return nil
		}
		clusters = append(clusters, s.Cluster)
		if names = append(names, s.Name); two {
			names[len(names)-1] = s.Cluster + "/" + s.Name
		}
	}
	switch {
	case pattern == "":
		return nil
	case !glob(cluster) && !slices.Contains(clusters, cluster):
		return misnamed(tagalong.ClusterName, cluster, clusters)
	case glob(name):
		return nil
	}
	return misnamed(tagalong.ServiceName, pattern, names)
}

// misnamed is the error for a name, with all that it may have been meant for.
func misnamed(kind tagalong.NameKind, name string, known []string) error {
	return &tagalong.UnknownNameError{Kind: kind, Name: name, Nearest: slices.Compact(slices.Sorted(slices.Values(known)))}
}

// distance counts the characters that one must put in, take out or replace.
func distance(a, b string) int {
	switch {
	case a == "" || b == "":
		return len(a) + len(b)
	case a[0] == b[0]:
		return distance(a[1:], b[1:])
	}
	row := make([]int, len(b)+1)
	for i := range row {
		row[i] = i
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			here := min(row[j]+1, row[j+1]+1)
			if a[i] == b[j] {
				here = min(here, before)
			}
			before, row[j+1] = row[j+1], min(here, before+1)
		}
	}
	return row[len(b)]
}

// shown reports whether the rollout is what runs now of a service: one of which no
// container is known is not shown.
func (r rollout) shown() bool { return r.runs(time.Time{}) && len(r.containers) > 0 }

func fullName(r query.RunningRow) string {
	return strings.Join([]string{r.Account, r.Region, r.Cluster, r.Service}, "/")
}

func (o oracle) hadCompleted(s tagalong.Service, at time.Time) bool {
	return slices.ContainsFunc(o.rollouts, func(r rollout) bool {
		return r.service == s && r.state == timeline.StateCompleted && !r.finished.After(at)
	})
}

func (o oracle) firstSeen(s tagalong.Service) (first time.Time) {
	for _, f := range o.facts()[s] {
		if !ofActions(f) && !ofTasks(f) && (first.IsZero() || f.Time.Before(first)) {
			first = f.Time
		}
	}
	return first
}

func (o oracle) horizon(environment string, at time.Time, gaps []query.Gap) error {
	e := &query.HorizonError{Environment: environment, At: at, CompleteSince: gaps[0].CompleteSince}
	for _, gap := range gaps {
		if gap.CompleteSince.Before(e.CompleteSince) {
			e.CompleteSince = gap.CompleteSince
		}
		e.Services = append(e.Services, gap.Service)
	}
	slices.SortFunc(e.Services, func(a, b tagalong.Service) int { return cmp.Compare(a.String(), b.String()) })
	return e
}

func (o oracle) runningRow(r rollout, c made, at time.Time) query.RunningRow {
	row := query.RunningRow{
		Environment: r.environment, Kind: tagalong.KindService, Phase: "running",
		Account: r.service.Account, Region: r.service.Region, Cluster: r.service.Cluster, Service: r.service.Name, Container: c.name,
		Registry: c.repository.Registry, Repository: c.repository.Name, Digest: c.digest, Index: c.index, ImageTag: o.tagOf(r, c), Evidence: c.evidence,
		Since: unknownIsNull(r.finished), Deployment: r.deployment, TaskDefinition: r.definition, Rollback: r.rollback, Release: o.release(r), Added: c.added,
	}
	if !at.IsZero() {
		return row
	}
	row.TagState = o.tagState(r.service, c)
	for _, other := range o.rollouts {
		if other.service == r.service && other.state == timeline.StateInProgress {
			row.RollingOut, row.Rollout.State = other.deployment, ledger.ProgressRollingOut // nobody looked how far it has come
		}
	}
	return row
}

// tagState is the worst that can be said of the tags that a container claims.
func (o oracle) tagState(s tagalong.Service, c made) ledger.TagState {
	switch {
	case c.added, c.repository.Name != "" && !o.story.mayTag(s, c.repository):
		return ledger.TagForeign
	case !c.mayMoveTags():
		return ledger.TagUnproven
	}
	said := map[ledger.TagState]bool{}
	for _, tag := range o.story.tags(s, c.name) {
		row := o.wish(tagalong.TagID{Repository: c.repository, Tag: tag}).row
		if row.Digest != c.target() {
			row.State = ledger.TagContested
		}
		said[row.State] = true
	}
	for _, state := range []ledger.TagState{ledger.TagBlocked, ledger.TagMissing, ledger.TagContested} {
		if said[state] {
			return state
		}
	}
	return ledger.TagConfirmed
}

// wish is a tag and whose claim stands.
type wish struct {
	row query.TagRow
	at  time.Time
	by  string
}

// wish returns the newest claim of a tag: the last completion, and of those at one
// time the claimant that sorts first.
func (o oracle) wish(id tagalong.TagID) (newest wish) {
	for _, r := range o.rollouts {
		for _, c := range r.containers {
			claims := r.runs(time.Time{}) && c.mayMoveTags() && c.repository == id.Repository && o.story.mayTag(r.service, c.repository) && slices.Contains(o.story.tags(r.service, c.name), id.Tag)
			if !claims {
				continue
			}
			w := wish{at: r.finished, by: r.service.String() + "#" + c.name, row: query.TagRow{
				Environment: r.environment, Registry: id.Registry, Repository: id.Name, Tag: id.Tag, Digest: c.target(),
				Actual: o.tags(id.Repository)[id.Tag], Since: unknownIsNull(clock),
			}}
			if newest.by == "" || w.at.After(newest.at) || w.at.Equal(newest.at) && w.by < newest.by {
				newest = w
			}
		}
	}
	newest.row.State = o.stands(newest.row)
	return newest
}

// stands tells how a tag stands, from what can be done in its repository.
func (o oracle) stands(row query.TagRow) ledger.TagState {
	fixed := o.fixed && row.Registry == fixedRepository.Registry && row.Repository == fixedRepository.Name
	switch {
	case row.Digest == image(gone).Digest:
		return ledger.TagMissing
	case fixed && row.Digest != fixedOn:
		return ledger.TagBlocked
	}
	return ledger.TagConfirmed
}

func (o oracle) desired(pending bool) (rows []query.TagRow) {
	rows = []query.TagRow{}
	for _, id := range o.everyTag() {
		if w := o.wish(id); w.by != "" && !(pending && w.row.State == ledger.TagConfirmed) {
			rows = append(rows, w.row)
		}
	}
	slices.SortFunc(rows, func(a, b query.TagRow) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Registry, b.Registry), cmp.Compare(a.Tag, b.Tag))
	})
	return rows
}

// everyTag returns all tags that may ever be claimed.
func (s story) everyTag() (ids []tagalong.TagID) {
	for _, service := range services {
		for _, container := range []string{"app", "log", "web"} {
			for _, tag := range s.ruling.tags(service, container) {
				for _, repository := range ownRepositories {
					ids = append(ids, tagalong.TagID{Repository: repository, Tag: tag})
				}
			}
		}
	}
	slices.SortFunc(ids, tagalong.TagID.Compare)
	return slices.Compact(ids)
}

func (o oracle) environments() []query.EnvironmentRow {
	count := map[string]int{}
	for _, r := range o.rollouts {
		count[r.environment] += 0
		if r.shown() {
			count[r.environment]++
		}
	}
	rows := []query.EnvironmentRow{}
	for name, running := range count {
		rows = append(rows, query.EnvironmentRow{Environment: name, Services: running})
	}
	slices.SortFunc(rows, func(a, b query.EnvironmentRow) int { return cmp.Compare(a.Environment, b.Environment) })
	return rows
}

// asked is a HistoryQuery with a glob that can be read.
type asked struct {
	environment, pattern string
	service              tagalong.Service
	since, until         time.Time
}

func (o oracle) history(q asked) answer[ledger.HistoryRow] {
	rows := []ledger.HistoryRow{}
	for _, r := range o.rollouts {
		within := !r.sorted().Before(q.since) && (q.until.IsZero() || r.sorted().Before(q.until))
		selected := meant(q.environment, r.environment) && matches(q.pattern, r.service)
		if q.service != (tagalong.Service{}) {
			selected = r.service == q.service
		}
		if within && selected {
			rows = append(rows, o.row(r))
		}
	}
	a := answer[ledger.HistoryRow]{rows: rows}
	switch {
	case len(rows) > 0:
	case q.service == tagalong.Service{}:
		a.none = o.unknown(q.environment, q.pattern)
	case !slices.Contains(o.services(""), q.service):
		a.none = misnamed(tagalong.ServiceName, q.service.String(), textsOf(o.services("")))
	}
	return a
}

func textsOf(all []tagalong.Service) (texts []string) {
	for _, s := range all {
		texts = append(texts, s.String())
	}
	return texts
}

func (o oracle) row(r rollout) ledger.HistoryRow {
	row := ledger.HistoryRow{
		Kind:        tagalong.KindService,
		Environment: r.environment,
		Account:     r.service.Account, Region: r.service.Region, Cluster: r.service.Cluster, Service: r.service.Name,
		Deployment: r.deployment, TaskDefinition: r.definition, State: r.state,
		StartedAt: unknownIsNull(r.started), FinishedAt: unknownIsNull(r.finished), Until: unknownIsNull(r.until),
		Rollback: r.rollback, Reason: r.reason, Containers: []ledger.HistoryContainer{}, Release: o.release(r),
	}
	if r.state == timeline.StateSuperseded {
		row.OvertakenAt = unknownIsNull(r.overtaken)
	}
	for _, c := range r.containers {
		row.Containers = append(row.Containers, ledger.HistoryContainer{
			Container: c.name, Registry: c.repository.Registry, Repository: c.repository.Name,
			Digest: c.digest, Index: c.index, ImageTag: o.tagOf(r, c), Evidence: c.evidence,
		})
	}
	return row
}

// release is that of the pipeline, but a rollback has the commit with which its
// deployment ran before. Where no pipeline tells the commit it is the only one of all
// containers, or that of the service's namesake.
func (o oracle) release(r rollout) tagalong.Release {
	release := r.put
	release.Commit, release.Images = r.build().Commit, r.build().Images
	if release.Commit != "" {
		return release
	}
	commits := map[string]bool{}
	for _, c := range r.containers {
		if commit := o.commitOf(r, c); commit != "" {
			commits[commit] = true
			release.Commit = commit
		}
	}
	if len(commits) > 1 {
		release.Commit = ""
	}
	for _, c := range r.containers {
		if commit := o.commitOf(r, c); c.name == r.service.Name && commit != "" {
			release.Commit = commit
		}
	}
	return release
}

// ownTag is the tag that is written or, for a digest that is, the one by which the
// pipeline took it, else the version that the image is annotated with.
func (r rollout) ownTag(c made) string {
	if c.tag != "" || c.digest == "" {
		return c.tag
	}
	for _, d := range []digest.Digest{c.digest, c.target()} {
		if before, _, found := strings.Cut(r.build().Images, "@"+d.String()); found {
			return before[strings.LastIndex(before, " ")+1:]
		}
	}
	return c.version
}

// pinnedAlone reports whether nothing that is known of the rollout itself names an image.
func (r rollout) pinnedAlone(c made) bool {
	return c.repository.Name != "" && c.digest != "" && !c.added && r.ownTag(c) == ""
}

// tagOf is a rollout's own tag, else the one by which the image was known last in its
// repository before it came into force.
func (o oracle) tagOf(r rollout, c made) string {
	if !r.pinnedAlone(c) {
		return r.ownTag(c)
	}
	for _, s := range o.observations(r, c.target()) {
		if tag := s.ownTag(s.made); s.repository == c.repository && tag != "" {
			return tag
		}
	}
	return ""
}

// commitOf is the one that an image is annotated with, else, where nothing names it, that
// with which it had come last into a container of this name, of a service of this name.
func (o oracle) commitOf(r rollout, c made) string {
	if c.commit != "" || !r.pinnedAlone(c) {
		return c.commit
	}
	for _, s := range o.observations(r, c.target()) {
		if commit := o.broughtBy(s); s.service.Name == r.service.Name && s.name == c.name && commit != "" {
			return commit
		}
	}
	return ""
}

// observation is a container of a rollout that ran.
type observation struct {
	rollout
	made
	since time.Time
}

// observations are those of an image before a rollout came into force, the newest first:
// not where it was replaced as it completed.
func (o oracle) observations(before rollout, d digest.Digest) (all []observation) {
	end := before.finished
	if end.IsZero() {
		end = before.started
	}
	for _, r := range o.rollouts {
		for _, c := range r.containers {
			i, ok := o.interval(r, c)
			if ok && i.unfinished == "" && r.state == timeline.StateCompleted && i.since.Before(end) && c.target() == d && c.repository.Name != "" && !o.forgotten(i) {
				all = append(all, observation{r, c, i.since})
			}
		}
	}
	slices.SortFunc(all, func(a, b observation) int {
		return -cmp.Or(a.since.Compare(b.since), cmp.Compare(a.repository.Registry, b.repository.Registry),
			cmp.Compare(a.service.String(), b.service.String()), cmp.Compare(a.name, b.name))
	})
	return all
}

// broughtBy is the commit that an image is annotated with, else that of the pipeline's
// release, if the release was made for it: of the images that did not run there before it
// is the service's namesake or the only one.
func (o oracle) broughtBy(s observation) string {
	others, namesake := 0, false
	for _, c := range s.containers {
		switch {
		case c.name == s.name:
			if c.commit != "" {
				return c.commit
			}
		case !c.added && !o.ranBefore(s.rollout, c):
			others++
			namesake = namesake || c.name == s.service.Name
		}
	}
	if s.added || o.ranBefore(s.rollout, s.made) || namesake || others > 0 && s.name != s.service.Name {
		return ""
	}
	return s.build().Commit
}

// ranBefore reports whether the same image ran in the container until the rollout completed.
func (o oracle) ranBefore(r rollout, c made) bool {
	_, ran := o.before(r, c)
	return ran && r.state == timeline.StateCompleted
}

// looked is what is looked for: images of a repository, a digest, or both.
type looked struct {
	registry, repository, tag string
	digest                    digest.Digest
}

// interval is a time in which a container ran an image, or rolls it out.
type interval struct {
	service     tagalong.Service
	environment string
	made
	phase        ledger.Phase
	since, until time.Time
	first        ledger.Phase // that of its oldest part
	unfinished   string       // the deployment, if its rollout ended and never completed
	noStart      bool         // nobody saw it: then it stands where it ended
	drained      bool         // tasks of it went on: nothing adjoins its end
}

func (o oracle) where(q looked) answer[query.WhereRow] {
	if q.tag != "" {
		var problem error
		if q, problem = o.resolve(q); problem != nil {
			return answer[query.WhereRow]{none: problem}
		}
	}
	found := slices.DeleteFunc(o.intervals(), func(i interval) bool { return !o.means(q, i.made) })
	slices.SortFunc(found, func(a, b interval) int {
		return -cmp.Or(a.since.Compare(b.since), cmp.Compare(a.repository.Registry, b.repository.Registry),
			cmp.Compare(a.service.String(), b.service.String()), cmp.Compare(a.name, b.name), cmp.Compare(a.first, b.first), cmp.Compare(a.unfinished, b.unfinished))
	})
	rows := []query.WhereRow{}
	for _, i := range found {
		rows = append(rows, i.row())
	}
	if len(rows) == 0 && q.repository != "" && !o.knows(q) {
		return answer[query.WhereRow]{none: q.misnamed()}
	}
	return answer[query.WhereRow]{rows: rows}
}

// knows reports whether something of a repository ran, or ECR has it.
func (o oracle) knows(q looked) bool {
	ran := func(i interval) bool { return o.means(looked{registry: q.registry, repository: q.repository}, i.made) }
	there := func(r tagalong.Repository) bool { return meant(q.registry, r.Registry) && r.Name == q.repository }
	return slices.ContainsFunc(o.intervals(), ran) || slices.ContainsFunc(ownRepositories, there)
}

// misnamed is the error for a repository.
func (q looked) misnamed() error {
	return &tagalong.UnknownNameError{Kind: tagalong.RepositoryName, Name: strings.TrimPrefix(q.registry+"/"+q.repository, "/")}
}

// resolve finds the digest of a tag, in the only registry that can be meant.
func (o oracle) resolve(q looked) (looked, error) {
	wrong := &query.ImageError{}
	if q.registry == "" {
		registries := map[string]bool{}
		for _, i := range o.intervals() {
			if i.until.IsZero() && i.repository.Name == q.repository && ours(i.repository) {
				registries[i.repository.Registry] = true
				q.registry = i.repository.Registry
			}
		}
		switch {
		case len(registries) == 0 && !o.knows(looked{repository: q.repository}):
			return q, q.misnamed()
		case len(registries) != 1:
			return q, wrong
		}
	}
	repository := tagalong.Repository{Registry: q.registry, Name: q.repository}
	at, there := o.tags(repository)[q.tag]
	switch {
	case !ours(repository):
		return q, wrong
	case !there:
		return q, &tagalong.UnknownNameError{Kind: tagalong.TagName, Name: repository.String() + ":" + q.tag}
	}
	return looked{registry: q.registry, repository: q.repository, digest: at}, nil
}

// means reports whether a container runs what is looked for.
func (o oracle) means(q looked, c made) bool {
	official := q.registry == "" && c.repository.Registry == "docker.io" && c.repository.Name == "library/"+q.repository
	if !official && (!meant(q.registry, c.repository.Registry) || !meant(q.repository, c.repository.Name)) {
		return false
	}
	return q.digest == "" || c.digest == q.digest || c.index == q.digest || o.knownToHold(c.digest, q.digest)
}

// knownToHold reports whether a digest is an index of which it is known that it holds
// a platform's image: that comes to light as a deployment of it is first seen.
func (o oracle) knownToHold(index, platform digest.Digest) bool {
	for version := firstIndex; version < gone; version++ {
		holds := slices.ContainsFunc(platforms(version), func(m tagalong.Manifest) bool { return m.Digest == platform })
		if holds && image(version).Digest == index && o.everSeen(index) {
			return true
		}
	}
	return false
}

func (o oracle) everSeen(index digest.Digest) bool {
	for service, facts := range o.facts() {
		for _, f := range facts {
			if f.OfDeployment() && slices.ContainsFunc(o.found(deploymentOf{service, f.Deployment}).containers, func(c made) bool {
				return ours(c.repository) && c.target() == index
			}) {
				return true
			}
		}
	}
	return false
}

// intervals returns those of every container that comes from a repository; where one
// ends and the next begins with the same image they are one.
func (o oracle) intervals() (all []interval) {
	for _, r := range o.rollouts {
		for _, c := range r.containers {
			if i, ok := o.interval(r, c); ok && c.repository.Name != "" && !o.forgotten(i) {
				all = append(all, i)
			}
		}
	}
	for joined := true; joined; {
		all, joined = joinTwo(all)
	}
	return all
}

// forgotten reports whether an interval ended too long ago: in the same second, or before.
func (o oracle) forgotten(i interval) bool {
	return i.phase == ledger.PhaseEnded && i.until.Truncate(time.Second).Compare(o.kept) <= 0
}

// interval returns how long a container ran an image, with the tasks that were seen later:
// where the next rollout runs the same image, they are that one's.
func (o oracle) interval(r rollout, c made) (interval, bool) {
	i, ok := r.interval(c)
	if i.phase != ledger.PhaseEnded || i.unfinished == "" && o.continued(i) {
		return i, ok
	}
	left := r.tasks
	for at, before := r, (rollout{}); i.unfinished == ""; at = before {
		if before, ok = o.before(at, c); !ok {
			break
		}
		left = left.and(before.tasks)
	}
	switch {
	case left.on:
		i.phase, i.first, i.until = ledger.PhaseDraining, ledger.PhaseDraining, time.Time{}
	case left.gone.After(i.until):
		i.until, i.drained = left.gone, true
	}
	return i, i.noStart || !i.until.Equal(i.since)
}

// before returns the rollout that ran the same image in a container until this one completed.
func (o oracle) before(r rollout, c made) (rollout, bool) {
	is, _ := r.interval(c)
	for _, earlier := range o.rollouts {
		for _, b := range earlier.containers {
			was, ran := earlier.interval(b)
			if ran && was.unfinished == "" && was.phase == ledger.PhaseEnded && was.until.Equal(r.finished) && was.sameImage(is) {
				return earlier, true
			}
		}
	}
	return rollout{}, false
}

// continued reports whether the same image goes on in the container.
func (o oracle) continued(i interval) bool {
	return slices.ContainsFunc(o.rollouts, func(next rollout) bool {
		return next.state == timeline.StateCompleted && slices.ContainsFunc(next.containers, func(c made) bool {
			is, ran := next.interval(c)
			return ran && is.since.Equal(i.until) && i.sameImage(is)
		})
	})
}

func (r rollout) interval(c made) (interval, bool) {
	i := interval{service: r.service, environment: r.environment, made: c, since: r.finished, until: r.until}
	switch {
	case r.state == timeline.StateInProgress:
		i.phase, i.since = ledger.PhaseRollingOut, r.started
	case r.state == timeline.StateFailed, r.state == timeline.StateSuperseded:
		// It never completed, and may have served all the same.
		i.phase, i.first, i.unfinished = ledger.PhaseEnded, ledger.PhaseEnded, r.deployment
		i.since, i.until, i.noStart = r.sorted(), cmp.Or(r.finished, r.overtaken), r.started.IsZero()
		return i, i.noStart || !i.since.Equal(i.until)
	case r.until.Equal(r.finished):
		i.phase, i.first, i.unfinished = ledger.PhaseEnded, ledger.PhaseEnded, r.deployment
		return i, false
	case r.until.IsZero():
		i.phase = ledger.PhaseRunning
	default:
		i.phase = ledger.PhaseEnded
	}
	i.first = i.phase
	return i, true
}

func joinTwo(all []interval) ([]interval, bool) {
	for a, one := range all {
		for b, next := range all {
			if a == b || one.phase != ledger.PhaseEnded || one.drained || one.unfinished+next.unfinished != "" || next.phase == ledger.PhaseRollingOut || !one.until.Equal(next.since) || !one.sameImage(next) {
				continue
			}
			next.since, next.first = one.since, one.first
			if one.strength() < next.strength() {
				next.evidence, next.disputed = one.evidence, one.disputed
			}
			all[b] = next
			return slices.Delete(all, a, a+1), true
		}
	}
	return all, false
}

func (i interval) sameImage(o interval) bool {
	return i.service == o.service && i.name == o.name && i.repository == o.repository && i.digest != "" && i.digest == o.digest && i.index == o.index
}

func (i interval) row() query.WhereRow {
	row := query.WhereRow{
		Kind: tagalong.KindService, Environment: i.environment,
		Account: i.service.Account, Region: i.service.Region, Cluster: i.service.Cluster, Service: i.service.Name, Container: i.name,
		Registry: i.repository.Registry, Repository: i.repository.Name, Digest: i.digest, Index: i.index, Evidence: i.evidence,
		Phase: i.phase, Since: unknownIsNull(i.since), Until: unknownIsNull(i.until),
	}
	if i.noStart {
		row.Since = nil
	}
	return row
}

func (o oracle) diff(from, to query.PointInTime) answer[query.DiffRow] {
	left, right := o.running(from.Environment, "", from.At), o.running(to.Environment, "", to.At)
	a := answer[query.DiffRow]{rows: []query.DiffRow{}, gaps: slices.Concat(left.gaps, right.gaps), none: cmp.Or(beyond(left.none), beyond(right.none), left.none, right.none)}
	left.rows, right.rows = o.withoutAdded(left.rows), o.withoutAdded(right.rows)
	names := map[[2]string]bool{}
	for _, r := range slices.Concat(left.rows, right.rows) {
		names[[2]string{r.Service, r.Container}] = true
	}
	for name := range names {
		row := query.DiffRow{Kind: tagalong.KindService, Service: name[0], Container: name[1]}
		row.From, row.To = digests(left.rows, name, reported), digests(right.rows, name, reported)
		same := known(row.From) && slices.Equal(row.From, row.To)
		from, to := digests(left.rows, name, proven), digests(right.rows, name, proven)
		if !same && !(known(from) && slices.Equal(from, to)) {
			a.rows = append(a.rows, row)
		}
	}
	slices.SortFunc(a.rows, func(a, b query.DiffRow) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Container, b.Container))
	})
	return a
}

// withoutAdded leaves out the containers that ECS adds.
func (o oracle) withoutAdded(rows []query.RunningRow) []query.RunningRow {
	return slices.DeleteFunc(rows, func(row query.RunningRow) bool {
		s := tagalong.Service{Account: row.Account, Region: row.Region, Cluster: row.Cluster, Name: row.Service}
		return slices.ContainsFunc(o.found(deploymentOf{s, row.Deployment}).containers, func(c made) bool { return c.name == row.Container && c.added })
	})
}

// beyond is an error of a time that nothing is known of: it comes before those of names.
func beyond(err error) error {
	if _, ok := errors.AsType[*query.HorizonError](err); ok {
		return err
	}
	return nil
}

func known(set []digest.Digest) bool { return !slices.Contains(set, "") }

func reported(r query.RunningRow) digest.Digest { return r.Digest }

func proven(r query.RunningRow) digest.Digest { return cmp.Or(r.Index, r.Digest) }

func digests(rows []query.RunningRow, name [2]string, of func(query.RunningRow) digest.Digest) []digest.Digest {
	set := []digest.Digest{}
	for _, r := range rows {
		if r.Service == name[0] && r.Container == name[1] && !slices.Contains(set, of(r)) {
			set = append(set, of(r))
		}
	}
	slices.Sort(set)
	return set
}

// await tells how far a digest has come in a service: it runs, or else what became
// of its newest rollout that did not come before what runs, or ended only lately.
func (o oracle) await(s tagalong.Service, d digest.Digest, since time.Time) query.Progress {
	var newest *rollout
	past := false
	for _, r := range o.rollouts {
		carries := r.service == s && slices.ContainsFunc(r.containers, func(c made) bool { return !c.added && o.means(looked{digest: d}, c) })
		current := r.service == s && r.runs(time.Time{})
		if carries && (newest == nil || current) {
			newest = &r
		}
		past = past || current
		if past && r.service == s && !r.finished.IsZero() && r.finished.Before(since) {
			break
		}
	}
	if newest == nil {
		return query.Progress{Phase: query.AwaitNothing}
	}
	row := o.row(*newest)
	switch {
	case newest.runs(time.Time{}):
		return query.Progress{Phase: query.AwaitRunning, Rollout: &row}
	case newest.state == timeline.StateInProgress:
		return query.Progress{Phase: query.AwaitRollingOut, Rollout: &row}
	case newest.state == timeline.StateFailed && !newest.finished.Before(since):
		return query.Progress{Phase: query.AwaitFailed, Rollout: &row}
	}
	return query.Progress{Phase: query.AwaitNothing}
}

func (o oracle) services(pattern string) (found []tagalong.Service) {
	for s := range o.facts() {
		if matches(pattern, s) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b tagalong.Service) int { return cmp.Compare(a.String(), b.String()) })
	return found
}
