package codepipeline

import "time"

// lag says how far ListActionExecutions and GetPipelineExecution lag behind.
type lag struct {
	calls int // that are yet to see nothing since `from`
	from  time.Time
}

// LagNext makes the next n calls of the reading operations show nothing that
// happened at a time or later.
func (s *Service) LagNext(n int, from time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag.calls, s.lag.from = n, instant(from)
}

// view is how much a call sees.
type view struct {
	limited bool
	before  time.Time // what happened at this time or later is not seen
}

// see gives the view of one call.
func (s *Service) see() view {
	if s.lag.calls == 0 {
		return view{}
	}
	s.lag.calls--
	return view{true, s.lag.from}
}

func (v view) sees(at time.Time) bool { return !v.limited || at.Before(v.before) }

// course is what became of an execution or an action, oldest first.
type course []step

type step struct {
	at     time.Time
	status string // as the API spells it
}

// last gives the newest step that a view sees. ok is false if it sees none.
func (c course) last(v view) (last step, ok bool) {
	for _, s := range c {
		if v.sees(s.at) {
			last, ok = s, true
		}
	}
	return last, ok
}

// status is how far it really came.
func (c course) status() string {
	last, _ := c.last(view{})
	return last.status
}

func (c *course) step(status string, at time.Time) { *c = append(*c, step{at, status}) }
