package tagalong

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Reader is a container of a service that was deployed from a tag: whoever moves the
// tag decides what its next deployment runs.
type Reader struct {
	Service   Service
	Container string
}

// Readers are tags that deployments read, each with who does, in order. Such a tag is
// an input of deployments: we neither put it nor put it back.
type Readers map[TagID][]Reader

// Input returns the tag that the container is deployed from; ok is false for an image
// that the task definition pins, or that lies in no private ECR registry.
func (c Container) Input() (id TagID, ok bool) {
	_, _, private := c.Image.ECR()
	return TagID{Repository: c.Image, Tag: c.ImageTag}, private && c.ImageTag != "" && c.Evidence != Pinned
}

// Reads reports the tag that an open place was deployed from.
func (p Place) Reads() (id TagID, ok bool) {
	id, ok = p.Container.Input()
	return id, ok && p.Phase != PhaseEnded
}

// readers returns what the service's own deployments read: that which runs, and that
// which rolls out. Where the head alone does not tell, all that may still run count.
func (s Snapshot) readers(of Service) Readers {
	own := Readers{}
	timeline, err := s.fold()
	running, _ := timeline.running()
	next, _ := timeline.rollingOut()
	for deployment, details := range s.Head.Live {
		if err == nil && deployment != running.Deployment && deployment != next.Deployment {
			continue
		}
		for _, c := range details.Containers {
			if id, ok := c.Input(); ok {
				own.add(id, Reader{of, c.Name})
			}
		}
	}
	return own
}

func (r Readers) add(id TagID, by Reader) {
	at, there := slices.BinarySearchFunc(r[id], by, Reader.compare)
	if !there {
		r[id] = slices.Insert(slices.Clip(r[id]), at, by)
	}
}

// Add adds what a place reads.
func (r Readers) Add(p Place) {
	if id, reads := p.Reads(); reads {
		r.add(id, Reader{p.Service, p.Container.Name})
	}
}

// with returns the readers of both.
func (r Readers) with(o Readers) Readers {
	all := Readers{}
	for _, readers := range []Readers{r, o} {
		for id, by := range readers {
			for _, one := range by {
				all.add(id, one)
			}
		}
	}
	return all
}

// without returns the readers but for those of some services.
func (r Readers) without(gone func(Service) bool) Readers {
	left := Readers{}
	for id, by := range r {
		for _, one := range by {
			if !gone(one.Service) {
				left.add(id, one)
			}
		}
	}
	return left
}

func (r Readers) equal(o Readers) bool { return maps.EqualFunc(r, o, slices.Equal[[]Reader]) }

// has reports whether a deployment reads the tag.
func (r Readers) has(id TagID) bool { return len(r[id]) > 0 }

func (r Reader) compare(o Reader) int {
	return cmp.Or(cmp.Compare(r.Service.String(), o.Service.String()), cmp.Compare(r.Container, o.Container))
}

// reason says why a tag is left alone, and what would change that.
func (r Readers) reason(id TagID) string {
	first := r[id][0]
	return fmt.Sprintf("container %s of %s/%s is deployed from this tag: give the environment's rule another one, or deploy from another one",
		first.Container, first.Service.Cluster, first.Service.Name)
}
