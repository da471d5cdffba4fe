package reactor

import (
	"context"
	"errors"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/decide"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// ErrOutdated says that what AWS showed of a service may be older than what the ledger has
// learned of it since.
var ErrOutdated = errors.New("the ledger has learned more of the service since it was read")

// Recording takes facts of one service as far as the ledger, one after the other. Of all of
// them only the last one's tags are to be put, and only what is known after them is to be
// announced: both are left to who records.
type Recording struct {
	reactor *Reactor
	service tagalong.Service
	wishes  map[tagalong.TagID]ledger.Tag
	outbox  []ledger.FinishedRollout
	// head is the version of the service's head that was read at first, and then the one
	// that the facts before have left: another one is somebody else's.
	head string
	// onlyOnHead has a fact be recorded on no other head.
	onlyOnHead bool
}

// Record begins a recording of a service as it was read, with what its last change has left
// to come.
func (r *Reactor) Record(ctx context.Context, s tagalong.Service, read ledger.Snapshot) (*Recording, error) {
	n := &Recording{reactor: r, service: s, wishes: map[tagalong.TagID]ledger.Tag{}, head: read.Head.Version}
	return n, n.take(&pass{obs: decide.Observation{Service: s, Now: r.Clock()}, know: decide.LedgerView{Snapshot: read}}, func(p *pass) error {
		return p.finish(ctx, ledger.Rest.Remains)
	})
}

// Add records a fact, however old it is. It reports whether the ledger did not have it.
func (n *Recording) Add(ctx context.Context, f tagalong.Fact) (recorded bool, err error) {
	policy, _, err := n.reactor.Policy(ctx, n.service)
	if err != nil {
		return false, err
	}
	obs := decide.Observation{Service: n.service, Policy: policy, Fact: f, Now: n.reactor.Clock()}
	know, partial, err := n.reactor.load(ctx, &obs)
	if err != nil {
		return false, err
	}
	p := &pass{obs: obs, know: know}
	err = n.take(p, func(p *pass) error {
		if err := p.record(ctx); err != nil {
			return err
		}
		if p.recorded {
			return nil
		}
		return p.recheckTags(ctx)
	})
	return p.recorded, joined(joined(partial, p.unread), err)
}

// AddConcluded is Add for what was concluded from the service as it was read at first. It
// returns ErrOutdated, and records nothing, if anybody else has written to it since.
func (n *Recording) AddConcluded(ctx context.Context, f tagalong.Fact) (recorded bool, err error) {
	n.onlyOnHead = true
	defer func() { n.onlyOnHead = false }()
	return n.Add(ctx, f)
}

func (n *Recording) take(p *pass, do func(*pass) error) error {
	p.Reactor, p.recording = n.reactor, n
	p.wishes, p.outbox, p.readings = n.wishes, n.outbox, map[tagalong.Repository]reading{}
	err := do(p)
	n.outbox = p.outbox
	return err
}

// Tags returns the tags whose wish was set, for Converge.
func (n *Recording) Tags() (ids []tagalong.TagID) {
	for id := range n.wishes {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, tagalong.TagID.Compare)
	return ids
}

// Finished returns the ends of rollouts that were recorded, for Announce.
func (n *Recording) Finished() []ledger.FinishedRollout { return n.outbox }

// outdated reports whether a change is not to be written, since it is one of another head
// than the fact was concluded from.
func (n *Recording) outdated(c ledger.Change) bool {
	return n != nil && n.onlyOnHead && n.head != c.Seen
}

// follow keeps the version of the head, as long as nobody else has changed it.
func (n *Recording) follow(c ledger.Change) {
	if n != nil && n.head == c.Seen {
		n.head = c.Head.Version
	}
}
