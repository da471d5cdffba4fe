package pipeline

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// What the records of ECS, CodePipeline and CodeDeploy mean as facts: all of it is
// pure.

// The providers of the actions that deploy to ECS services,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
// and …/action-reference-ECSbluegreen.html.
const (
	providerECS        = "ECS"
	providerCodeDeploy = "CodeDeployToECS"
)

// longest is how long an action of each provider can go on: what starts later is
// none of its, even if nobody sees its end.
var longest = map[string]time.Duration{
	providerECS:        65 * time.Minute, // its DeploymentTimeout is an hour at most
	providerCodeDeploy: 5 * 24 * time.Hour,
}

// deploysElsewhere reports whether the action deploys to no ECS service that it names.
func (a Action) deploysElsewhere() bool {
	_, known := longest[a.Provider]
	return a.Category != "Deploy" || !known
}

// deploying returns the actions that deploy, each with the images that those before it
// took.
func deploying(all []Action) (deploys []Action) {
	for _, a := range runsThat(all, func(a Action) bool { return !a.deploysElsewhere() }) {
		a.Images = taken(all, a.StartedAt)
		deploys = append(deploys, a)
	}
	return deploys
}

// maxTaken bounds the images that a release names: an execution has few sources.
const maxTaken = 4

// taken returns the images that actions had taken by a time, those of the sources first.
func taken(all []Action, by time.Time) string {
	done := runsThat(all, func(a Action) bool { return a.Status == ActionSucceeded && !a.UpdatedAt.After(by) })
	slices.SortFunc(done, func(a, b Action) int {
		return cmp.Or(cmp.Compare(a.sourceRank(), b.sourceRank()), a.StartedAt.Compare(b.StartedAt), strings.Compare(a.ID, b.ID))
	})
	var images []string
	for _, a := range done {
		if image := a.image(); image != "" && !slices.Contains(images, image) && len(images) < maxTaken {
			images = append(images, image)
		}
	}
	return strings.Join(images, " ")
}

func (a Action) sourceRank() int {
	if a.Category == "Source" {
		return 0
	}
	return 1
}

// image returns the tag and the digest of the image that the action gave to those after
// it, as TAG@DIGEST, "" if it gave none. The variables are those of the ECR source
// action, which others share. An action that puts a tag itself does not say where its
// image comes from.
// https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
func (a Action) image() string {
	var asked map[string]any
	_ = json.Unmarshal([]byte(a.Configuration["UserParameters"]), &asked) // of other functions they are any text
	_, puts := asked["NewImageTag"]
	_, putsAll := asked["Environment"]
	tag, d := a.Variables["ImageTag"], digest.Digest(a.Variables["ImageDigest"])
	if puts || putsAll || !tagalong.ValidTag(tag) || d.Validate() != nil {
		return ""
	}
	return tag + "@" + d.String()
}

// begins is when the action's time begins: ECS may give times in whole seconds.
func (a Action) begins() time.Time { return a.StartedAt.Truncate(time.Second) }

// over is when the action's time is over at the latest.
func (a Action) over() time.Time {
	limit := a.begins().Add(longest[a.Provider])
	if a.Status != ActionInProgress && a.UpdatedAt.Before(limit) {
		return a.UpdatedAt
	}
	return limit
}

// facts returns what the action's run is to the services that it deploys.
func (a Action) facts(release tagalong.Release) []tagalong.Fact {
	facts := []tagalong.Fact{{
		Action: a.ID, Name: tagalong.ActionStarted, Time: a.begins(), Source: tagalong.FromPipeline,
		Release: release, Limit: a.begins().Add(longest[a.Provider]),
	}}
	if a.Status != ActionInProgress {
		facts = append(facts, tagalong.Fact{Action: a.ID, Name: tagalong.ActionEnded, Time: a.UpdatedAt, Source: tagalong.FromPipeline})
	}
	return facts
}

// ecsName is what clusters and services may be called.
var ecsName = pattern.Run{Min: 1, Max: 255, Of: pattern.Letters + pattern.Digits + "_-"}

// service names what an action of ECS's own deploys; ok is false while its
// configuration names none. Both names may be ARNs.
func (a Action) service() (s tagalong.Service, ok bool) {
	name := func(key string) string { return tagalong.NameOf(a.Configuration[key]) }
	s = tagalong.Service{Account: a.Account, Region: a.Region, Cluster: name("ClusterName"), Name: name("ServiceName")}
	return s, ecsName.MatchString(s.Cluster) && ecsName.MatchString(s.Name)
}

// runsThat returns the actions that satisfy keep.
func runsThat(actions []Action, keep func(Action) bool) []Action {
	return slices.DeleteFunc(slices.Clone(actions), func(a Action) bool { return !keep(a) })
}

// ended reports whether there are runs, and all of them have ended.
func ended(runs []Action) bool {
	return len(runs) > 0 && !slices.ContainsFunc(runs, func(a Action) bool { return a.Status == ActionInProgress })
}

