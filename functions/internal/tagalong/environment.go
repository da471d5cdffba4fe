package tagalong

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
)

// Rules give services their environments: the first rule that matches wins.
// Without any rule the environment is the cluster's name.
type Rules []Rule

// Rule names an environment and the services that belong to it, by globs.
type Rule struct {
	Environment string   `json:"environment"`
	Accounts    []string `json:"accounts,omitempty"`
	Regions     []string `json:"regions,omitempty"`
	Clusters    []string `json:"clusters,omitempty"`
	Services    []string `json:"services,omitempty"` // of standalone tasks their families
	// Kinds are those of what belongs to it; none is all.
	Kinds []Kind `json:"kinds,omitempty"`
	// Pipelines and Stages select the stages whose releases its services get, by globs
	// of names. They never decide whose service it is.
	Pipelines []string `json:"pipelines,omitempty"`
	Stages    []string `json:"stages,omitempty"`
	// Repositories select what the tags may be put on, by globs over NAME or
	// REGISTRY/NAME; none is every repository that we were given. See Policy.mayTag.
	Repositories []string `json:"repositories,omitempty"`
	// Tags are templates with the placeholders {environment} {cluster} {service} {container} {time}.
	Tags []string `json:"tags,omitempty"`
	// PreviousTags are templates of tags on the image that ran before; the
	// placeholders are the same without {time}. None by default.
	PreviousTags []string `json:"previousTags,omitempty"`
}

const (
	maxTags    = 5 // a rule's of both kinds; ten containers with five tags each still fit one transaction
	defaultTag = "{environment}"
	timeFormat = "20060102T150405Z" // of {time}, UTC
)

// environmentName is what an environment may be called: it is part of keys and URLs.
var environmentName = pattern.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// anyEnvironment is what an environment may be called at all, but for the first
// character: without rules it is a cluster's name, which has up to 255 characters.
var anyEnvironment = pattern.Run{Min: 1, Max: 255, Of: pattern.Letters + pattern.Digits + "._-"}

// LegalEnvironment reports whether an environment may be called that.
func LegalEnvironment(name string) bool {
	return anyEnvironment.MatchString(name) && !dotOrHyphenFirst(name)
}

// ParseRules reads the JSON of TAGALONG_ENVIRONMENTS. It reports all problems at
// once, each with the field, the value and what would be right.
func ParseRules(raw string) (Rules, error) {
	rules, err := ParseEntries[Rule]("environment rules", raw, `[{"environment":"prod","clusters":["prod-*"]}]`)
	if err != nil {
		return nil, err
	}
	var problems []error
	for i, rule := range rules {
		problems = append(problems, rule.check(fmt.Sprintf("environment rules[%d]", i))...)
	}
	return rules, errors.Join(problems...)
}

func (r Rule) check(at string) (problems []error) {
	if !environmentName.MatchString(r.Environment) {
		problems = append(problems, fmt.Errorf("%s.environment %q: want 1 to 63 letters, digits, dots, underscores or hyphens, a letter or digit first", at, r.Environment))
	}
	for _, list := range []struct {
		name  string
		globs []string
	}{{"accounts", r.Accounts}, {"regions", r.Regions}, {"clusters", r.Clusters}, {"services", r.Services}, {"pipelines", r.Pipelines}, {"stages", r.Stages}, {"repositories", r.Repositories}} {
		problems = append(problems, CheckGlobs(at+"."+list.name, list.globs)...)
	}
	for _, kind := range r.Kinds {
		if !slices.Contains(kinds, kind) {
			problems = append(problems, fmt.Errorf("%s.kinds %q: want %s", at, kind, inWords(kinds)))
		}
	}
	return append(problems, r.checkTags(at)...)
}

