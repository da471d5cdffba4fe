package dynamo

import (
	"context"
	"errors"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const prefixPromotion = "PROMO#"

func promotionKey(t tagalong.TagID) key {
	return key{repositoryPK(t.Name), prefixPromotion + t.Registry + "#" + t.Tag}
}

// promotedKey is where a release keeps that a job of it promoted a tag.
func promotedKey(r tagalong.Release, t tagalong.TagID, job string) key {
	return key{releasePK(r.Pipeline, r.Execution), prefixPromotion + strings.Join([]string{t.Registry, t.Name, t.Tag, job}, "#")}
}

// promotionItem is the newest promotion of a tag in its repository; under its
// release it says that this one promoted it, newest or not:
//
//	{
//	  "at": "2026-03-04T09:12:07.511Z",
//	  "by": "promotion#6f1c7b0e-93d4-4a25-b8e1-0d52c4a97f63",
//	  "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "environment": "",
//	  "job": "6f1c7b0e-93d4-4a25-b8e1-0d52c4a97f63",
//	  "pk": "REPO#checkout-api",
//	  "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	  "repository": "checkout-api",
//	  "sk": "PROMO#111122223333.dkr.ecr.us-east-1.amazonaws.com#released",
//	  "stage": "Promote",
//	  "tag": "released"
//	}
type promotionItem struct {
	key
	claimItem
	Job     string `dynamodbav:"job"`
	Stage   string `dynamodbav:"stage,omitempty"`
	Expires int64  `dynamodbav:"expires,omitempty"` // of a release's only
}

func (i promotionItem) promoting() (ledger.Promoting, error) {
	return ledger.Promoting{Claim: i.claim(), Job: i.Job, Stage: i.Stage}, nil
}

// putPromotion writes a promotion into its repository if no newer one of the tag is there.
func putPromotion(p ledger.PromotionWrite) write {
	return put(promotionItem{key: promotionKey(p.Claim.Tag), claimItem: toClaim(p.Claim), Job: p.Job, Stage: p.Stage}).when(condition{
		"attribute_not_exists(pk) OR #at < :at OR (#at = :at AND #by >= :by)",
		item{":at": text(formatTime(p.Claim.At)), ":by": text(string(p.Claim.By))},
	})
}

// putPromoted writes it under its release, where it is the job's alone.
func putPromoted(p ledger.PromotionWrite) write {
	return put(promotionItem{promotedKey(p.Release, p.Claim.Tag, p.Job), toClaim(p.Claim), p.Job, p.Stage, epoch(p.Expires)})
}

// Promote writes a promotion and its tag. The promotion's refusal says that a newer one
// is there.
func (l *Ledger) Promote(ctx context.Context, p ledger.PromotionWrite) error {
	var writes []write
	if p.Tag != nil && !p.PutOnce {
		writes = append(writes, putPromotion(p))
	}
	if p.Tag != nil && p.Tag.Mode != ledger.Skip {
		writes = append(writes, writeTag(*p.Tag))
	}
	if p.Release.Pipeline != "" {
		writes = append(writes, putPromoted(p))
	}
	environment := optional(p.Environment != "", func() write { return listEnvironment(p.Environment) })
	if err := l.putOnce(ctx, environment); err != nil || len(writes) == 0 {
		return err
	}
	if err := l.write(ctx, writes...); !errors.Is(err, ledger.ErrConflict) {
		return err
	}
	return ledger.ErrOvertaken
}