// anyFrom reports whether one of the runs started at a time or later. That of a
// stage's retry is when it was asked for: its runs come after it.
func anyFrom(runs []Action, at time.Time) bool {
	return slices.ContainsFunc(runs, func(a Action) bool { return !a.StartedAt.Before(at.Truncate(time.Second)) })
}

// Facts returns what a service deployment was to its deployments. One that was
// stopped has failed, unless a later one took its place; one that was rolled back
// is two rollouts: the target's, which failed, and that of the deployment that
// came back, or failed to.
func (d ServiceDeployment) Facts(all []ServiceDeployment) []tagalong.Fact {
	fact := func(deployment string, name tagalong.FactName, at time.Time, reason string) tagalong.Fact {
		return tagalong.Fact{Deployment: deployment, Name: name, Time: at, Source: tagalong.FromPipeline, Reason: reason}
	}
	facts := []tagalong.Fact{fact(d.Deployment, tagalong.InProgress, d.CreatedAt, "")}
	switch {
	case d.Status == "SUCCESSFUL":
		facts = append(facts, fact(d.Deployment, tagalong.Completed, d.FinishedAt, d.Reason))
	case d.rolledBack():
		facts = append(facts,
			fact(d.Deployment, tagalong.Failed, d.RolledBackAt, d.Reason),
			fact(d.RolledBackTo, tagalong.InProgress, d.RolledBackAt, "rolling back to deploymentId "+d.RolledBackTo))
		switch {
		case d.Status == "ROLLBACK_SUCCESSFUL":
			facts = append(facts, fact(d.RolledBackTo, tagalong.Completed, d.FinishedAt, d.Reason))
		case d.failed(all):
			facts = append(facts, fact(d.RolledBackTo, tagalong.Failed, d.FinishedAt, d.Reason))
		}
	case d.failed(all):
		facts = append(facts, fact(d.Deployment, tagalong.Failed, d.FinishedAt, d.Reason))
	}
	return slices.DeleteFunc(facts, func(f tagalong.Fact) bool { return f.Time.IsZero() })
}

// rolledBack reports whether its rollback has begun. One that was only asked for may never
// begin: the deployment may be stopped before, or still complete.
func (d ServiceDeployment) rolledBack() bool {
	begun := !d.RolledBackAt.IsZero() && d.Status != "ROLLBACK_REQUESTED"
	return d.RolledBackTo != "" && (begun || d.Status == "ROLLBACK_SUCCESSFUL")
}

// failed reports whether the last of its rollouts came to a bad end of its own.
func (d ServiceDeployment) failed(all []ServiceDeployment) bool {
	return d.Status == "ROLLBACK_FAILED" || d.Status == "STOPPED" && !d.replaced(all)
}

// replaced reports whether a later deployment began before this one's end.
func (d ServiceDeployment) replaced(all []ServiceDeployment) bool {
	return slices.ContainsFunc(all, func(o ServiceDeployment) bool {
		return o.CreatedAt.After(d.CreatedAt) && !o.CreatedAt.After(d.FinishedAt)
	})
}

// deliveries returns what CodeDeploy did to its services. A task set stands in for a
// deployment of ECS; before there is one, there is no fact.
func (s CodeDeployDeployment) deliveries() (all []delivery) {
	for _, t := range s.Targets {
		d := delivery{service: t.Service}
		if t.TaskSet != "" {
			d.facts = s.facts(t.TaskSet)
		}
		all = append(all, d)
	}
	return all
}

func (s CodeDeployDeployment) facts(taskSet string) []tagalong.Fact {
	fact := func(name tagalong.FactName, at time.Time, reason string) tagalong.Fact {
		return tagalong.Fact{Deployment: taskSet, Name: name, Time: at, Source: tagalong.FromCodeDeploy, Reason: reason}
	}
	started := "CodeDeploy deployment " + s.ID + " in progress."
	if s.Rollback {
		started = "CodeDeploy deployment " + s.ID + " is rolling back."
	}
	facts := []tagalong.Fact{fact(tagalong.InProgress, s.CreatedAt, started)}
	switch s.State {
	case CodeDeploySucceeded:
		facts = append(facts, fact(tagalong.Completed, s.EndedAt, "CodeDeploy deployment "+s.ID+" completed."))
	case CodeDeployFailed, CodeDeployStopped:
		facts = append(facts, fact(tagalong.Failed, s.EndedAt, cmp.Or(s.Reason, "CodeDeploy deployment "+s.ID+" "+string(s.State)+".")))
	}
	return slices.DeleteFunc(facts, func(f tagalong.Fact) bool { return f.Time.IsZero() })
}

// lags reports whether the API has not come as far as the event. Of a deployment to
// something else than ECS nothing is awaited.
func (s CodeDeployDeployment) lags(event events.CodeDeployState) bool {
	if len(s.Targets) == 0 {
		return false
	}
	ended := s.State != CodeDeployInProgress && !s.EndedAt.IsZero()
	switch event {
	case events.CodeDeploySucceeded:
		return !ended || slices.ContainsFunc(s.Targets, func(t CodeDeployTarget) bool { return t.TaskSet == "" })
	case events.CodeDeployFailed, events.CodeDeployStopped:
		return !ended
	}
	return false
}
