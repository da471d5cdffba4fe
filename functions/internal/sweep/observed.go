package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// observedService is a service as the ledger has it, and as ECS runs it.
type observedService struct {
	tagalong.Service
	policy   tagalong.Policy
	snap     ledger.Snapshot // read before ECS was asked, and then as the sweep itself left it
	brief    bool            // of snap only the head was read
	timeline timeline.Timeline
	state    ServiceState
	seen     time.Time       // when ECS was asked for its state
	missing  []tagalong.Fact // what the ledger does not know
	// concluded are those of missing that are read from the state. They stand only if
	// nobody else has written to the ledger of the service since snap was read.
	concluded []tagalong.Fact
	outdated  bool // somebody has
}

// settled reports whether what ECS showed is no older than what is known: nothing has
// happened so lately that ECS may not show it, or it does.
func (t *observedService) settled() bool {
	return !slices.ContainsFunc(slices.Concat(t.snap.Facts, t.missing), func(f tagalong.Fact) bool {
		lately := !f.OfAction() && f.Time.After(t.seen.Add(-ledger.SettlingTime))
		return lately && (!t.state.shows(f) || f.Time.After(t.seen))
	})
}

// comparison compares services with what ECS shows of them, and records what the ledger
// lacks.
type comparison struct {
	*pass
	mu      sync.Mutex
	desired []tagalong.TagID         // to be put when all services are recorded
	outbox  []ledger.FinishedRollout // to be announced when this chunk is recorded
}

// observedServices reads what the ledger has of some services of a cluster: those that a rule
// manages, and that can be read. In brief it reads the heads first, all together, and more
// only of those that their heads alone do not say how they are.
func (p *comparison) observedServices(ctx context.Context, services []tagalong.Service, brief bool) []*observedService {
	var all []*observedService
	for _, s := range services {
		if policy, managed := p.Reactor.Rules.Within(p.covered, s); managed {
			all = append(all, &observedService{Service: s, policy: policy})
		}
	}
	if brief {
		p.readHeads(ctx, all)
	}
	return p.each(ctx, all, func(t *observedService) error {
		if t.brief {
			return nil
		}
		return p.read(ctx, t)
	})
}

// readHeads reads the heads of services whose records are not looked into now, and notes
// which are steady. What fails here fails again where each is read by itself.
func (p *comparison) readHeads(ctx context.Context, all []*observedService) {
	var asked []tagalong.Service
	for _, t := range all {
		if !p.looksIntoRecords(t) {
			asked = append(asked, t.Service)
		}
	}
	if len(asked) == 0 {
		return
	}
	heads, err := p.Records.HeadStates(ctx, asked)
	if err != nil {
		return
	}
	for _, t := range all {
		if head, there := heads[t.Service]; there && !head.Steady.IsZero() {
			t.brief, t.snap, t.timeline = true, ledger.Snapshot{Head: head}, head.Timeline()
		}
	}
}

// looksIntoRecords reports whether ECS's records of a service are looked into, whatever it
// shows of it.
func (p *comparison) looksIntoRecords(t *observedService) bool {
	return p.options.Whole || p.dueForFullScan(t.Service.String())
}

// asShown reports whether ECS shows what the head of a service says, and nothing is to be
// done about it.
func (t *observedService) asShown() bool {
	return len(gapsIn(t.timeline, t.state)) == 0 && len(t.recreated()) == 0 && len(t.outOfForce(t.timeline)) == 0 &&
		len(t.due()) == 0 && t.fault() == ""
}

