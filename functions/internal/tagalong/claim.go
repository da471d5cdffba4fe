package tagalong

import (
	"cmp"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// Claim says that a tag should sit on a digest, by whom and since when. Claims
// on one tag are ordered by time; at equal times the one whose claimant sorts
// first is the newer. The newest claim is the tag's wish.
type Claim struct {
	Tag    TagID
	Digest digest.Digest
	At     time.Time // the completion of the rollout that runs
	By     string    // account/region/cluster/service#container
	// Environment is the claimant's.
	Environment string
	// Once marks a {time} tag: it is a wish until it is put, then never again.
	Once bool
}

// newer tells whether c stands above o.
func (c Claim) newer(o Claim) bool {
	if !c.At.Equal(o.At) {
		return c.At.After(o.At)
	}
	return c.By < o.By
}

// Claimant gives the By of a container's claim.
func Claimant(s Service, container string) string { return s.String() + "#" + container }

// claims gives what a running rollout claims under a policy: for each proven
// container whose image it may tag, each of the policy's tags, and for each image that
// ran before, each of its previous tags.
func claims(s Service, policy Policy, running Rollout, containers []Container, previous []Previous) []Claim {
	var all []Claim
	for _, c := range containers {
		if !c.Proven() || !policy.tags(s, c) {
			continue
		}
		for _, template := range policy.Tags {
			all = append(all, Claim{
				Tag:         TagID{Repository: c.Image, Tag: expand(template, policy.Environment, s, c.Name, running.FinishedAt)},
				Digest:      c.Target(),
				At:          running.FinishedAt,
				By:          Claimant(s, c.Name),
				Environment: policy.Environment,
				Once:        timed(template),
			})
		}
	}
	return append(all, previousClaims(s, policy, running, previous, all)...)
}

// newest gives the newest claim on a tag.
func newest(all []Claim, tag TagID) (best Claim, ok bool) {
	for _, c := range all {
		if c.Tag == tag && (!ok || c.newer(best)) {
			best, ok = c, true
		}
	}
	return best, ok
}

// claimedTags gives each tag of the claims once, in order.
func claimedTags(all ...[]Claim) []TagID {
	var tags []TagID
	for _, c := range slices.Concat(all...) {
		tags = append(tags, c.Tag)
	}
	slices.SortFunc(tags, TagID.Compare)
	return slices.Compact(tags)
}

// TagState says how a wish stands in ECR.
type TagState string

// The states of a tag in the ledger.
const (
	TagPending   TagState = "pending"
	TagConfirmed TagState = "confirmed"
	TagBlocked   TagState = "blocked" // the repository's immutability, a full image or the tag's own syntax forbids it
	TagMissing   TagState = "missing" // the image is gone
	TagInput     TagState = "input"   // a deployment reads the tag: it is left alone
)

// Settled reports whether there is nothing more to do about a tag.
func (s TagState) Settled() bool { return s == TagConfirmed || s == TagInput }

// What a row says of a container whose tags have no state of their own.
const (
	TagContested TagState = "contested" // a newer claim wants another digest there
	TagUnproven  TagState = "unproven"  // the digest is a guess, unknown or disputed
	TagForeign   TagState = "foreign"   // the image is not in an ECR repository that the service may tag
)

// TagMoved is what a check says of a tag that ECR has elsewhere than the ledger last saw it.
const TagMoved TagState = "moved"

// worst orders the states for a container with several tags, worst first.
var worst = []TagState{TagBlocked, TagMissing, TagPending, TagInput, TagUnproven, TagContested, TagConfirmed}

func worse(a, b TagState) TagState {
	return slices.MinFunc([]TagState{a, b}, func(a, b TagState) int {
		return cmp.Compare(slices.Index(worst, a), slices.Index(worst, b))
	})
}

// Tag is a tag's item of the ledger: the wish and how it stands.
type Tag struct {
	ID         TagID
	Wish       Claim  // the newest claim
	Version    string // of the wish: a unique value that its writer made up
	Claims     string // changes whenever any claim on the tag does
	State      TagState
	Reason     string
	Since      time.Time     // when it came into State
	Actual     digest.Digest // where ECR had it at CheckedAt
	CheckedAt  time.Time
	Returned   int       // how often it was put back where the wish has it, each time within a week
	DoubtUntil time.Time // till then an unanswered put may still arrive
}

// oddsFor is within what time somebody who moves a tag away is at odds with us: who does
// so once in a season is not.
const oddsFor = 7 * 24 * time.Hour

// tooOften is how often a tag is put back where it belongs: whoever moves it away
// that often will do so again.
const tooOften = 3

// returned gives how often the tag was put back of late; it was last when it was confirmed
// last. Where somebody was at odds with us, one time more shows whether that goes on.
func (t Tag) returned(now time.Time) int {
	switch {
	case now.Sub(t.CheckedAt) <= oddsFor:
		return t.Returned
	case t.Returned >= tooOften:
		return tooOften - 1
	}
	return 0
}

// fought tells whether somebody moves the tag away again and again. Once a week that is
// put to the test.
func (t Tag) fought(actual digest.Digest, now time.Time) bool {
	return t.State == TagConfirmed && t.Wish.Digest != actual && t.Returned >= tooOften && now.Sub(t.CheckedAt) <= oddsFor
}

// since returns when the tag came into a state that it is in now: looking at it again
// begins nothing.
func (t Tag) since(state TagState, now time.Time) time.Time {
	if t.State == state {
		return t.Since
	}
	return now
}

// settledAs tells whether the ledger says so already, so that nothing is written.
// When a tag was found blocked is said again after a while: see restsUntil.
func (t Tag) settledAs(v Verdict, now time.Time) bool {
	return t.State == v.State && t.Actual == v.Actual && t.Reason == v.Reason && !v.Done && t.DoubtUntil.Before(now) &&
		(t.State != TagBlocked || now.Before(t.restsUntil()))
}

// restsUntil is until when the sweep does not put a tag again that is blocked: the
// put would be refused, unless somebody has changed the repository.
func (t Tag) restsUntil() time.Time { return t.CheckedAt.Add(time.Hour) }
