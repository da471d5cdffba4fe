package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/report"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What an event about an exposure is known by.
const (
	ExposureFoundType = "Tagalong Exposure Found"
	ExposureGoneType  = "Tagalong Exposure Gone"
)

// ExposureDetail is the detail of "Tagalong Exposure Found", sent once as something that an
// environment uses is first known to have a critical finding, and of "Tagalong Exposure
// Gone", as nothing does any more: then it names no package and no place. Its time is that
// of the sweep, its resources are the services:
//
//	{
//	  "environment": "prod",
//	  "id": "CVE-2026-31337",
//	  "severity": "critical",
//	  "package": "openssl",
//	  "installed": "3.0.11-1",
//	  "fixedIn": "3.0.14-1",
//	  "knownExploited": null,
//	  "epss": 0.87,
//	  "since": "2026-03-04T09:20:01Z",
//	  "count": 1,
//	  "places": [
//	    {
//	      "account": "111122223333",
//	      "region": "us-east-1",
//	      "cluster": "prod-cluster",
//	      "service": "checkout-api",
//	      "container": "checkout-api",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api",
//	      "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	      "phase": "running"
//	    }
//	  ],
//	  "summary": "prod: CVE-2026-31337 (critical, openssl 3.0.11-1, fixed in 3.0.14-1) is in use in prod-cluster/checkout-api"
//	}
type ExposureDetail struct {
	Environment    string          `json:"environment"`
	ID             string          `json:"id"`
	Severity       report.Severity `json:"severity"`
	Package        string          `json:"package"`
	Installed      string          `json:"installed"`
	FixedIn        string          `json:"fixedIn"`
	KnownExploited *bool           `json:"knownExploited"`
	EPSS           *float64        `json:"epss"`
	Since          string          `json:"since"` // when it was found
	Count          int             `json:"count"` // of places
	Places         []ExposedPlace  `json:"places"`
	Summary        string          `json:"summary"` // a sentence for chat, of plain characters
}

// Event returns the event about an exposure.
func (d ExposureDetail) Event(detailType string, at time.Time) tagalong.Event {
	d.Summary = tagalong.Plain(d.summary())
	return tagalong.Event{DetailType: detailType, Time: at, Detail: tagalong.MustJSON(d)}
}

func (d ExposureDetail) summary() string {
	if d.Count == 0 {
		return fmt.Sprintf("%s: nothing has %s any more, which was found %s", d.Environment, d.ID, d.Since)
	}
	fix := "not fixed yet"
	if d.FixedIn != "" {
		fix = "fixed in " + d.FixedIn
	}
	var places []string
	for _, p := range d.Places {
		if at := p.Cluster + "/" + p.Service; !slices.Contains(places, at) {
			places = append(places, at)
		}
	}
	text := fmt.Sprintf("%s: %s (%s, %s %s, %s) is in use in %s", d.Environment, d.ID, d.Severity, d.Package, d.Installed, fix, strings.Join(places, ", "))
	if more := d.Count - len(d.Places); more > 0 {
		text += fmt.Sprintf(" and %d more places", more)
	}
	return text
}

// ExposedPlace is where something runs, rolls out or drains that has the finding.
type ExposedPlace struct {
	Account    string        `json:"account"`
	Region     string        `json:"region"`
	Cluster    string        `json:"cluster"`
	Service    string        `json:"service"`
	Container  string        `json:"container"`
	Registry   string        `json:"registry"`
	Repository string        `json:"repository"`
	Digest     digest.Digest `json:"digest"`
	Phase      ledger.Phase  `json:"phase"`
}

// maxPlaces is how many places an event lists.
const maxPlaces = 20

func exposedPlace(p ledger.Placement) ExposedPlace {
	s, c := p.Service, p.Container
	return ExposedPlace{s.Account, s.Region, s.Cluster, s.Name, c.Name, c.Image.Registry, c.Image.Name, c.Digest, p.Phase}
}

func (p ExposedPlace) compare(o ExposedPlace) int {
	return cmp.Or(
		cmp.Compare(p.Account, o.Account), cmp.Compare(p.Region, o.Region), cmp.Compare(p.Cluster, o.Cluster), cmp.Compare(p.Service, o.Service),
		cmp.Compare(p.Container, o.Container), cmp.Compare(p.Digest, o.Digest), cmp.Compare(p.Phase, o.Phase),
	)
}

// exposure is a critical finding, and what of an environment has it.
type exposure struct {
	ledger.Exposure
	image  digest.Digest // in which it was found, one of several perhaps
	places []ExposedPlace
}