// each does something with every service side by side, reports those with which it
// cannot be done, and returns the others. Those of which the ledger has learned more
// meanwhile are marked, and not reported.
func (p *comparison) each(ctx context.Context, all []*observedService, do func(*observedService) error) (done []*observedService) {
	var mu sync.Mutex
	failed := map[*observedService]bool{}
	parallel.ForEach(len(all), parallel.Limit, func(i int) {
		t := all[i]
		err := do(t)
		if err == nil {
			return
		}
		mu.Lock()
		failed[t] = true
		mu.Unlock()
		if t.outdated = errors.Is(err, reactor.ErrOutdated); t.outdated {
			return // who wrote has named it
		}
		p.unnamed.Store(true)
		p.failed(ctx, fmt.Errorf("service %s: %w", t.Service, err), driftOf(DriftLedger, t.policy.Environment, t.Service, err.Error()))
	})
	return slices.DeleteFunc(slices.Clone(all), func(t *observedService) bool { return failed[t] })
}

// read reads a service's head and its recent facts. They may be those of a moment ago: what
// is concluded from them is written over the very same head only.
func (p *comparison) read(ctx context.Context, t *observedService) (err error) {
	t.snap, t.timeline, err = p.known(ctx, t.Service, p.Records.LoadState)
	return err
}

// readWhole reads all of its facts, of which none may be newer than what was read first.
func (p *comparison) readWhole(ctx context.Context, t *observedService) error {
	if t.snap.Whole {
		return nil
	}
	snap, folded, err := p.known(ctx, t.Service, p.Reactor.Ledger.LoadWhole)
	if err != nil {
		return err
	}
	if snap.Head.Version != t.snap.Head.Version {
		return reactor.ErrOutdated
	}
	t.snap, t.timeline = snap, folded
	return nil
}

// known reads what the ledger has of a service: of the facts the recent ones, unless
// it takes all of them to know what they mean.
func (p *comparison) known(ctx context.Context, s tagalong.Service, load func(context.Context, tagalong.Service) (ledger.Snapshot, error)) (ledger.Snapshot, timeline.Timeline, error) {
	snap, err := load(ctx, s)
	if err != nil {
		return ledger.Snapshot{}, timeline.Timeline{}, err
	}
	past, err := snap.Fold()
	if errors.Is(err, timeline.ErrForgotten) && !snap.Whole {
		return p.known(ctx, s, p.Reactor.Ledger.LoadWhole)
	}
	return snap, past, err
}

// gapsIn returns what would have to happen for a timeline to say what ECS shows:
// nothing, if it does. A fact's time is left open.
func gapsIn(t timeline.Timeline, state ServiceState) (gaps []tagalong.Fact) {
	primary, ok := state.primary()
	if !ok {
		return nil
	}
	running, _ := t.Current()
	next, rolling := t.RollingOut()
	if completed := state.completed(); len(completed) > 0 && !slices.ContainsFunc(completed, func(d DeploymentState) bool { return d.ID == running.Deployment }) {
		gaps = append(gaps, newestOf(completed).end(tagalong.Completed))
	}
	switch {
	case primary.Inferred && primary.State == timeline.StateInProgress && running.Deployment == primary.ID:
		// It runs, and is scaled or loses a task: that is no rollout.
	case primary.State == timeline.StateInProgress:
		if next.Deployment != primary.ID {
			gaps = append(gaps, tagalong.Fact{Deployment: primary.ID, Name: tagalong.InProgress, Source: tagalong.FromSweep, Reason: primary.Reason})
		}
		return gaps // whatever else rolls out is superseded by it
	case primary.State == timeline.StateCompleted:
		goesOn := rolling && next.Deployment == primary.ID // as far as is known: of a rollback the end is not
		if (running.Deployment != primary.ID || goesOn || rolledBack(t, primary)) && len(gaps) == 0 {
			gaps = append(gaps, primary.end(tagalong.Completed))
		}
	default:
		if last := t.Latest(primary.ID); last < 0 || t.Rollouts[last].State == timeline.StateInProgress {
			gaps = append(gaps, primary.end(tagalong.Failed))
		}
	}
	if rolling && next.Deployment != primary.ID && !state.rollsOut(next.Deployment) {
		gaps = append(gaps, tagalong.Fact{Deployment: next.Deployment, Name: tagalong.Failed, Source: tagalong.FromSweep, Reason: "ECS does not roll it out any more"})
	}
	return gaps
}

