package dynamo

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const prefixTag = "TAG#"

func tagKey(t tagalong.TagID) key {
	return key{repositoryPK(t.Name), prefixTag + t.Registry + "#" + t.Tag}
}

// tagIndex returns the keys under which a tag is found by its environment: first
// those that are not settled.
func tagIndex(environment string, state ledger.TagState, t tagalong.TagID) (pk, sk string) {
	settled := "0"
	if state.Settled() {
		settled = "1"
	}
	return "T#" + environment, strings.Join([]string{settled, t.Name, t.Registry, t.Tag}, "#")
}

// tagItem is a tag's wish and how it stands. It is never put, but updated: a wish and a
// verdict each leave alone what the other one says:
//
//	{
//	  "actual": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "checkedAt": "2026-03-04T09:20:01.312Z",
//	  "claims": "…",
//	  "environment": "",
//	  "gsi1pk": "T#",
//	  "gsi1sk": "1#checkout-api#111122223333.dkr.ecr.us-east-1.amazonaws.com#released",
//	  "once": false,
//	  "pk": "REPO#checkout-api",
//	  "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	  "repository": "checkout-api",
//	  "since": "2026-03-04T09:20:01.312Z",
//	  "sk": "TAG#111122223333.dkr.ecr.us-east-1.amazonaws.com#released",
//	  "state": "confirmed",
//	  "tag": "released",
//	  "version": "…",
//	  "wish": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "wishAt": "2026-03-04T09:12:07.511Z",
//	  "wishBy": "promotion#6f1c7b0e-93d4-4a25-b8e1-0d52c4a97f63"
//	}
type tagItem struct {
	key
	indexed
	tagIDItem
	Wish        string `dynamodbav:"wish"`
	WishAt      string `dynamodbav:"wishAt"`
	WishBy      string `dynamodbav:"wishBy"`
	Environment string `dynamodbav:"environment"`
	Once        bool   `dynamodbav:"once"`
	Version     string `dynamodbav:"version"`
	Claims      string `dynamodbav:"claims"`
	Shared      bool   `dynamodbav:"shared,omitempty"`
	State       string `dynamodbav:"state"`
	Reason      string `dynamodbav:"reason"`
	Since       string `dynamodbav:"since"`
	Actual      string `dynamodbav:"actual"`
	CheckedAt   string `dynamodbav:"checkedAt"`
	DoubtUntil  string `dynamodbav:"doubtUntil"`
	Returned    int    `dynamodbav:"returned"` // how often it was put back
}

func (i tagItem) read() (ledger.Tag, error) {
	return ledger.Tag{
		ID: i.id(),
		Wish: ledger.Claim{
			Tag: i.id(), Digest: digest.Digest(i.Wish), At: parseTime(i.WishAt), By: ledger.Claimant(i.WishBy), Environment: i.Environment, PutOnce: i.Once,
		},
		Version:    i.Version,
		Claims:     i.Claims,
		Shared:     i.Shared,
		State:      ledger.TagState(i.State),
		Reason:     i.Reason,
		Since:      parseTime(i.Since),
		Actual:     digest.Digest(i.Actual),
		CheckedAt:  parseTime(i.CheckedAt),
		DoubtUntil: parseTime(i.DoubtUntil),
		Returned:   i.Returned,
	}, nil
}

// wish returns what a wish sets: pending, under a new version. What ECR said last, and a
// doubt about it, stay.
func wish(w ledger.TagWrite) item {
	id := w.Wish.Tag
	pk, sk := tagIndex(w.Wish.Environment, ledger.TagPending, id)
	return item{
		"registry":    text(id.Registry),
		"repository":  text(id.Name),
		"tag":         text(id.Tag),
		"wish":        text(w.Wish.Digest.String()),
		"wishAt":      text(formatTime(w.Wish.At)),
		"wishBy":      text(string(w.Wish.By)),
		"environment": text(w.Wish.Environment),
		"once":        &types.AttributeValueMemberBOOL{Value: w.Wish.PutOnce},
		"version":     text(w.Version),
		"claims":      text(w.Claims),
		"state":       text(string(ledger.TagPending)),
		"since":       text(formatTime(w.At)),
		"gsi1pk":      text(pk),
		"gsi1sk":      text(sk),
		"reason":      nil,
		"returned":    nil,
	}
}

