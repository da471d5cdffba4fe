package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// cursor is how far the passes on the schedule have come: where an interrupted one
// goes on and, between two of them, no more than when the last one began.
type cursor struct {
	// Begun is when the pass began, and Last when the one before it did; zero: none did.
	Begun time.Time `json:"begun"`
	Last  time.Time `json:"last,omitzero"`

	Phase   string           `json:"phase,omitempty"` // "" between two passes
	Scope   tagalong.Scope   `json:"scope,omitzero"`
	Cluster string           `json:"cluster,omitempty"`
	Service string           `json:"service,omitempty"`  // behind it
	Next    tagalong.Service `json:"member,omitzero"`    // from it on
	Tag     tagalong.TagID   `json:"behindTag,omitzero"` // behind it, in the order of repositories
	Image   string           `json:"image,omitempty"`    // behind it, of its registry
	// Unasked says that scanners could not be asked about everything until then.
	Unasked bool `json:"unasked,omitempty"`
	// Named says that all that the pass has looked at until then is found by its names.
	Named bool `json:"named,omitempty"`
	// Closed is what the pass could not look at until then, with blanks between.
	Closed string `json:"closed,omitempty"`
}

// String says where that is, for people.
func (c cursor) String() string {
	place := c.Scope.String()
	switch {
	case c.Image != "":
		place = fmt.Sprintf("behind %s of %s", c.Image, place)
	case c.Tag != tagalong.TagID{}:
		place = "behind " + c.Tag.String()
	case c.Next != tagalong.Service{}:
		place = c.Next.String()
	case c.Service != "":
		place = "behind " + joinPath(joinPath(place, c.Cluster), c.Service)
	case c.Cluster != "":
		place = joinPath(place, c.Cluster)
	case c.Scope == tagalong.Scope{}:
		return c.Phase
	}
	return c.Phase + ", " + place
}

// resume returns where the sweep begins. Only the passes on the schedule leave a cursor,
// and only they take it up: what somebody asks for by hand is done from its beginning.
// The cursor is read all the same: a ledger that cannot be read is one error, before
// each service has it.
func (p *pass) resume(ctx context.Context) (cursor, error) {
	begin := cursor{Phase: phaseServices, Begun: p.now().UTC().Truncate(time.Second), Named: true}
	text, err := p.Records.Cursor(ctx)
	if err != nil || !p.options.Scheduled {
		return begin, err
	}
	var at cursor
	if text == "" || json.Unmarshal([]byte(text), &at) != nil || at.Begun.IsZero() || at.Begun.After(begin.Begun) {
		return begin, nil // there was no pass before, or one of another version, or of another clock
	}
	if at.Phase == "" {
		begin.Last = at.Begun
		return begin, nil
	}
	p.resumed = true
	if !slices.Contains(phases, at.Phase) {
		begin.Last = at.Last
		return begin, nil // of another version
	}
	p.closedBefore, at.Closed = strings.Fields(at.Closed), ""
	p.from = at
	return at, nil
}

// rightAfter is within what time of another one a pass writes down nothing, not even that
// there was one.
const rightAfter = 10 * time.Minute

// leave writes down where the next pass on the schedule goes on; done says that this
// one has come to its end.
func (p *pass) leave(ctx context.Context, at cursor, done bool) error {
	if !p.options.Scheduled {
		return nil
	}
	if done {
		if !p.resumed && at.Begun.Sub(at.Last) < rightAfter {
			return nil
		}
		at = cursor{Begun: at.Begun}
	}
	if !done {
		at.Unasked = p.unasked.Load() || len(p.unscanned) > 0
		at.Closed, at.Named = strings.Join(p.closedNames(), " "), !p.unnamed.Load()
	}
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepReserve/2)
	defer cancel()
	return p.Records.SetCursor(late, string(text))
}

// dueForFullScan reports whether it is something's turn to be looked at whole, as it is once a day,
// at an hour that follows from its name: whether that lies between this pass and the
// one before it, however far they are apart.
func (p *pass) dueForFullScan(name string) bool {
	if p.begun.Sub(p.last) >= 23*time.Hour { // a day, or there was none: a schedule is not exact
		return p.options.Scheduled
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	its := int(h.Sum32() % 24)
	for hour := p.last.Truncate(time.Hour).Add(time.Hour); !hour.After(p.begun); hour = hour.Add(time.Hour) {
		if hour.Hour() == its {
			return true
		}
	}
	return false
}