// rolledBack reports whether a later rollout began and is over, and yet ECS has the one that ran
// before as its newest deployment: then it was rolled back to. A failed rollout that is not
// rolled back stays the newest.
func rolledBack(t timeline.Timeline, primary DeploymentState) bool {
	running, _ := t.Current()
	last := t.Rollouts[len(t.Rollouts)-1]
	return !primary.Inferred && running.Deployment == primary.ID && last.Deployment != primary.ID &&
		last.State != timeline.StateCompleted && last.StartedAt.After(running.FinishedAt)
}

// newestOf returns the primary deployment if it is among them, else the one that has
// changed last.
func newestOf(all []DeploymentState) DeploymentState {
	return slices.MaxFunc(all, func(a, b DeploymentState) int {
		switch {
		case a.Primary:
			return 1
		case b.Primary:
			return -1
		}
		return a.Changed.Compare(b.Changed)
	})
}

func (d DeploymentState) end(name tagalong.FactName) tagalong.Fact {
	return tagalong.Fact{Deployment: d.ID, Name: name, Source: tagalong.FromSweep, Reason: d.Reason}
}

// compare finds what the ledger lacks: first what ECS's records say, then, where
// they do not explain what is, what ECS says now.
func (p *comparison) compare(ctx context.Context, t *observedService, records []pipeline.ServiceDeployment) error {
	reported := p.withinRetention(t, slices.Concat(t.recreated(), factsOfRecords(records)))
	if slices.ContainsFunc(reported, func(f tagalong.Fact) bool { return f.Time.Before(t.snap.Head.Since) }) {
		if err := p.readWhole(ctx, t); err != nil {
			return err
		}
	}
	t.addMissing(reported)
	if !t.settled() {
		return nil // a later sweep will see
	}
	for _, dated := range []func([]tagalong.Fact) []tagalong.Fact{t.asECSDates, t.asOfNow} {
		after, err := p.after(ctx, t)
		if err != nil {
			return err
		}
		gaps := gapsIn(after, t.state)
		if len(gaps) == 0 {
			break
		}
		t.concluded = append(t.concluded, t.addMissing(dated(gaps))...)
	}
	return p.compareTasks(ctx, t)
}

// recreated returns that the service had gone, if it was made anew since what the ledger
// has of it: at the latest moment that is certain to lie before, since when it went
// nobody saw, and events may give times in whole seconds. What ECS still has is the
// new one's, however its times look.
func (t *observedService) recreated() []tagalong.Fact {
	gone := t.state.Created.Add(-tagalong.TimeTolerance)
	running, runs := t.timeline.Current()
	next, rolls := t.timeline.RollingOut()
	runs = runs && running.FinishedAt.Before(t.state.Created) && !t.state.has(running.Deployment)
	rolls = rolls && !next.StartedAt.IsZero() && next.StartedAt.Before(gone)
	if !runs && !rolls {
		return nil
	}
	if runs && running.FinishedAt.After(gone) {
		gone = running.FinishedAt
	}
	return []tagalong.Fact{{Name: tagalong.Retired, Time: gone, Source: tagalong.FromSweep, Reason: "the service was made anew"}}
}

// factsOfRecords returns what records say, as the sweep's facts.
func factsOfRecords(records []pipeline.ServiceDeployment) (facts []tagalong.Fact) {
	for _, record := range records {
		facts = append(facts, record.Facts(records)...)
	}
	for i := range facts {
		facts[i].Source = tagalong.FromSweep
	}
	return facts
}

// withinRetention leaves out what is older than the retention, unless it is of a
// deployment that ECS still has: what runs is known, however long it does.
func (p *comparison) withinRetention(t *observedService, facts []tagalong.Fact) []tagalong.Fact {
	return slices.DeleteFunc(facts, func(f tagalong.Fact) bool {
		return p.Reactor.Retention > 0 && f.Time.Before(p.now().Add(-p.Reactor.Retention)) && !t.state.has(f.Deployment)
	})
}

