package sweep

import (
	"cmp"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// DriftKind says what a sweep has found.
type DriftKind string

// The kinds of drift.
const (
	DriftLedger      DriftKind = "ledger"      // the ledger did not say what ECS runs, or lacked what it ran
	DriftRetired     DriftKind = "retired"     // a service that the ledger had running is gone, or belongs to no environment any more
	DriftUnmanaged   DriftKind = "unmanaged"   // no environment rule matches the service, or none of a cluster that was asked for
	DriftInput       DriftKind = "input"       // a deployment reads the tag, so that it is left alone
	DriftForeign     DriftKind = "foreign"     // it runs an image of another account's registry, where no rule lets it move tags
	DriftUnknown     DriftKind = "unknown"     // it runs an image whose digest nobody knows, or only guesses
	DriftOverdue     DriftKind = "overdue"     // a rollout does not end
	DriftTag         DriftKind = "tag"         // the tag was not on its wish
	DriftBlocked     DriftKind = "blocked"     // the tag cannot be moved
	DriftMissing     DriftKind = "missing"     // the image is gone from its repository
	DriftFought      DriftKind = "fought"      // somebody moves the tag away, again and again
	DriftStale       DriftKind = "stale"       // a tag of a retired service is to be removed
	DriftUnprotected DriftKind = "unprotected" // the repository's lifecycle policy takes the image, now or once the tag moves on
	DriftUnreachable DriftKind = "unreachable" // an account, a Region or a repository could not be looked at
)

// Drift is one thing that was not as it should be, and the detail of "Tagalong Drift
// Found", whose time is that of the sweep and whose resource is the service, else the
// repository. Texts are empty where they say nothing:
//
//	{
//	  "kind": "tag",
//	  "healed": true,
//	  "environment": "prod",
//	  "account": "",
//	  "region": "",
//	  "cluster": "",
//	  "service": "",
//	  "container": "",
//	  "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	  "repository": "checkout-api",
//	  "tag": "prod",
//	  "want": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "actual": "sha256:8abb67cb237d18fd8262ae26ea806d495cd18e15989563e2e0b995cf1167958b",
//	  "reason": "moved by somebody else",
//	  "summary": "prod: tag repaired: checkout-api:prod: moved by somebody else"
//	}
//
// A sweep announces each thing that it has repaired, and each that is left, but nothing
// that is intended: a service that is unmanaged or may not tag what it runs, a tag that
// deployments read; and nothing that only may come, such as the loss of an image that is
// unprotected. What is left the next one announces again.
type Drift struct {
	Kind        DriftKind     `json:"kind"`
	Repaired    bool          `json:"healed"` // as far as it can be: there is nothing left to do about it
	Environment string        `json:"environment"`
	Account     string        `json:"account"`
	Region      string        `json:"region"`
	Cluster     string        `json:"cluster"`
	Service     string        `json:"service"`
	Container   string        `json:"container"`
	Registry    string        `json:"registry"`
	Repository  string        `json:"repository"`
	Tag         string        `json:"tag"`
	Want        digest.Digest `json:"want"`   // the digest of the tag's wish
	Actual      digest.Digest `json:"actual"` // where ECR had it
	Reason      string        `json:"reason"`
}

// Left reports whether something is left to be done about it. That a service is not
// managed, or may not tag what it runs, is the rules' intention; that a deployment reads
// a tag is somebody's; an image that is unprotected is where it belongs, and reported once
// a day.
func (d Drift) Left() bool { return !d.Repaired && !intended[d.Kind] }

// intended are the kinds that are reported, and that neither count nor are announced.
var intended = map[DriftKind]bool{DriftUnmanaged: true, DriftForeign: true, DriftInput: true, DriftUnprotected: true}

// compare orders drift by what it is about.
func (d Drift) compare(o Drift) int {
	return cmp.Or(
		cmp.Compare(d.Account, o.Account), cmp.Compare(d.Region, o.Region), cmp.Compare(d.Cluster, o.Cluster), cmp.Compare(d.Service, o.Service),
		cmp.Compare(d.Repository, o.Repository), cmp.Compare(d.Registry, o.Registry), cmp.Compare(d.Tag, o.Tag),
		cmp.Compare(d.Container, o.Container), cmp.Compare(d.Kind, o.Kind), cmp.Compare(d.Reason, o.Reason),
	)
}

func driftOf(kind DriftKind, environment string, s tagalong.Service, reason string) Drift {
	return Drift{Kind: kind, Environment: environment, Account: s.Account, Region: s.Region, Cluster: s.Cluster, Service: s.Name, Reason: reason}
}

func driftOfTag(t ledger.Tag, kind DriftKind, actual digest.Digest, reason string) Drift {
	return Drift{
		Kind: kind, Environment: t.Wish.Environment, Registry: t.ID.Registry, Repository: t.ID.Name, Tag: t.ID.Tag,
		Want: t.Wish.Digest, Actual: actual, Reason: reason,
	}
}

// What Tagalong's own events are known by.
const (
	DriftFoundType = "Tagalong Drift Found"
)

// Event returns the event that says what a sweep found at a time. It is about the service,
// else about the repository in ECR.
func (d Drift) Event(at time.Time) tagalong.Event {
	d.Reason = tagalong.Truncate(d.Reason)
	e := tagalong.Event{DetailType: DriftFoundType, Time: at, Detail: tagalong.MustJSON(driftDetail{d, d.summary()})}
	if d.Service != "" {
		e.Resources = []string{tagalong.Service{Account: d.Account, Region: d.Region, Cluster: d.Cluster, Name: d.Service}.ARN()}
	} else if account, region, ok := (tagalong.Repository{Registry: d.Registry}).ECR(); ok {
		e.Resources = []string{tagalong.Arn("ecr", account, region, "repository/"+d.Repository)}
	}
	return e
}

// driftDetail is drift with a sentence for chat, of plain characters.
type driftDetail struct {
	Drift
	Summary string `json:"summary"`
}

func (d Drift) summary() string {
	state := "left"
	if d.Repaired {
		state = "repaired"
	}
	about := d.Cluster + "/" + d.Service
	switch {
	case d.Tag != "":
		about = d.Repository + ":" + d.Tag
	case d.Service == "":
		about = cmp.Or(d.Repository, d.Cluster, d.Registry, d.Account)
	}
	return tagalong.Plain(fmt.Sprintf("%s: %s %s: %s: %s", cmp.Or(d.Environment, "no environment"), d.Kind, state, about, d.Reason))
}