// exposures announces critical findings of what environments use.
type exposures struct{ *scanCheck }

// announce sends an event about each that is new, and one about each that is over. One that
// the bus does not accept, or that could not be written down, is sent by the next sweep.
func (p exposures) announce(ctx context.Context, open []ledger.Placement) error {
	if p.Reactor.Announcer == nil {
		return nil
	}
	now := p.found(open)
	was, err := stream.Collect(p.Findings.Exposures(ctx))
	if err != nil {
		return fmt.Errorf("exposures: %w", err)
	}
	var events []tagalong.Event
	var accepted []func(context.Context) error
	for _, e := range was {
		key := ledger.Exposure{Environment: e.Environment, ID: e.ID}
		if _, still := now[key]; !still {
			events = append(events, goneEvent(e, p.begun))
			accepted = append(accepted, func(ctx context.Context) error { return p.Findings.DropExposure(ctx, e) })
		}
		delete(now, key)
	}
	for _, e := range slices.SortedFunc(maps.Values(now), exposure.compare) {
		event, err := p.foundEvent(ctx, e)
		if err != nil {
			return err
		}
		events = append(events, event)
		accepted = append(accepted, func(ctx context.Context) error {
			return p.Findings.SetExposure(ctx, ledger.Exposure{Environment: e.Environment, ID: e.ID, Since: p.begun})
		})
	}
	return p.send(ctx, events, accepted)
}

func (e exposure) compare(o exposure) int {
	return cmp.Or(strings.Compare(e.Environment, o.Environment), strings.Compare(e.ID, o.ID))
}

// send sends events, and writes down of each that the bus has accepted it.
func (p exposures) send(ctx context.Context, events []tagalong.Event, accepted []func(context.Context) error) error {
	if len(events) == 0 {
		return nil
	}
	var problems []error
	for i, err := range p.Reactor.Announcer.Announce(ctx, events) {
		if err == nil {
			err = accepted[i](ctx)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("announcing exposures: %w", err))
		}
	}
	return errors.Join(problems...)
}

// found returns the critical findings of what is in use, by environment and id.
func (p exposures) found(open []ledger.Placement) map[ledger.Exposure]exposure {
	all := map[ledger.Exposure]exposure{}
	for _, place := range open {
		if place.Environment == "" || place.Container.Digest == "" {
			continue
		}
		for _, d := range p.platforms(place.Container.Digest) {
			for _, id := range p.scans[d].Critical {
				key := ledger.Exposure{Environment: place.Environment, ID: id}
				e := all[key]
				e.Exposure, e.image = key, cmp.Or(e.image, d)
				if at := exposedPlace(place); !slices.Contains(e.places, at) { // of an index two platforms may have it
					e.places = append(e.places, at)
				}
				all[key] = e
			}
		}
	}
	return all
}

func goneEvent(e ledger.Exposure, at time.Time) tagalong.Event {
	d := ExposureDetail{Environment: e.Environment, ID: e.ID, Severity: report.Critical, Since: tagalong.FormatTime(e.Since), Places: []ExposedPlace{}}
	return d.Event(ExposureGoneType, at)
}

// foundEvent says of a finding what is known of it in one of the images.
func (p exposures) foundEvent(ctx context.Context, e exposure) (tagalong.Event, error) {
	d := ExposureDetail{Environment: e.Environment, ID: e.ID, Severity: report.Critical, Since: tagalong.FormatTime(p.begun), Count: len(e.places)}
	for f, err := range p.Findings.Findings(ctx, e.image, e.ID) {
		if err != nil {
			return tagalong.Event{}, fmt.Errorf("finding %s of %s: %w", e.ID, e.image, err)
		}
		if f.Gone.IsZero() && f.Severity == report.Critical {
			d.Package, d.Installed, d.FixedIn, d.KnownExploited, d.EPSS = f.Package, f.Installed, f.FixedIn, f.KnownExploited, f.EPSS
			break
		}
	}
	slices.SortFunc(e.places, ExposedPlace.compare)
	d.Places = e.places[:min(len(e.places), maxPlaces)]
	event := d.Event(ExposureFoundType, p.begun)
	for _, place := range d.Places {
		arn := tagalong.Service{Account: place.Account, Region: place.Region, Cluster: place.Cluster, Name: place.Service}.ARN()
		if !slices.Contains(event.Resources, arn) {
			event.Resources = append(event.Resources, arn)
		}
	}
	return event, nil
}