// The conditions that order claims: by time, then the claimant that sorts first
// is the newer.
const (
	notNewer = "attribute_not_exists(#wishAt) OR #wishAt < :wishAt OR (#wishAt = :wishAt AND #wishBy >= :wishBy)"
	newer    = "#wishAt > :wishAt OR (#wishAt = :wishAt AND #wishBy < :wishBy)"
)

// unshared is that of every write within a transaction.
func (c condition) unshared() condition {
	c.expression = "attribute_not_exists(#shared) AND (" + c.expression + ")"
	return c
}

// writeTag writes a wish, or says that one of its claims has changed.
func writeTag(w ledger.TagWrite) write { return wishWrite(w).of(w.Wish.Tag) }

func wishWrite(w ledger.TagWrite) write {
	k, claims := tagKey(w.Wish.Tag), item{"claims": text(w.Claims)}
	order := item{":wishAt": text(formatTime(w.Wish.At)), ":wishBy": text(string(w.Wish.By))}
	switch w.Mode {
	case ledger.Yield:
		return update(k, claims).when(condition{newer, order}.unshared())
	case ledger.Renew:
		return update(k, wish(w)).when(claimsStand(w.Seen).unshared())
	case ledger.Touch:
		return update(k, claims).when(claimsAre(w.Seen).unshared())
	case ledger.Drop:
		return remove(k).when(claimsStand(w.Seen).unshared())
	case ledger.Replace:
		return update(k, wish(w)).when(wishStands(w.Seen))
	case ledger.Remove:
		return remove(k).when(wishStands(w.Seen))
	}
	return update(k, wish(w)).when(condition{notNewer, order}.unshared()) // ledger.Advance
}

// claimsStand holds while no claim on the tag has changed since it was read.
func claimsStand(seen string) condition {
	if seen == "" {
		return absent
	}
	return claimsAre(seen)
}

func claimsAre(seen string) condition {
	return condition{"#claims = :seen", item{":seen": text(seen)}}
}

// wishStands holds while the wish is the one that was read.
func wishStands(version string) condition {
	if version == "" {
		return absent
	}
	return condition{"#version = :seen", item{":seen": text(version)}}
}

// Share marks a tag as shared.
func (l *Ledger) Share(ctx context.Context, id tagalong.TagID) (tag ledger.Tag, there bool, err error) {
	mark := update(tagKey(id), item{"shared": &types.AttributeValueMemberBOOL{Value: true}}).when(condition{expression: "attribute_exists(pk)"}).of(id)
	if err := l.write(ctx, mark); err != nil && !refused(err) {
		return ledger.Tag{}, false, err
	}
	tags, err := l.Tags(ctx, []tagalong.TagID{id})
	tag, there = tags[id]
	return tag, there, err
}

// WriteTag writes one tag.
func (l *Ledger) WriteTag(ctx context.Context, w ledger.TagWrite) error {
	return l.write(ctx, writeTag(w))
}

// settleTag records a verdict if the wish's version is still the one that was converged
// to and no unanswered put may still arrive.
func settleTag(id tagalong.TagID, version string, v ledger.Verdict) write {
	k, certain := tagKey(id), condition{
		"#version = :version AND (attribute_not_exists(#doubtUntil) OR #doubtUntil <= :checkedAt)",
		item{":version": text(version), ":checkedAt": text(formatTime(v.CheckedAt))},
	}
	if v.Done {
		return remove(k).when(certain).of(id)
	}
	_, sk := tagIndex("", v.State, id)
	verdict := item{
		"state":      text(string(v.State)),
		"since":      text(formatTime(v.Since)),
		"checkedAt":  text(formatTime(v.CheckedAt)),
		"actual":     textOrNone(v.Actual.String()),
		"reason":     textOrNone(v.Reason),
		"doubtUntil": nil,
		"gsi1sk":     text(sk),
	}
	if v.Returned > 0 {
		verdict["returned"] = &types.AttributeValueMemberN{Value: strconv.Itoa(v.Returned)}
	}
	return update(k, verdict).when(certain).of(id)
}