// addMissing adds facts, unless they are known, and returns those that it added.
func (t *observedService) addMissing(facts []tagalong.Fact) (added []tagalong.Fact) {
	for _, f := range tagalong.SortFacts(facts) {
		if !slices.ContainsFunc(t.snap.Facts, f.ReportedBy) && !slices.ContainsFunc(t.missing, f.Same) {
			t.missing, added = append(t.missing, f), append(added, f)
		}
	}
	return added
}

// after returns the timeline as it will be with what it lacks.
func (p *comparison) after(ctx context.Context, t *observedService) (timeline.Timeline, error) {
	whole := t.snap
	whole.Facts = slices.Concat(t.snap.Facts, t.missing)
	after, err := whole.Fold()
	if errors.Is(err, timeline.ErrForgotten) && !t.snap.Whole {
		if err := p.readWhole(ctx, t); err != nil {
			return timeline.Timeline{}, err
		}
		return p.after(ctx, t)
	}
	return after, err
}

// asECSDates returns the starts and ends of those deployments that ECS still has, with
// ECS's own times.
func (t *observedService) asECSDates(gaps []tagalong.Fact) (facts []tagalong.Fact) {
	for _, d := range t.state.Current {
		if slices.ContainsFunc(gaps, func(f tagalong.Fact) bool { return f.Deployment == d.ID }) {
			facts = append(facts, d.facts()...)
		}
	}
	return facts
}

// asOfNow returns the gaps as of when they were seen: whatever happened before, this is
// how it is.
func (t *observedService) asOfNow(gaps []tagalong.Fact) []tagalong.Fact {
	for i := range gaps {
		gaps[i].Time = t.seen
	}
	return gaps
}

// facts returns the deployment's start and, if it has ended, its end: that is the time
// from which on what ECS shows is all that there is.
func (d DeploymentState) facts() []tagalong.Fact {
	facts := []tagalong.Fact{{Deployment: d.ID, Name: tagalong.InProgress, Time: d.Created, Source: tagalong.FromSweep}}
	if name := map[timeline.State]tagalong.FactName{timeline.StateCompleted: tagalong.Completed, timeline.StateFailed: tagalong.Failed}[d.State]; name != "" {
		facts[0].NoHistory = true
		facts = append(facts, tagalong.Fact{Deployment: d.ID, Name: name, Time: d.Changed, Source: tagalong.FromSweep, Reason: d.Reason})
	}
	return facts
}

// wanted returns the deployments that will be asked for, each once.
func (t *observedService) wanted() (all []DeploymentOf) {
	for _, f := range t.due() {
		if f.OfDeployment() {
			all = append(all, DeploymentOf{t.Service, f.Deployment})
		}
	}
	slices.SortFunc(all, func(a, b DeploymentOf) int { return strings.Compare(a.Deployment, b.Deployment) })
	return slices.Compact(all)
}

// settle records what the ledger lacks of a service, and reports what is wrong
// with what runs.
func (p *comparison) settle(ctx context.Context, t *observedService) error {
	if err := p.repair(ctx, t); err != nil {
		return err
	}
	if t.unnamed() {
		p.unnamed.Store(true)
	}
	p.inspect(t)
	return nil
}

// repair records what the ledger lacks, and reports it.
func (p *comparison) repair(ctx context.Context, t *observedService) (err error) {
	facts, fault := t.due(), t.fault()
	if len(facts) == 0 && fault == "" {
		return nil
	}
	if err = p.observe(ctx, t, facts); err == nil {
		err = p.read(ctx, t)
	}
	if errors.Is(err, reactor.ErrOutdated) {
		t.missing = without(t.missing, t.concluded) // the others were recorded
	} else if err != nil {
		return err
	}
	// That tasks have been seen is news, and no fault of the ledger.
	if told := slices.DeleteFunc(slices.Clone(t.missing), tagalong.Fact.OfTasks); len(told) > 0 {
		fault = lacked(told)
	}
	if fault != "" {
		d := driftOf(DriftLedger, t.policy.Environment, t.Service, fault)
		d.Repaired = true
		p.find(d)
	}
	return err
}

