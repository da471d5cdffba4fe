package dynamo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/parallel"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What drains, what is idle, what rolls out, what runs (prefixNow) and what ran lie in this
// order.
const (
	prefixDrain = "DRAIN#"
	prefixIdle  = "IDLE#"
	prefixNext  = "NEXT#"
	prefixWas   = "WAS#"
)

func repositoryPK(name string) string { return "REPO#" + name }

func placementKey(p ledger.Placement) key {
	k := key{PK: repositoryPK(p.Container.Image.Name)}
	switch p.Phase {
	case ledger.PhaseRunning:
		k.SK = prefixNow + containerKey(p.At()) + ofDeployment(p.At())
	case ledger.PhaseIdle:
		k.SK = prefixIdle + containerKey(p.At()) + ofDeployment(p.At())
	case ledger.PhaseRollingOut:
		k.SK = prefixNext + containerKey(p.At())
	case ledger.PhaseDraining:
		k.SK = prefixDrain + sinceKey(p.At())
	default:
		k.SK = endedKey(p.At())
	}
	return k
}

// endedKey returns the sort key of a placement that has ended.
func endedKey(at ledger.PlacementCursor) string {
	return prefixWas + sinceKey(at)
}

func sinceKey(at ledger.PlacementCursor) string {
	return formatTime(at.Since) + "#" + containerKey(at) + ofDeployment(at)
}

// ofDeployment tells apart what else would have one key.
func ofDeployment(at ledger.PlacementCursor) string {
	if at.Deployment == "" {
		return ""
	}
	return "#" + at.Deployment
}

// containerKey names a container of a service, within a repository.
func containerKey(at ledger.PlacementCursor) string {
	return strings.Join([]string{at.Registry, at.Service.String(), at.Container}, "#")
}

// readersIndex returns the keys under which an open placement is found by the tag that it
// reads, and digestIndex those under which each one is found by its digest.
func readersIndex(id tagalong.TagID, at ledger.PlacementCursor) (pk, sk string) {
	return "I#" + id.String(), containerKey(at) + "#" + string(at.Phase)
}

func digestIndex(d digest.Digest, at ledger.PlacementCursor) (pk, sk string) {
	return digestPK(d), strings.Join([]string{formatTime(at.Since), containerKey(at), string(at.Phase)}, "#") + ofDeployment(at)
}

// placementItem says that a container runs an image of a repository, or ran it:
//
//	{
//	  "container": {
//	    "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	    "evidence": "revision",
//	    "imageTag": "build-42",
//	    "name": "checkout-api",
//	    "read": true,
//	    "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	    "repository": "checkout-api",
//	    "tags": [
//	      "prod"
//	    ]
//	  },
//	  "deployment": "ecs-svc/7330915268420174663",
//	  "environment": "prod",
//	  "gsi1pk": "I#111122223333.dkr.ecr.us-east-1.amazonaws.com/checkout-api:build-42",
//	  "gsi1sk": "111122223333.dkr.ecr.us-east-1.amazonaws.com#111122223333/us-east-1/prod-cluster/checkout-api#checkout-api#running",
//	  "gsi2pk": "D#sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "gsi2sk": "2026-03-04T09:18:02.915Z#111122223333.dkr.ecr.us-east-1.amazonaws.com#111122223333/us-east-1/prod-cluster/checkout-api#checkout-api#running",
//	  "pk": "REPO#checkout-api",
//	  "service": "111122223333/us-east-1/prod-cluster/checkout-api",
//	  "since": "2026-03-04T09:18:02.915Z",
//	  "sk": "NOW#111122223333.dkr.ecr.us-east-1.amazonaws.com#111122223333/us-east-1/prod-cluster/checkout-api#checkout-api"
//	}
type placementItem struct {
	key
	indexed
	Service     string        `dynamodbav:"service"`
	Environment string        `dynamodbav:"environment"`
	Deployment  string        `dynamodbav:"deployment"`
	Container   containerItem `dynamodbav:"container"`
	Since       string        `dynamodbav:"since"`
	Until       string        `dynamodbav:"until,omitempty"`
	Continues   bool          `dynamodbav:"continues,omitempty"`
	Continued   bool          `dynamodbav:"continued,omitempty"`
	Expires     int64         `dynamodbav:"expires,omitempty"`
	Unfinished  bool          `dynamodbav:"unfinished,omitempty"`
	NoStart     bool          `dynamodbav:"noStart,omitempty"`
	LastRan     string        `dynamodbav:"lastRan,omitempty"`
	Runs        int           `dynamodbav:"runs,omitempty"`
}