// checkTags counts both kinds together: a list that is missing is one template.
func (r Rule) checkTags(at string) (problems []error) {
	if n := len(r.Tags); n > maxTags {
		problems = append(problems, fmt.Errorf("%s.tags: %d templates: want at most %d", at, n, maxTags))
	} else if n, previous := len(r.templates()), len(r.PreviousTags); n+previous > maxTags {
		problems = append(problems, fmt.Errorf("%s.previousTags: %d templates beside %d of tags: want at most %d in all", at, previous, n, maxTags))
	}
	for _, template := range r.Tags {
		if err := checkTemplate(template, r.Environment, withTime); err != nil {
			problems = append(problems, fmt.Errorf("%s.tags %q: %w", at, template, err))
		}
	}
	for _, template := range r.PreviousTags {
		if err := checkTemplate(template, r.Environment, names); err != nil {
			problems = append(problems, fmt.Errorf("%s.previousTags %q: %w", at, template, err))
		}
		if slices.Contains(r.templates(), template) {
			problems = append(problems, fmt.Errorf("%s.previousTags %q: is one of tags, too: want another one, such as {environment}-previous", at, template))
		}
	}
	return problems
}

var placeholder = pattern.New(`\{[^{}]*\}`)

// names are the placeholders: timeName is that of tags alone, since a tag of its own for
// each completion is put once and then never a wish.
var names = []string{"{environment}", "{cluster}", "{service}", "{container}"}

const timeName = "{time}"

var withTime = append(slices.Clip(names), timeName)

// checkTemplate refuses a template that can give no legal tag.
func checkTemplate(template, environment string, names []string) error {
	for _, name := range placeholder.FindAllString(template, -1) {
		if last := len(names) - 1; !slices.Contains(names, name) {
			return fmt.Errorf("placeholder %s: want %s or %s", name, strings.Join(names[:last], ", "), names[last])
		}
	}
	sample := Expand(template, environment, Service{Cluster: "c", Name: "s"}, "c", time.Unix(0, 0).UTC())
	if !ValidTag(sample) {
		return fmt.Errorf("gives tags such as %q: want 1 to 128 letters, digits, underscores, dots or hyphens, neither dot nor hyphen first", sample)
	}
	return nil
}

func Expand(template, environment string, s Service, container string, completed time.Time) string {
	return strings.NewReplacer(
		"{environment}", environment,
		"{cluster}", s.Cluster,
		"{service}", s.Name,
		"{container}", container,
		timeName, completed.UTC().Format(timeFormat),
	).Replace(template)
}

// Timed reports whether a template gives a tag of its own to each completion.
func Timed(template string) bool { return strings.Contains(template, timeName) }

// Policy is what the rules say of one service.
type Policy struct {
	Environment string
	Tags        []string // templates
	// PreviousTags are templates of those on the image that ran before.
	PreviousTags []string
	// Pipelines and Stages are globs of those whose releases count; none is all.
	Pipelines, Stages []string
	// Accounts and Repositories are those that the rule names, by globs; none is all.
	Accounts, Repositories []string
	// Coverage is what we were given.
	Coverage Coverage
}

// mayTag reports whether a service's tags may be put on an image of a repository: one
// that we were given and that the rule selects. Whoever can deploy into some cluster
// that is called prod must not move everybody's prod: into the registry of another
// account a tag goes only by a rule that names the service's account or the repository.
func (p Policy) mayTag(s Service, r Repository) bool {
	return p.Coverage.Reads(r) && r.matchesAny(p.Repositories) && !p.CrossesAccounts(s, r)
}

// CanTag reports whether a container's image gets a service's tags, if its digest is
// proven: what ECS adds by itself is nobody's release.
func (p Policy) CanTag(s Service, c Container) bool { return !c.Added && p.mayTag(s, c.Image) }

// CrossesAccounts reports whether a repository lies in another account's registry, and the
// rule names neither the service's account nor the repository. A star names nothing.
func (p Policy) CrossesAccounts(s Service, r Repository) bool {
	account, _, _ := r.ECR()
	return account != s.Account && !slices.Contains(p.Accounts, s.Account) &&
		!slices.ContainsFunc(p.Repositories, func(glob string) bool {
			return strings.ContainsFunc(glob, unicode.IsLetter) && r.matchesAny([]string{glob})
		})
}

// Takes reports whether a stage's release counts.
func (p Policy) Takes(pipeline, stage string) bool {
	return MatchesAny(p.Pipelines, pipeline) && MatchesAny(p.Stages, stage)
}

// For returns the policy of a service; ok is false when no rule matches, that is,
// when the service is not managed.
func (r Rules) For(s Service) (policy Policy, ok bool) {
	if len(r) == 0 {
		return Policy{Environment: s.Cluster, Tags: []string{defaultTag}}, true
	}
	for _, rule := range r {
		if rule.matches(s) {
			return Policy{Environment: rule.Environment, Tags: rule.templates(), PreviousTags: rule.PreviousTags, Pipelines: rule.Pipelines, Stages: rule.Stages, Accounts: rule.Accounts, Repositories: rule.Repositories}, true
		}
	}
	return Policy{}, false
}