// without returns the facts that are not among others.
func without(facts, others []tagalong.Fact) []tagalong.Fact {
	return slices.DeleteFunc(slices.Clone(facts), func(f tagalong.Fact) bool { return slices.ContainsFunc(others, f.Same) })
}

// fault says what is wrong with what the ledger has, whatever it lacks; "" if nothing is.
func (t *observedService) fault() string {
	switch {
	case t.changed():
		return "the rules say another environment, or other tags, than they did"
	case t.snap.Head.Unfinished():
		return unfinishedChange
	}
	return ""
}

const unfinishedChange = "a change of it was not written to its end"

// observe records facts of a service, in their order, behind what its last
// change has left to come. One that cannot be recorded does not stop the others;
// ErrOutdated says that the concluded ones could not, and all else went well. Their
// tags are put later, by putDesired, and the ends that they report announced, by
// announceRecorded.
func (p *comparison) observe(ctx context.Context, t *observedService, facts []tagalong.Fact) error {
	recording, err := p.Reactor.Record(ctx, t.Service, t.snap)
	if err != nil {
		return err
	}
	var outdated, problems error
	for _, f := range tagalong.SortFacts(facts) {
		if !p.hasTime(ctx) {
			return errTimeUp
		}
		add := recording.Add
		if slices.ContainsFunc(t.concluded, f.Same) {
			add = recording.AddConcluded
		}
		recorded, err := add(ctx, f)
		if recorded {
			p.count(func(r *Report) { r.Recorded++ })
		}
		if errors.Is(err, reactor.ErrOutdated) {
			outdated = reactor.ErrOutdated
			continue
		}
		if err != nil {
			problems = errors.Join(problems, fmt.Errorf("%s %s: %w", f.Name, f.Subject(), err))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.desired = append(p.desired, recording.Tags()...)
	p.outbox = append(p.outbox, recording.Finished()...)
	return cmp.Or(problems, outdated)
}

// putDesired converges the tags whose wish was set, each to its last wish: of all that
// ran in the past, and of services that contend for a tag, only the newest gets it.
// What the time does not suffice for is found again as pending.
func (p *comparison) putDesired(ctx context.Context) (problems error) {
	slices.SortFunc(p.desired, tagalong.TagID.Compare)
	ids := slices.Compact(p.desired)
	p.desired = nil
	for chunk := range slices.Chunk(ids, sweepChunk) {
		if !p.hasTime(ctx) {
			return errTimeUp
		}
		wishes, err := p.Reactor.Ledger.Tags(ctx, chunk)
		if err != nil {
			return errors.Join(problems, err)
		}
		done, err := p.Reactor.Converge(ctx, wishes, nil)
		p.count(func(r *Report) { r.Moved += done.Moved })
		problems = errors.Join(problems, err)
	}
	return problems
}

// lacked says which facts were lacking: the first of them, and how many more.
func lacked(facts []tagalong.Fact) string {
	first := facts[0]
	text := fmt.Sprintf("%s of %s at %s was not known", first.Name, first.Deployment, tagalong.FormatTime(first.Time))
	if first.Name == tagalong.Retired {
		text = fmt.Sprintf("that the service had gone by %s was not known", tagalong.FormatTime(first.Time))
	}
	if more := len(facts) - 1; more > 0 {
		text += fmt.Sprintf(", nor %d more", more)
	}
	return text
}

// due returns what is to be recorded: what it lacks or, if that is nothing, once
// more the completion of what runs, should the rules have changed or a digest not be
// proven, or what runs and rolls out not have been named.
func (t *observedService) due() []tagalong.Fact {
	if len(t.missing) > 0 {
		return t.missing
	}
	if t.unnamed() {
		return t.standing()[:1]
	}
	running, ok := t.timeline.Current()
	if !ok {
		return nil
	}
	containers := t.snap.Head.Live[running.Deployment].Containers
	unproven := len(containers) == 0 || slices.ContainsFunc(containers, func(c tagalong.Container) bool { return c.Digest == "" || t.policy.CanTag(t.Service, c) && !c.Proven() })
	if !unproven && !t.changed() {
		return nil
	}
	return t.standing()[:1]
}

// standing returns the completion of what runs and the start of what rolls out.
func (t *observedService) standing() (facts []tagalong.Fact) {
	if running, ok := t.timeline.Current(); ok {
		facts = append(facts, tagalong.Fact{Deployment: running.Deployment, Name: tagalong.Completed, Time: running.FinishedAt, Source: running.FinishSource})
	}
	if next, rolling := t.timeline.RollingOut(); rolling {
		facts = append(facts, tagalong.Fact{Deployment: next.Deployment, Name: tagalong.InProgress, Time: next.StartedAt, Source: next.StartSource})
	}
	return facts
}

// unnamed reports whether what runs or rolls out has not been named: the ledger is older
// than its names.
func (t *observedService) unnamed() bool {
	return t.snap.Head.Version != "" && !t.snap.Head.Named && len(t.standing()) > 0
}

// changed reports whether what runs has another environment, or claims other tags, than
// the ledger has, though it lacks nothing.
func (t *observedService) changed() bool {
	running, ok := t.timeline.Current()
	if !ok || len(t.missing) > 0 {
		return false
	}
	head := t.snap.Head
	containers := head.Live[running.Deployment].Containers
	moved := head.Environment != t.policy.Environment && len(containers) > 0 // else it runs in none, as far as is known
	return moved || t.policy.AsksForPrevious(containers) != (len(head.Previous) > 0) ||
		!slices.Equal(head.Claims, ledger.ClaimsOf(t.Service, t.policy, running, containers, head.Previous))
}

// inspect reports what is wrong with what runs, and cannot be repaired.
func (p *comparison) inspect(t *observedService) {
	service, environment := t.Service, t.policy.Environment
	running, ok := t.timeline.Current()
	if !ok {
		return
	}
	containers := t.snap.Head.Live[running.Deployment].Containers
	if len(containers) == 0 {
		p.find(driftOf(DriftUnknown, environment, service, fmt.Sprintf("no container of %s is known", running.Deployment)))
	}
	for _, c := range containers {
		if c.Digest != "" && (c.Proven() || !t.policy.CanTag(service, c)) {
			continue
		}
		d := driftOf(DriftUnknown, environment, service, "evidence "+string(c.Evidence))
		if c.Disputed {
			d.Reason = "its tasks run different digests"
		}
		d.Container, d.Registry, d.Repository = c.Name, c.Image.Registry, c.Image.Name
		p.find(d)
	}
	p.inspectForeign(t, containers)
}

// inspectForeign says which rule would let a service tag the images that it runs from
// the registry of another account. Images outside of what we were given are no news.
func (p *comparison) inspectForeign(t *observedService, containers []tagalong.Container) {
	s := t.Service
	for _, c := range containers {
		if c.Added || !p.covered.Reads(c.Image) || !t.policy.CrossesAccounts(s, c.Image) {
			continue
		}
		d := driftOf(DriftForeign, t.policy.Environment, s, fmt.Sprintf(
			`the registry is another account's: a rule with "accounts": [%q] or "repositories": [%q] would let the service move tags there`, s.Account, c.Image))
		d.Container, d.Registry, d.Repository = c.Name, c.Image.Registry, c.Image.Name
		p.find(d)
	}
}
