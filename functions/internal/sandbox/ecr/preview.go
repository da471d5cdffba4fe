package ecr

import (
	"encoding/json"
	"path"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// policy is a lifecycle policy,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html.
// Of images that are archived the sandbox has none.
type policy struct {
	Rules []rule `json:"rules"`
}

type rule struct {
	Priority  int `json:"rulePriority"`
	Selection struct {
		TagStatus    string   `json:"tagStatus"`
		Prefixes     []string `json:"tagPrefixList"`
		Patterns     []string `json:"tagPatternList"`
		StorageClass string   `json:"storageClass"`
		CountType    string   `json:"countType"`
		CountNumber  int      `json:"countNumber"`
	} `json:"selection"`
	Action struct {
		Type string `json:"type"`
	} `json:"action"`
}

// preview is what a policy would do, as of when it was started.
type preview struct {
	policy  string
	polls   int // until it is complete
	results []previewResult
}

type previewResult struct {
	Digest   digest.Digest  `json:"imageDigest"`
	Tags     []string       `json:"imageTags,omitempty"`
	PushedAt *wire.Time     `json:"imagePushedAt"`
	Action   *previewAction `json:"action,omitempty"`
	Rule     int            `json:"appliedRulePriority,omitempty"`
}

type previewAction struct {
	Type   string `json:"type"` // EXPIRE or TRANSITION
	Target string `json:"targetStorageClass,omitempty"`
}

type startPreviewInput struct {
	target
	Policy string `json:"lifecyclePolicyText"`
}

type previewOutput struct {
	target
	Policy    string          `json:"lifecyclePolicyText"`
	Status    string          `json:"status"`
	Results   []previewResult `json:"previewResults,omitempty"`
	NextToken string          `json:"nextToken,omitempty"`
}

// startLifecyclePolicyPreview is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartLifecyclePolicyPreview.html.
func (r *Registry) startLifecyclePolicyPreview(caller wire.Caller, in startPreviewInput) (previewOutput, error) {
	repo, err := r.find(caller, in.target, "StartLifecyclePolicyPreview")
	if err != nil {
		return previewOutput{}, err
	}
	text := in.Policy
	if text == "" {
		text = repo.lifecycle
	}
	switch {
	case text == "":
		return previewOutput{}, noPolicy(repo)
	case repo.preview != nil && repo.preview.polls >= 0:
		return previewOutput{}, wire.Errorf("LifecyclePolicyPreviewInProgressException",
			"There is already a lifecycle policy preview in progress for the repository with name '%s' in the registry with id '%s'", repo.name, repo.scope.Account)
	}
	var p policy
	if json.Unmarshal([]byte(text), &p) != nil || len(p.Rules) == 0 {
		return previewOutput{}, invalid("Invalid parameter at 'lifecyclePolicyText'")
	}
	repo.preview = &preview{text, max(1, r.PreviewPolls), p.applied(repo, r.options.Now())}
	return previewOutput{target: target{repo.scope.Account, repo.name}, Policy: text, Status: "IN_PROGRESS"}, nil
}

type getPreviewInput struct {
	target
	paging
	IDs []imageID `json:"imageIds"`
}

var previewPages = wire.Pager[previewResult]{
	Name: "GetLifecyclePolicyPreview", Max: 100, Size: 100, Key: func(p previewResult) string { return p.Digest.String() },
}

// getLifecyclePolicyPreview is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html.
func (r *Registry) getLifecyclePolicyPreview(caller wire.Caller, in getPreviewInput) (previewOutput, error) {
	repo, err := r.find(caller, in.target, "GetLifecyclePolicyPreview")
	if err != nil {
		return previewOutput{}, err
	}
	p := repo.preview
	if p == nil {
		return previewOutput{}, wire.Errorf("LifecyclePolicyPreviewNotFoundException",
			"Lifecycle policy preview does not exist for the repository with name '%s' in the registry with id '%s'", repo.name, repo.scope.Account)
	}
	out := previewOutput{target: target{repo.scope.Account, repo.name}, Policy: p.policy, Status: "IN_PROGRESS"}
	if p.polls--; p.polls >= 0 {
		return out, nil
	}
	out.Status = "COMPLETE"
	if len(in.IDs) > 0 {
		if len(in.IDs) > 100 || in.NextToken != "" || in.MaxResults != nil {
			return previewOutput{}, invalid("Invalid parameter at 'imageIds'")
		}
		out.Results = r.chosen(repo, p, in.IDs)
		return out, nil
	}
	page, next, ok := previewPages.Page(p.results, in.MaxResults, in.NextToken)
	if !ok {
		return previewOutput{}, invalid("Invalid parameter at 'maxResults' or 'nextToken'")
	}
	out.Results, out.NextToken = page, next
	return out, nil
}

// chosen returns what becomes of some images. Whether ECR lists those that are kept, too,
// its documents leave open.
func (r *Registry) chosen(repo *repository, p *preview, ids []imageID) (results []previewResult) {
	for _, id := range ids {
		img, f := repo.lookup(id)
		if f != nil {
			continue
		}
		at := slices.IndexFunc(p.results, func(r previewResult) bool { return r.Digest == img.digest })
		switch {
		case at >= 0:
			results = append(results, p.results[at])
		case r.PreviewListsKept:
			results = append(results, repo.result(img))
		}
	}
	return results
}

func (repo *repository) result(img *image) previewResult {
	return previewResult{Digest: img.digest, Tags: repo.tagsOf(img.digest), PushedAt: wire.At(img.pushedAt)}
}

// applied returns what a policy takes. An image is decided about by the first rule that
// selects it, whether that takes it or not, and one that an index holds stays with it,
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html.
func (p policy) applied(repo *repository, now time.Time) (results []previewResult) {
	slices.SortFunc(p.Rules, func(a, b rule) int { return a.Priority - b.Priority })
	left := slices.DeleteFunc(repo.sorted(), func(img *image) bool { return len(repo.parents(img.digest)) > 0 })
	for _, rule := range p.Rules {
		var selected []*image
		left = slices.DeleteFunc(left, func(img *image) bool {
			is := rule.selects(repo.tagsOf(img.digest))
			if is {
				selected = append(selected, img)
			}
			return is
		})
		for i, img := range selected {
			if rule.takes(img, len(selected)-i, now) {
				result := repo.result(img)
				result.Rule, result.Action = rule.Priority, rule.does()
				results = append(results, result)
			}
		}
	}
	return results
}

func (r rule) selects(tags []string) bool {
	if r.Selection.StorageClass == "archive" {
		return false
	}
	switch r.Selection.TagStatus {
	case "untagged":
		return len(tags) == 0
	case "tagged":
		globs := slices.Clone(r.Selection.Patterns)
		for _, prefix := range r.Selection.Prefixes {
			globs = append(globs, prefix+"*")
		}
		return !slices.ContainsFunc(globs, func(glob string) bool {
			return !slices.ContainsFunc(tags, func(tag string) bool { ok, _ := path.Match(glob, tag); return ok })
		})
	}
	return true
}

// takes reports whether the rule takes an image that so many of the selected ones, itself
// among them, are as new as.
func (r rule) takes(img *image, newest int, now time.Time) bool {
	if r.Selection.CountType == "imageCountMoreThan" {
		return newest > r.Selection.CountNumber
	}
	return now.Sub(img.pushedAt) > time.Duration(r.Selection.CountNumber)*24*time.Hour
}

func (r rule) does() *previewAction {
	if r.Action.Type == "transition" {
		return &previewAction{"TRANSITION", "ARCHIVE"}
	}
	return &previewAction{Type: "EXPIRE"}
}
