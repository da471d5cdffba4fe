package dynamo

import (
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// restItem is what of a change is still to be written, within heads: the items as
// they will lie in the table or, of those that are to go, as they lie there.
type restItem struct {
	Rollouts     []rolloutItem    `dynamodbav:"rollouts,omitempty"`
	Finished     []finishedItem   `dynamodbav:"endings,omitempty"`
	Past         []pastItem       `dynamodbav:"gone,omitempty"`
	Places       []placementItem  `dynamodbav:"places,omitempty"`
	Previous     []previousItem   `dynamodbav:"previous,omitempty"`
	DropRollouts []rolloutKeyItem `dynamodbav:"dropRollouts,omitempty"`
	DropPast     []pastItem       `dynamodbav:"dropGone,omitempty"`
	DropPlaces   []placementItem  `dynamodbav:"dropPlaces,omitempty"`
	DropPrevious []previousItem   `dynamodbav:"dropPrevious,omitempty"`
	Tags         []tagToComeItem  `dynamodbav:"tags,omitempty"`
	DropRunning  string           `dynamodbav:"dropMember,omitempty"`
}

type rolloutKeyItem struct {
	Sort       string `dynamodbav:"sort"`
	Deployment string `dynamodbav:"deployment"`
}

type tagToComeItem struct {
	tagIDItem
	Renew bool `dynamodbav:"renew,omitempty"`
}

func toRest(r ledger.Rest) *restItem {
	if r.None() {
		return nil
	}
	return &restItem{
		Rollouts:     all(r.Rollouts, toRollout),
		Finished:     all(r.Finished, toFinished),
		Past:         all(r.Past, toPast),
		Places:       all(r.Placements, toPlacement),
		Previous:     all(r.Previous, toPrevious),
		DropRollouts: all(r.DropRollouts, toRolloutKey),
		DropPast:     all(r.DropPast, toPast),
		DropPlaces:   all(r.DropPlacements, toPlacement),
		DropPrevious: all(r.DropPrevious, toPrevious),
		Tags:         all(r.Tags, toTagToCome),
		DropRunning:  r.DropRunning,
	}
}

func (i *restItem) rest() (r ledger.Rest, err error) {
	if i == nil {
		return r, nil
	}
	r.Rollouts = allOf(i.Rollouts, rolloutItem.row, &err)
	r.Finished = allOf(i.Finished, finishedItem.finished, &err)
	r.Past = allOf(i.Past, pastItem.past, &err)
	r.Placements = allOf(i.Places, placementItem.placement, &err)
	r.Previous = allOf(i.Previous, previousItem.placement, &err)
	r.DropRollouts = all(i.DropRollouts, rolloutKeyItem.key)
	r.DropPast = allOf(i.DropPast, pastItem.past, &err)
	r.DropPlacements = allOf(i.DropPlaces, placementItem.placement, &err)
	r.DropPrevious = allOf(i.DropPrevious, previousItem.placement, &err)
	r.Tags, r.DropRunning = all(i.Tags, tagToComeItem.tag), i.DropRunning
	return r, err
}

func toRolloutKey(k timeline.RolloutKey) rolloutKeyItem {
	return rolloutKeyItem{formatTime(k.Sort), k.Deployment}
}

func (i rolloutKeyItem) key() timeline.RolloutKey {
	return timeline.RolloutKey{Sort: parseTime(i.Sort), Deployment: i.Deployment}
}

func toTagToCome(t ledger.TagToCome) tagToComeItem { return tagToComeItem{toTagID(t.ID), t.Renew} }

func (i tagToComeItem) tag() ledger.TagToCome {
	return ledger.TagToCome{ID: i.id(), Renew: i.Renew}
}