func toPlacement(p ledger.Placement) placementItem {
	i := placementItem{
		key:         placementKey(p),
		Service:     p.Service.String(),
		Environment: p.Environment,
		Deployment:  p.Deployment,
		Container:   toPlaced(ledger.Placed{Container: p.Container, Tags: p.Tags}),
		Since:       formatTime(p.Since),
		Until:       formatTime(p.Until),
		Continues:   p.Continues,
		Continued:   p.Continued,
		Expires:     epoch(p.Expires),
		Unfinished:  p.Unfinished,
		NoStart:     p.NoStart,
		LastRan:     formatTime(p.LastRan),
		Runs:        p.Runs,
	}
	if id, reads := p.Reads(); reads {
		i.GSI1PK, i.GSI1SK = readersIndex(id, p.At())
	}
	if d := p.Container.Target(); d != "" {
		i.GSI2PK, i.GSI2SK = digestIndex(d, p.At())
	}
	return i
}

func (i placementItem) placement() (ledger.Placement, error) {
	s, err := tagalong.ParseService(i.Service)
	return ledger.Placement{
		Phase:       i.phase(),
		Service:     s,
		Environment: i.Environment,
		Deployment:  i.Deployment,
		Container:   i.Container.container(),
		Since:       parseTime(i.Since),
		Until:       parseTime(i.Until),
		Continues:   i.Continues,
		Continued:   i.Continued,
		Tags:        i.Container.Tags,
		Expires:     fromEpoch(i.Expires),
		Unfinished:  i.Unfinished,
		NoStart:     i.NoStart,
		LastRan:     parseTime(i.LastRan),
		Runs:        i.Runs,
	}, err
}

// phase reads the sort key.
func (i placementItem) phase() ledger.Phase {
	switch {
	case strings.HasPrefix(i.SK, prefixNow):
		return ledger.PhaseRunning
	case strings.HasPrefix(i.SK, prefixNext):
		return ledger.PhaseRollingOut
	case strings.HasPrefix(i.SK, prefixDrain):
		return ledger.PhaseDraining
	case strings.HasPrefix(i.SK, prefixIdle):
		return ledger.PhaseIdle
	}
	return ledger.PhaseEnded
}

// claimsOf returns what an open placement claims.
func claimsOf(p ledger.Placement) []ledger.Claim {
	return all(p.Tags, func(tag string) ledger.Claim {
		return ledger.Claim{
			Tag:         tagalong.TagID{Repository: p.Container.Image, Tag: tag},
			Digest:      p.Container.Target(),
			At:          p.Since,
			By:          ledger.ContainerClaimant(p.Service, p.Container.Name),
			Environment: p.Environment,
		}
	})
}

// putPlacement and dropPlacement need no condition: the head guards a service's placements.
func putPlacement(p ledger.Placement) write { return put(toPlacement(p)) }

func dropPlacement(p ledger.Placement) write { return remove(placementKey(p)) }

// OpenPlacements reads what drains, rolls out and runs: they lie side by side.
func (l *Ledger) OpenPlacements(ctx context.Context, repository string) iter.Seq2[ledger.Placement, error] {
	q := query{pk: repositoryPK(repository), from: prefixDrain, to: prefixNow + afterAll, eventual: true}
	return decoded(l.query(ctx, q), placementItem.placement)
}

