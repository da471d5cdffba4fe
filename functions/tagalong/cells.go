package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// orDash shows what there is nothing of.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (v view) digest(d digest.Digest) string {
	if v.wide {
		return orDash(d.String())
	}
	return short(d)
}

// short shortens a digest to what people compare by eye.
func short(d digest.Digest) string {
	if d == "" {
		return "-"
	}
	_, hex, ok := strings.Cut(d.String(), ":")
	if !ok {
		return d.String()
	}
	return hex[:min(12, len(hex))]
}

func (v view) time(t *time.Time) string {
	if v.wide {
		return clock(t)
	}
	return age(t, v.now)
}

// agesUntil is how long ago something is told apart by its age: before that, by
// its date.
const agesUntil = 7 * 24 * time.Hour

// age tells how long ago something was, in the two units that matter.
func age(t *time.Time, now time.Time) string {
	if t == nil {
		return "-"
	}
	d := now.Sub(*t)
	switch {
	case d < 0:
		return clock(t)
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm ago", int(d.Hours()), int(d.Minutes())%60)
	case d >= agesUntil:
		return t.UTC().Format(withoutSeconds)
	}
	return fmt.Sprintf("%dd%02dh ago", int(d.Hours())/24, int(d.Hours())%24)
}

// exploited tells of a finding that it is known to be exploited.
func exploited(known *bool) string {
	if known != nil && *known {
		return "known"
	}
	return "-"
}

// percent shows a probability.
func percent(p *float64) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100**p)
}

func clock(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// image names an image. Narrow tables leave out the registry.
func (v view) image(registry, repository, tag string) string {
	if v.wide && registry != "" && repository != "" {
		return registry + "/" + imageName(repository, tag)
	}
	return imageName(repository, tag)
}

func imageName(repository, tag string) string {
	if tag == "" {
		return orDash(repository)
	}
	return orDash(repository) + ":" + tag
}

// deploymentNumber drops the prefix that all deployments of ECS share.
func deploymentNumber(id string) string { return strings.TrimPrefix(id, "ecs-svc/") }

// taskDefinition is family:revision; account and region have columns of their own.
func taskDefinition(arn string) string {
	_, name, ok := strings.Cut(arn, ":task-definition/")
	if !ok {
		return orDash(arn)
	}
	return name
}

// gitCommit is a commit's whole id, of SHA-1 or SHA-256.
var gitCommit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// revision shortens a source revision: a commit as Git does.
func (v view) revision(id string) string {
	switch {
	case v.wide:
		return orDash(id)
	case gitCommit.MatchString(id):
		return id[:7]
	case strings.HasPrefix(id, "sha256:"):
		return short(digest.Digest(id))
	}
	return orDash(id)
}

// execution shortens the id of an execution: that much of it is understood everywhere.
func (v view) execution(id string) string {
	if v.wide {
		return id
	}
	return id[:min(len(id), 8)]
}

// found names what was found as far as it tells it from others.
func (v view) found(r query.FindRow) string {
	switch r.Found {
	case tagalong.DigestName:
		return v.references([]string{r.Name})[0]
	case tagalong.CommitName:
		return v.revision(r.Name)
	case tagalong.ExecutionName:
		pipeline, execution, _ := strings.Cut(r.Name, "/")
		return pipeline + "/" + v.execution(execution)
	case tagalong.ServiceName, tagalong.RepositoryName, tagalong.TagName:
		if !v.wide {
			return r.Name[strings.LastIndexByte(r.Name, '/')+1:]
		}
	}
	return r.Name
}

// references shortens REGISTRY/REPOSITORY@DIGEST, so that it is still understood.
func (v view) references(images []string) []string {
	if v.wide {
		return images
	}
	var texts []string
	for _, image := range images {
		name, pinned, _ := strings.Cut(image, "@")
		texts = append(texts, name[strings.IndexByte(name, '/')+1:]+"@"+v.digest(digest.Digest(pinned)))
	}
	return texts
}

// origin is what put a rollout in place: the pipeline, and the commit.
func (v view) origin(r tagalong.Release) []string {
	var texts []string
	if r.Pipeline != "" {
		texts = append(texts, r.Pipeline)
	}
	if r.Commit != "" {
		texts = append(texts, v.revision(r.Commit))
	}
	return texts
}

// course is how far a rollout came, and whether it was one back.
func course(r ledger.HistoryRow) []string {
	if r.Rollback {
		return []string{string(r.State), "rollback"}
	}
	return []string{string(r.State)}
}

// failure is why a rollout failed. Of the others ECS only says that they did not.
func failure(r ledger.HistoryRow) string {
	if r.State != timeline.StateFailed {
		return "-"
	}
	return orDash(r.Reason)
}

func (v view) containers(containers []ledger.HistoryContainer) []string {
	var texts []string
	for _, c := range containers {
		texts = append(texts, c.Container+"@"+v.digest(c.Digest))
	}
	return texts
}

// digests are those of one side of a difference.
func (v view) digests(digests []digest.Digest) []string {
	var texts []string
	for _, d := range digests {
		if d == "" {
			texts = append(texts, "unknown")
			continue
		}
		texts = append(texts, v.digest(d))
	}
	return texts
}
