package dynamo

import (
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// stamp is the one form of times in the table: UTC, milliseconds, fixed width,
// so that the order of texts is the order of times.
const stamp = "2006-01-02T15:04:05.000Z"

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(stamp)
}

func parseTime(s string) time.Time {
	t, err := time.Parse(stamp, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// key is an item's primary key.
type key struct {
	PK string `dynamodbav:"pk"`
	SK string `dynamodbav:"sk"`
}

// The sort keys of a service's partition: facts sort before the head, rollouts
// behind it, so that one backward Query from the head gives it and the newest facts.
const (
	skHead     = "HEAD"
	prefixFact = "F#"
	prefixRow  = "R#"
	prefixNow  = "NOW#"
	prefixNext = "NEXT#"
	prefixWas  = "WAS#"
	prefixTag  = "TAG#"
	// What is claimed for previous images and a promotion lie between what runs and
	// the tags: all claims of a repository come with one Query. A promotion lies
	// under its release, too.
	prefixPrev  = "PREV#"
	prefixPromo = "PROMO#"
	prefixStage = "STAGE#"
	skOrigin    = "ORIGIN"
	prefixGone  = "GONE#"
	directory   = "DIR"
	outbox      = "OUT"
	beforeAll   = " "    // sorts before every character that a key holds
	afterAll    = "\x7f" // sorts behind every character that a key holds
)

func servicePK(s tagalong.Service) string       { return "SVC#" + s.String() }
func environmentPK(name string) string          { return "ENV#" + name }
func repositoryPK(r tagalong.Repository) string { return "REPO#" + r.Name }
func digestPK(d digest.Digest) string           { return "D#" + d.String() }

// listOf begins the sort keys of the directory's list of an environment's services.
func listOf(environment string) string {
	if environment == "" {
		return "S#"
	}
	return "ES#" + environment + "#"
}

func headKey(s tagalong.Service) key { return key{servicePK(s), skHead} }

func factKey(s tagalong.Service, f tagalong.Fact) key {
	sk := prefixFact + formatTime(f.Time) + "#" + string(f.Name) + "#" + f.Subject()
	if teller := f.Teller(); teller != "" {
		sk += "#" + string(teller)
	}
	return key{servicePK(s), sk}
}

func rowKey(s tagalong.Service, k tagalong.RolloutKey) key {
	return key{servicePK(s), prefixRow + formatTime(k.Sort) + "#" + k.Deployment}
}

func memberKey(s tagalong.Service, environment string) key {
	return key{environmentPK(environment), prefixNow + s.String()}
}

func goneKey(g tagalong.Gone) key {
	return key{environmentPK(g.Environment), prefixGone + formatTime(g.Until) + "#" + g.Service.String()}
}

func placeKey(p tagalong.Place) key {
	k := key{PK: repositoryPK(p.Container.Image)}
	switch p.Phase {
	case tagalong.PhaseRunning:
		k.SK = prefixNow + lane(p.At())
	case tagalong.PhaseRollingOut:
		k.SK = prefixNext + lane(p.At())
	default:
		k.SK = wasKey(p.At())
	}
	return k
}

func previousKey(p tagalong.PreviousPlace) key {
	at := tagalong.PlaceAt{Registry: p.Image.Registry, Service: p.Service, Container: p.Container}
	return key{repositoryPK(p.Image), prefixPrev + lane(at)}
}

// wasKey gives the sort key of a place that has ended.
func wasKey(at tagalong.PlaceAt) string { return prefixWas + formatTime(at.Since) + "#" + lane(at) }

func lane(at tagalong.PlaceAt) string {
	return at.Registry + "#" + at.Service.String() + "#" + at.Container
}

func tagKey(t tagalong.TagID) key {
	return key{repositoryPK(t.Repository), prefixTag + t.Registry + "#" + t.Tag}
}

func childKey(c tagalong.Child) key {
	return key{digestPK(c.Digest), c.Index.String() + "#" + c.Repository.Registry + "#" + c.Repository.Name}
}

func promotionKey(t tagalong.TagID) key {
	return key{repositoryPK(t.Repository), prefixPromo + t.Registry + "#" + t.Tag}
}

// promotedKey is where a release keeps that a job of it promoted a tag.
func promotedKey(r tagalong.Release, t tagalong.TagID, job string) key {
	return key{releasePK(r.Pipeline, r.Execution), prefixPromo + strings.Join([]string{t.Registry, t.Name, t.Tag, job}, "#")}
}

func stageKey(pipeline, execution string, s tagalong.StageChange) key {
	return key{releasePK(pipeline, execution), strings.Join([]string{prefixStage + formatTime(s.At), s.Stage, s.State, strconv.FormatInt(s.Attempt, 10)}, "#")}
}

var sweepKey = key{"SWEEP", "CURSOR"}

// The tags that are to be removed lie together, apart from who removes them.
const stalePK = "STALE"

var holdKey = key{"SWEEP", "UNTAG"}

func staleKey(s tagalong.Stale) key { return key{stalePK, s.Service.String() + "#" + s.ID} }

func jobKey(id string) key { return key{"JOB#" + id, "JOB"} }

// endingKey begins with the time, so that the outbox is emptied in the order in which
// it was filled. A rollout may come to end otherwise before that.
func endingKey(e tagalong.Ending) key {
	return key{outbox, strings.Join([]string{
		formatTime(e.RecordedAt), e.Service.String(), formatTime(e.SortTime()), e.Deployment, string(e.State), formatTime(e.FinishedAt),
	}, "#")}
}

// historyIndex gives the keys under which a rollout is found by its environment.
func historyIndex(environment string, at tagalong.RowAt) (pk, sk string) {
	return "E#" + environment, strings.Join([]string{formatTime(at.Sort), at.Service.String(), at.Deployment}, "#")
}

// releaseIndex gives the keys under which a rollout is found by its release, and
// the partition in which the release's own items lie.
func releaseIndex(r tagalong.Release, at tagalong.RowAt) (pk, sk string) {
	_, sk = historyIndex("", at)
	return releasePK(r.Pipeline, r.Execution), sk
}

func releasePK(pipeline, execution string) string { return "X#" + pipeline + "/" + execution }

// placeIndex gives the keys under which a place is found by its digest.
func placeIndex(d digest.Digest, at tagalong.PlaceAt) (pk, sk string) {
	return digestPK(d), strings.Join([]string{formatTime(at.Since), at.Registry, at.Service.String(), at.Container, string(at.Phase)}, "#")
}

// justBefore gives a bound below a sort key that no other key lies between, and
// justBehind one above it: keys are made of printable ASCII without blanks.
func justBefore(sk string) string {
	last := len(sk) - 1
	return sk[:last] + string(sk[last]-1) + afterAll
}

func justBehind(sk string) string { return sk + beforeAll }

func settingKey(name string) key { return key{"@" + name, "SETTING"} }

// readersPK is under which open places are found by the tag that they read.
func readersPK(id tagalong.TagID) string { return "I#" + id.String() }

// tagIndex gives the keys under which a tag is found by its environment: first
// those that are not settled.
func tagIndex(environment string, state tagalong.TagState, t tagalong.TagID) (pk, sk string) {
	settled := "0"
	if state.Settled() {
		settled = "1"
	}
	return "T#" + environment, strings.Join([]string{settled, t.Name, t.Registry, t.Tag}, "#")
}
