package tagalong

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
)

// PromotionRules say which pipelines' jobs may tag which repositories, of those that we
// were given: one of them has to allow it. nil, but not an empty list, allows all of
// them to every pipeline of our own account and of the accounts listed.
type PromotionRules []PromotionRule

// PromotionRule lets pipelines tag repositories. A missing list is all of them; an empty
// one is refused, since whoever writes it means none.
type PromotionRule struct {
	// Pipelines are globs over NAME, or over ACCOUNT/NAME.
	Pipelines []string `json:"pipelines,omitempty"`
	// Repositories are globs over NAME and REGISTRY/NAME, as those of rules.
	Repositories []string `json:"repositories,omitempty"`
}

// pipelineGlob is what a glob of pipelines looks like.
var pipelineGlob = pattern.New(`^(?:(?:\d{12}|\*)/)?[^/]+$`)

// ParsePromotionRules reads the JSON of TAGALONG_PROMOTIONS. It reports all problems at
// once, each with the field, the value and what would be right.
func ParsePromotionRules(raw string) (PromotionRules, error) {
	rules, err := ParseEntries[PromotionRule]("promotions", raw, `[{"pipelines":["checkout-*"],"repositories":["checkout-*"]}]`)
	if err != nil {
		return nil, err
	}
	var problems []error
	for i, rule := range rules {
		problems = append(problems, rule.check(fmt.Sprintf("promotions[%d]", i))...)
	}
	return rules, errors.Join(problems...)
}

func (r PromotionRule) check(at string) (problems []error) {
	for _, list := range []struct {
		name  string
		globs []string
	}{{"pipelines", r.Pipelines}, {"repositories", r.Repositories}} {
		if list.globs != nil && len(list.globs) == 0 {
			problems = append(problems, fmt.Errorf("%s names no %s: want at least one glob, or no list for all of them", at, list.name))
		}
	}
	for _, glob := range r.Pipelines {
		if _, err := path.Match(glob, ""); err != nil || !pipelineGlob.MatchString(glob) {
			problems = append(problems, fmt.Errorf("%s.pipelines %q: want a glob of pipelines' names, such as checkout-*, with its account before it or not, such as 444455556666/checkout-*", at, glob))
		}
	}
	return append(problems, CheckGlobs(at+".repositories", r.Repositories)...)
}

// Refusal returns why a pipeline's job may not tag a repository, and what to change;
// nil if it may.
func (p PromotionRules) Refusal(covered Coverage, pipeline Pipeline, r Repository) error {
	refused := fmt.Sprintf("pipeline %s of account %s may not tag repository %s", pipeline.Name, pipeline.Account, r)
	account, _, _ := r.ECR()
	_, known := covered.of(pipeline.Account)
	_, given := covered.of(account)
	switch {
	case !known:
		return fmt.Errorf("%s: the pipeline's account is neither our own nor listed: list it in TAGALONG_ACCOUNTS", refused)
	case !given:
		return fmt.Errorf("%s: the registry's account is neither our own nor listed: list it in TAGALONG_ACCOUNTS", refused)
	case !covered.Reads(r):
		return fmt.Errorf("%s: of account %s TAGALONG_ACCOUNTS lists other repositories or Regions: add this one", refused, account)
	case p != nil && !slices.ContainsFunc(p, func(rule PromotionRule) bool { return rule.allows(pipeline, r) }):
		return fmt.Errorf(`%s: no entry of TAGALONG_PROMOTIONS lets it: add {"pipelines": ["%s/%s"], "repositories": ["%s"]}`, refused, pipeline.Account, pipeline.Name, r.Name)
	}
	return nil
}

func (r PromotionRule) allows(pipeline Pipeline, repository Repository) bool {
	return repository.matchesAny(r.Repositories) && (MatchesAny(r.Pipelines, pipeline.Name) || MatchesAny(r.Pipelines, pipeline.Account+"/"+pipeline.Name))
}