// Within returns the policy of a service as far as we were given its cluster.
func (r Rules) Within(covered Coverage, s Service) (Policy, bool) {
	policy, ok := r.For(s)
	if !ok || covered.LeavesOut(s) {
		return Policy{}, false
	}
	policy.Coverage = covered
	return policy, true
}

// PromotionTags returns the templates of an environment's tags, for a promotion: it
// is of no service, so that those which need one are left out. Of several rules
// of an environment it is the first. Without any rule every name is an
// environment's. The error names the environments that there are.
func (r Rules) PromotionTags(environment string) ([]string, error) {
	if !LegalEnvironment(environment) {
		return nil, fmt.Errorf("environment %q: want 1 to 255 letters, digits, dots, underscores or hyphens, neither dot nor hyphen first", environment)
	}
	if len(r) == 0 {
		return []string{defaultTag}, nil
	}
	i := slices.IndexFunc(r, func(rule Rule) bool { return rule.Environment == environment })
	if i < 0 {
		return nil, fmt.Errorf("environment %q: no rule has it; want one of %s", environment, r.environments())
	}
	templates := slices.DeleteFunc(slices.Clone(r[i].templates()), needsService)
	if len(templates) == 0 {
		return nil, fmt.Errorf("environment %q: its tags %q all need a service; want one of %s, with a tag such as {environment}",
			environment, r[i].Tags, r.environments())
	}
	return templates, nil
}

// environments lists the rules' environments, each once, in order.
func (r Rules) environments() string {
	var names []string
	for _, rule := range r {
		if !slices.Contains(names, rule.Environment) {
			names = append(names, rule.Environment)
		}
	}
	return strings.Join(names, ", ")
}

// needsService reports whether a template is filled in by a service's names.
func needsService(template string) bool {
	return slices.ContainsFunc([]string{"{cluster}", "{service}", "{container}"}, func(name string) bool {
		return strings.Contains(template, name)
	})
}

// MayMatch reports whether a service can be managed in any cluster at all.
func (r Rules) MayMatch(account, region, service string) bool {
	return len(r) == 0 || slices.ContainsFunc(r, func(rule Rule) bool {
		return MatchesAny(rule.Accounts, account) && MatchesAny(rule.Regions, region) && MatchesAny(rule.Services, service)
	})
}

// Take reports whether a stage's release counts for any service at all.
func (r Rules) Take(pipeline, stage string) bool {
	return len(r) == 0 || slices.ContainsFunc(r, func(rule Rule) bool {
		return MatchesAny(rule.Pipelines, pipeline) && MatchesAny(rule.Stages, stage)
	})
}

func (r Rule) templates() []string {
	if len(r.Tags) == 0 {
		return []string{defaultTag}
	}
	return r.Tags
}

func (r Rule) matches(s Service) bool {
	return MatchesAny(r.Accounts, s.Account) && MatchesAny(r.Regions, s.Region) &&
		MatchesAny(r.Clusters, s.Cluster) && MatchesAny(r.Services, s.OwnName()) &&
		(len(r.Kinds) == 0 || slices.Contains(r.Kinds, s.Kind()))
}

// MatchesAny reports whether one of the globs matches; none at all match everything.
func MatchesAny(globs []string, name string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(glob string) bool {
		ok, _ := path.Match(glob, name)
		return ok
	})
}

// MayMatchCluster reports whether a cluster can have a service that is managed.
func (r Rules) MayMatchCluster(s Scope, cluster string) bool {
	return len(r) == 0 || slices.ContainsFunc(r, func(rule Rule) bool {
		return MatchesAny(rule.Accounts, s.Account) && MatchesAny(rule.Regions, s.Region) && MatchesAny(rule.Clusters, cluster)
	})
}

// AsksForPrevious reports whether there are images of which the previous ones count.
func (p Policy) AsksForPrevious(containers []Container) bool {
	return len(p.PreviousTags) > 0 && slices.ContainsFunc(containers, Container.HasPrevious)
}