// noteSeen records only what ECR said, if the version is still the same: in doubt.
func noteSeen(id tagalong.TagID, version string, v ledger.Verdict) write {
	return update(tagKey(id), item{
		"checkedAt": text(formatTime(v.CheckedAt)),
		"actual":    textOrNone(v.Actual.String()),
	}).when(condition{"#version = :version", item{":version": text(version)}}).of(id)
}

// Settle records how a wish stands, and the children of the index that it sits on.
func (l *Ledger) Settle(ctx context.Context, id tagalong.TagID, version string, v ledger.Verdict) error {
	err := l.settle(ctx, settleTag(id, version, v), v)
	if !refused(err) {
		return err
	}
	tags, err := l.Tags(ctx, []tagalong.TagID{id})
	if err != nil {
		return err
	}
	if tag, ok := tags[id]; !ok || tag.Version != version {
		return ledger.ErrConflict
	}
	if err := l.settle(ctx, noteSeen(id, version, v), v); refused(err) {
		return ledger.ErrConflict
	} else if err != nil {
		return err
	}
	return ledger.ErrInDoubt
}

// settle writes the children with the tag, or before it if they are more than a transaction
// takes.
func (l *Ledger) settle(ctx context.Context, tag write, v ledger.Verdict) error {
	if v.Apart || len(putChildren(v.Children)) >= transactionItems {
		if err := l.RecordChildren(ctx, v.Children); err != nil {
			return err
		}
		return l.write(ctx, tag)
	}
	return l.write(ctx, append([]write{tag}, putChildren(v.Children)...)...)
}

func refused(err error) bool {
	_, is := errors.AsType[*ledger.RefusedError](err)
	return is
}

// Doubt makes a tag pending, whatever its wish is by then; a tag that nobody claims
// needs none.
func (l *Ledger) Doubt(ctx context.Context, id tagalong.TagID, since, until time.Time) error {
	_, sk := tagIndex("", ledger.TagPending, id)
	err := l.write(ctx, update(tagKey(id), item{
		"doubtUntil": text(formatTime(until)),
		"state":      text(string(ledger.TagPending)),
		"since":      text(formatTime(since)),
		"gsi1sk":     text(sk),
	}).when(condition{expression: "attribute_exists(pk)"}).of(id))
	if refused(err) {
		return nil
	}
	return err
}

// Tags reads tags by their keys.
func (l *Ledger) Tags(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]ledger.Tag, error) {
	return byID(l.get(ctx, all(ids, tagKey)...))
}

// TagStates reads tags by their keys, for half the price.
func (l *Ledger) TagStates(ctx context.Context, ids []tagalong.TagID) (map[tagalong.TagID]ledger.Tag, error) {
	return byID(l.getEventually(ctx, all(ids, tagKey)...))
}

func byID(items iter.Seq2[item, error]) (map[tagalong.TagID]ledger.Tag, error) {
	tags := map[tagalong.TagID]ledger.Tag{}
	for tag, err := range decoded(items, tagItem.read) {
		if err != nil {
			return nil, err
		}
		tags[tag.ID] = tag
	}
	return tags, nil
}

// EnvironmentTags reads the tags of an environment on one side of the index.
func (l *Ledger) EnvironmentTags(ctx context.Context, environment string, settled bool, behind tagalong.TagID, hint int) iter.Seq2[ledger.Tag, error] {
	state := ledger.TagPending
	if settled {
		state = ledger.TagConfirmed
	}
	pk, sk := tagIndex(environment, state, behind)
	side, _, _ := strings.Cut(sk, "#")
	q := under(pk, side+"#")
	q.index, q.limit = "gsi1", page(hint)
	if behind != (tagalong.TagID{}) {
		q.from = justBehind(sk)
	}
	return decoded(l.query(ctx, q), tagItem.read)
}
