package dynamo

import "github.com/tagalong-aws/tagalong/functions/internal/tagalong"

// restItem is what of a change is still to be written, within heads: the items as
// they will lie in the table or, of those that are to go, as they lie there.
type restItem struct {
	Rollouts     []rolloutItem    `dynamodbav:"rollouts,omitempty"`
	Endings      []finishedItem   `dynamodbav:"endings,omitempty"`
	Gone         []pastItem       `dynamodbav:"gone,omitempty"`
	Places       []placementItem  `dynamodbav:"places,omitempty"`
	Previous     []previousItem   `dynamodbav:"previous,omitempty"`
	DropRollouts []rolloutKeyItem `dynamodbav:"dropRollouts,omitempty"`
	DropGone     []pastItem       `dynamodbav:"dropGone,omitempty"`
	DropPlaces   []placementItem  `dynamodbav:"dropPlaces,omitempty"`
	DropPrevious []previousItem   `dynamodbav:"dropPrevious,omitempty"`
	Tags         []tagToComeItem  `dynamodbav:"tags,omitempty"`
	DropMember   string           `dynamodbav:"dropMember,omitempty"`
}

type rolloutKeyItem struct {
	Sort       string `dynamodbav:"sort"`
	Deployment string `dynamodbav:"deployment"`
}

type tagToComeItem struct {
	tagIDItem
	Renew bool `dynamodbav:"renew,omitempty"`
}

func toRest(r tagalong.Rest) *restItem {
	if r.None() {
		return nil
	}
	return &restItem{
		Rollouts:     all(r.Rollouts, toRollout),
		Endings:      all(r.Endings, toFinished),
		Gone:         all(r.Gone, toPast),
		Places:       all(r.Places, toPlacement),
		Previous:     all(r.Previous, toPrevious),
		DropRollouts: all(r.DropRollouts, toRolloutKey),
		DropGone:     all(r.DropGone, toPast),
		DropPlaces:   all(r.DropPlaces, toPlacement),
		DropPrevious: all(r.DropPrevious, toPrevious),
		Tags:         all(r.Tags, toTagToCome),
		DropMember:   r.DropMember,
	}
}

func (i *restItem) rest() (r tagalong.Rest, err error) {
	if i == nil {
		return r, nil
	}
	r.Rollouts = allOf(i.Rollouts, rolloutItem.row, &err)
	r.Endings = allOf(i.Endings, finishedItem.ending, &err)
	r.Gone = allOf(i.Gone, pastItem.past, &err)
	r.Places = allOf(i.Places, placementItem.placement, &err)
	r.Previous = allOf(i.Previous, previousItem.placement, &err)
	r.DropRollouts = all(i.DropRollouts, rolloutKeyItem.key)
	r.DropGone = allOf(i.DropGone, pastItem.past, &err)
	r.DropPlaces = allOf(i.DropPlaces, placementItem.placement, &err)
	r.DropPrevious = allOf(i.DropPrevious, previousItem.placement, &err)
	r.Tags, r.DropMember = all(i.Tags, tagToComeItem.tag), i.DropMember
	return r, err
}

func toRolloutKey(k tagalong.RolloutKey) rolloutKeyItem {
	return rolloutKeyItem{formatTime(k.Sort), k.Deployment}
}

func (i rolloutKeyItem) key() tagalong.RolloutKey {
	return tagalong.RolloutKey{Sort: parseTime(i.Sort), Deployment: i.Deployment}
}

func toTagToCome(t tagalong.TagToCome) tagToComeItem { return tagToComeItem{toTagID(t.ID), t.Renew} }

func (i tagToComeItem) tag() tagalong.TagToCome {
	return tagalong.TagToCome{ID: i.id(), Renew: i.Renew}
}
