package ecr

import (
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

type batchDeleteImageInput struct {
	target
	IDs []imageID `json:"imageIds"`
}

type batchDeleteImageOutput struct {
	IDs      []imageID  `json:"imageIds"`
	Failures []*failure `json:"failures"`
}

// batchDeleteImage is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html.
func (r *Registry) batchDeleteImage(caller wire.Caller, in batchDeleteImageInput) (batchDeleteImageOutput, error) {
	out := batchDeleteImageOutput{IDs: []imageID{}, Failures: []*failure{}}
	repo, err := r.find(caller, in.target, "BatchDeleteImage")
	if err != nil {
		return out, err
	}
	if err := checkCount("imageIds", len(in.IDs)); err != nil {
		return out, err
	}
	var found []imageID // all are looked up before any is deleted
	for _, id := range in.IDs {
		if _, f := repo.lookup(id); f != nil {
			out.Failures = append(out.Failures, f)
			continue
		}
		found = append(found, id)
	}
	for _, id := range found {
		gone, f := repo.delete(id)
		if f != nil {
			out.Failures = append(out.Failures, f)
		}
		out.IDs = append(out.IDs, gone...)
	}
	return out, nil
}

// delete removes a tag, and the image with its last tag; by digest the image
// and all of its tags. An image that an index lists stays, and one that went
// with an id before is no failure.
func (repo *repository) delete(id imageID) ([]imageID, *failure) {
	img, f := repo.lookup(id)
	if f != nil {
		return nil, nil
	}
	if id.Tag != "" && len(repo.tagsOf(img.digest)) > 1 {
		delete(repo.tags, id.Tag)
		return []imageID{{img.digest, id.Tag}}, nil
	}
	if parents := repo.parents(img.digest); len(parents) > 0 {
		f := id.failure(referencedByIndex)
		f.Reason = fmt.Sprintf("Requested image referenced by manifest list: %v", parents)
		return nil, f
	}
	gone := repo.pairs(img.digest)
	repo.remove(img.digest)
	return gone, nil
}
