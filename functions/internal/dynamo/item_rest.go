package dynamo

import (
	"errors"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// restItem is what of a change is still to be written, within heads: the items as
// they will lie in the table or, of those that are to go, as they lie there.
type restItem struct {
	Rollouts     []rowItem       `dynamodbav:"rollouts,omitempty"`
	Endings      []endingItem    `dynamodbav:"endings,omitempty"`
	Gone         []memberItem    `dynamodbav:"gone,omitempty"`
	Places       []placeItem     `dynamodbav:"places,omitempty"`
	Previous     []previousItem  `dynamodbav:"previous,omitempty"`
	DropRollouts []rolloutKey    `dynamodbav:"dropRollouts,omitempty"`
	DropGone     []memberItem    `dynamodbav:"dropGone,omitempty"`
	DropPlaces   []placeItem     `dynamodbav:"dropPlaces,omitempty"`
	DropPrevious []previousItem  `dynamodbav:"dropPrevious,omitempty"`
	Tags         []tagToComeItem `dynamodbav:"tags,omitempty"`
	DropMember   string          `dynamodbav:"dropMember,omitempty"`
}

type rolloutKey struct {
	Sort       string `dynamodbav:"sort"`
	Deployment string `dynamodbav:"deployment"`
}

type tagToComeItem struct {
	Registry   string `dynamodbav:"registry"`
	Repository string `dynamodbav:"repository"`
	Tag        string `dynamodbav:"tag"`
	Renew      bool   `dynamodbav:"renew,omitempty"`
}

func toRest(r tagalong.Rest) *restItem {
	if r.None() {
		return nil
	}
	return &restItem{
		Rollouts:     all(r.Rollouts, toRow),
		Endings:      all(r.Endings, toEnding),
		Gone:         all(r.Gone, toGone),
		Places:       all(r.Places, toPlace),
		Previous:     all(r.Previous, toPreviousPlace),
		DropRollouts: all(r.DropRollouts, toRolloutKey),
		DropGone:     all(r.DropGone, toGone),
		DropPlaces:   all(r.DropPlaces, toPlace),
		DropPrevious: all(r.DropPrevious, toPreviousPlace),
		Tags:         all(r.Tags, toTagToCome),
		DropMember:   r.DropMember,
	}
}

func (i *restItem) rest() (r tagalong.Rest, err error) {
	if i == nil {
		return r, nil
	}
	r.Rollouts = allOf(i.Rollouts, rowItem.row, &err)
	r.Endings = allOf(i.Endings, endingItem.ending, &err)
	r.Gone = allOf(i.Gone, memberItem.left, &err)
	r.Places = allOf(i.Places, placeItem.place, &err)
	r.Previous = allOf(i.Previous, previousItem.place, &err)
	r.DropRollouts = all(i.DropRollouts, rolloutKey.key)
	r.DropGone = allOf(i.DropGone, memberItem.left, &err)
	r.DropPlaces = allOf(i.DropPlaces, placeItem.place, &err)
	r.DropPrevious = allOf(i.DropPrevious, previousItem.place, &err)
	r.Tags, r.DropMember = all(i.Tags, tagToComeItem.tag), i.DropMember
	return r, err
}

// allOf maps a slice as all does, and gathers what goes wrong.
func allOf[A, B any](in []A, f func(A) (B, error), problems *error) []B {
	return all(in, func(a A) B {
		b, err := f(a)
		*problems = errors.Join(*problems, err)
		return b
	})
}

func toRolloutKey(k tagalong.RolloutKey) rolloutKey {
	return rolloutKey{Sort: formatTime(k.Sort), Deployment: k.Deployment}
}

func (k rolloutKey) key() tagalong.RolloutKey {
	return tagalong.RolloutKey{Sort: parseTime(k.Sort), Deployment: k.Deployment}
}

// left reads what the service ran last in the environment that the key names.
func (i memberItem) left() (tagalong.Gone, error) {
	return i.gone(strings.TrimPrefix(i.PK, environmentPK("")))
}

func toTagToCome(t tagalong.TagToCome) tagToComeItem {
	return tagToComeItem{Registry: t.ID.Registry, Repository: t.ID.Name, Tag: t.ID.Tag, Renew: t.Renew}
}

func (i tagToComeItem) tag() tagalong.TagToCome {
	id := tagalong.TagID{Repository: tagalong.Repository{Registry: i.Registry, Name: i.Repository}, Tag: i.Tag}
	return tagalong.TagToCome{ID: id, Renew: i.Renew}
}
