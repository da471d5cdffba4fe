package ledger

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Reader is a container of a service that was deployed from a tag: whoever moves the
// tag decides what its next deployment runs.
type Reader struct {
	Service   tagalong.Service
	Container string
}

// Readers are tags that deployments read, each with who does, in order. Such a tag is
// an input of deployments: we neither put it nor put it back.
type Readers map[tagalong.TagID][]Reader

// Reads reports the tag that an open placement was deployed from. What drains starts no more
// tasks from it.
func (p Placement) Reads() (id tagalong.TagID, ok bool) {
	id, ok = p.Container.Input()
	return id, ok && (p.Phase == PhaseRunning || p.Phase == PhaseRollingOut || p.Phase == PhaseIdle)
}

// Readers returns what the service's own deployments read: that which runs, and that
// which rolls out. Where the head alone does not say, all that may still run count.
func (s Snapshot) Readers(of tagalong.Service) Readers {
	own := Readers{}
	timeline, err := s.Fold()
	running, _ := timeline.Current()
	next, _ := timeline.RollingOut()
	for deployment, details := range s.Head.Live {
		if err == nil && deployment != running.Deployment && deployment != next.Deployment {
			continue
		}
		for _, c := range details.Containers {
			if id, ok := c.Input(); ok {
				own.AddReader(id, Reader{of, c.Name})
			}
		}
	}
	return own
}

// AddReader adds who reads a tag. Thousands of services may read one, and mostly come in
// order: then each is put behind the others, which are not copied. No two Readers share
// a list.
func (r Readers) AddReader(id tagalong.TagID, by Reader) {
	at, there := slices.BinarySearchFunc(r[id], by, Reader.compare)
	if !there {
		r[id] = slices.Insert(r[id], at, by)
	}
}

// Add adds what a placement reads.
func (r Readers) Add(p Placement) {
	if id, reads := p.Reads(); reads {
		r.AddReader(id, Reader{p.Service, p.Container.Name})
	}
}

// With returns the readers of both.
func (r Readers) With(o Readers) Readers {
	all := Readers{}
	for _, readers := range []Readers{r, o} {
		for id, by := range readers {
			for _, one := range by {
				all.AddReader(id, one)
			}
		}
	}
	return all
}

// Without returns the readers but for those of some services.
func (r Readers) Without(gone func(tagalong.Service) bool) Readers {
	left := Readers{}
	for id, by := range r {
		for _, one := range by {
			if !gone(one.Service) {
				left.AddReader(id, one)
			}
		}
	}
	return left
}

// Has reports whether a deployment reads the tag.
func (r Readers) Has(id tagalong.TagID) bool { return len(r[id]) > 0 }

func (r Reader) compare(o Reader) int {
	return cmp.Or(cmp.Compare(r.Service.String(), o.Service.String()), cmp.Compare(r.Container, o.Container))
}

// Reason says why a tag is left alone, and what would change that.
func (r Readers) Reason(id tagalong.TagID) string {
	first := r[id][0]
	return fmt.Sprintf("container %s of %s/%s is deployed from this tag: give the environment's rule another one, or deploy from another one",
		first.Container, first.Service.Cluster, first.Service.Name)
}