// EndedPlacements reads what ran of a repository, backward.
func (l *Ledger) EndedPlacements(ctx context.Context, repository string, behind ledger.PlacementCursor, hint int) iter.Seq2[ledger.Placement, error] {
	q := under(repositoryPK(repository), prefixWas)
	q.backward, q.eventual, q.limit = true, true, page(hint)
	if behind != (ledger.PlacementCursor{}) {
		q.to = lastEnded(behind)
	}
	return decoded(l.query(ctx, q), placementItem.placement)
}

// lastEnded returns the last sort key that a placement which has ended can have behind a
// cursor. Of those of one container that began together the phase decides, and then the
// deployment.
func lastEnded(behind ledger.PlacementCursor) string {
	if behind.Phase != ledger.PhaseEnded {
		behind.Deployment = ""
	}
	if behind.Phase > ledger.PhaseEnded {
		return endedKey(behind) + "#" + afterAll
	}
	return justBefore(endedKey(behind))
}

// DigestPlacements reads the placements of a digest, backward.
func (l *Ledger) DigestPlacements(ctx context.Context, d digest.Digest, behind ledger.PlacementCursor, hint int) iter.Seq2[ledger.Placement, error] {
	pk, sk := digestIndex(d, behind)
	q := under(pk, "")
	q.index, q.backward, q.limit = "gsi2", true, page(hint)
	if behind != (ledger.PlacementCursor{}) {
		q.to = justBefore(sk)
	}
	return decoded(l.query(ctx, q), placementItem.placement)
}

// Successor reads the items that may be it: it has ended too, drains, or runs.
func (l *Ledger) Successor(ctx context.Context, p ledger.Placement) (next ledger.Placement, ok bool, err error) {
	ended, draining, running := p, p, p
	ended.Since, ended.Phase = p.Until, ledger.PhaseEnded
	draining.Since, draining.Phase = p.Until, ledger.PhaseDraining
	running.Phase = ledger.PhaseRunning
	for placement, err := range decoded(l.getEventually(ctx, placementKey(ended), placementKey(draining), placementKey(running)), placementItem.placement) {
		if err != nil {
			return ledger.Placement{}, false, err
		}
		if placement.Succeeds(p) {
			next, ok = placement, true
		}
	}
	return next, ok, nil
}

const (
	readersAtOnce = 50 // ten containers with five tags each: no second round
	readersPage   = 25 // a service has no more open placements of one image
)

// Readers asks the index for each tag, side by side, until it finds another service.
func (l *Ledger) Readers(ctx context.Context, ids []tagalong.TagID, except tagalong.Service) (ledger.Readers, error) {
	found := make([]ledger.Readers, len(ids))
	problems := make([]error, len(ids))
	parallel.ForEach(len(ids), readersAtOnce, func(i int) {
		found[i], problems[i] = l.readersOf(ctx, ids[i], except)
	})
	all := ledger.Readers{}
	for _, readers := range found {
		maps.Copy(all, readers)
	}
	return all, errors.Join(problems...)
}

func (l *Ledger) readersOf(ctx context.Context, id tagalong.TagID, except tagalong.Service) (ledger.Readers, error) {
	readers := ledger.Readers{}
	pk, _ := readersIndex(id, ledger.PlacementCursor{})
	q := under(pk, "")
	q.index, q.limit = "gsi1", readersPage
	for i, err := range l.query(ctx, q) {
		var by readerName
		if err == nil {
			by, err = parseReader(textOf(i, "gsi1sk"))
		}
		if err != nil {
			return nil, fmt.Errorf("readers of %s: %w", id, err)
		}
		if by.service != except || strings.HasPrefix(textOf(i, "sk"), prefixInput) {
			readers.AddInput(by.service, ledger.Input{Container: by.container, Tag: id})
			return readers, nil
		}
	}
	return readers, nil
}
