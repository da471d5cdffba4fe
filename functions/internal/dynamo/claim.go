package dynamo

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// tagIDItem names a tag, in claims and in all that is kept of tags.
type tagIDItem struct {
	Registry   string `dynamodbav:"registry"`
	Repository string `dynamodbav:"repository"`
	Tag        string `dynamodbav:"tag"`
}

func toTagID(id tagalong.TagID) tagIDItem { return tagIDItem{id.Registry, id.Name, id.Tag} }

func (i tagIDItem) id() tagalong.TagID {
	return tagalong.TagID{Repository: tagalong.Repository{Registry: i.Registry, Name: i.Repository}, Tag: i.Tag}
}

// claimItem is a claim on a tag, in heads and promotions.
type claimItem struct {
	tagIDItem
	Digest      string `dynamodbav:"digest"`
	At          string `dynamodbav:"at"`
	By          string `dynamodbav:"by"`
	Environment string `dynamodbav:"environment"`
	Once        bool   `dynamodbav:"once,omitempty"`
}

func toClaim(c ledger.Claim) claimItem {
	return claimItem{
		tagIDItem:   toTagID(c.Tag),
		Digest:      c.Digest.String(),
		At:          formatTime(c.At),
		By:          string(c.By),
		Environment: c.Environment,
		Once:        c.PutOnce,
	}
}

func (i claimItem) claim() ledger.Claim {
	return ledger.Claim{
		Tag:         i.id(),
		Digest:      digest.Digest(i.Digest),
		At:          parseTime(i.At),
		By:          ledger.Claimant(i.By),
		Environment: i.Environment,
		PutOnce:     i.Once,
	}
}

// Claims reads the open placements, what is claimed for previous images, the promotions,
// what unmanaged services read and the tags of a repository in one Query: they lie side by
// side in its partition, from IDLE# to TAG#.
func (l *Ledger) Claims(ctx context.Context, r tagalong.Repository) (ledger.RepositoryClaims, error) {
	return l.claims(ctx, r, false)
}

// ClaimStates reads the same for half the price.
func (l *Ledger) ClaimStates(ctx context.Context, r tagalong.Repository) (ledger.RepositoryClaims, error) {
	return l.claims(ctx, r, true)
}

func (l *Ledger) claims(ctx context.Context, r tagalong.Repository, eventual bool) (ledger.RepositoryClaims, error) {
	claims := ledger.RepositoryClaims{Tags: map[tagalong.TagID]ledger.Tag{}, Readers: ledger.Readers{}}
	for i, err := range l.query(ctx, query{pk: repositoryPK(r.Name), from: prefixIdle, to: prefixTag + afterAll, eventual: eventual}) {
		if err == nil {
			err = addClaims(&claims, i)
		}
		if err != nil {
			return ledger.RepositoryClaims{}, fmt.Errorf("claims of %s: %w", r, err)
		}
	}
	return claims, nil
}

// HasOthers reads as many open placements as the service itself may have, and one more.
func (l *Ledger) HasOthers(ctx context.Context, r tagalong.Repository, than tagalong.Service) (bool, error) {
	q := query{pk: repositoryPK(r.Name), from: prefixNext, to: prefixNow + afterAll, limit: 10}
	for open, err := range decoded(l.query(ctx, q), placementItem.placement) {
		if err != nil || open.Service != than && open.Container.Image == r {
			return err == nil, err
		}
	}
	return false, nil
}

func addClaims(claims *ledger.RepositoryClaims, i item) error {
	switch sk := textOf(i, "sk"); {
	case strings.HasPrefix(sk, prefixIdle), strings.HasPrefix(sk, prefixNext), strings.HasPrefix(sk, prefixNow):
		open, err := decode(i, placementItem.placement)
		claims.Readers.Add(open)
		claims.Claims = append(claims.Claims, claimsOf(open)...)
		return err
	case strings.HasPrefix(sk, prefixPrevious):
		previous, err := decode(i, previousItem.placement)
		claims.Claims = append(claims.Claims, previous.Claims()...)
		return err
	case strings.HasPrefix(sk, prefixPromotion):
		promoting, err := decode(i, promotionItem.promoting)
		claims.Claims = append(claims.Claims, promoting.Claim)
		return err
	case strings.HasPrefix(sk, prefixInput):
		input, err := decode(i, asStored[inputItem])
		if err != nil {
			return err
		}
		return input.addTo(claims.Readers)
	case strings.HasPrefix(sk, prefixTag):
		tag, err := decode(i, tagItem.read)
		claims.Tags[tag.ID] = tag
		return err
	}
	return fmt.Errorf("item %s: unknown kind", textOf(i, "sk"))
}
