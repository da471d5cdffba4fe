package dynamo

import (
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// The items of the table, as they lie there. Empty attributes are left out;
// times are texts of one width in UTC. A test keeps these comments honest.

// indexed are the keys of the two indexes; an item without them is in neither.
type indexed struct {
	GSI1PK string `dynamodbav:"gsi1pk,omitempty"`
	GSI1SK string `dynamodbav:"gsi1sk,omitempty"`
	GSI2PK string `dynamodbav:"gsi2pk,omitempty"`
	GSI2SK string `dynamodbav:"gsi2sk,omitempty"`
}

// factItem is one thing that happened to one deployment, or to an action that
// deploys: that one's start names its release and its limit, too:
//
//	{
//	  "pk": "SVC#111122223333/us-east-1/prod-cluster/checkout-api",
//	  "reason": "ECS deployment ecs-svc/7330915268420174663 completed.",
//	  "recordedAt": "2026-03-04T09:20:01.312Z",
//	  "sk": "F#2026-03-04T09:18:02.915Z#COMPLETED#ecs-svc/7330915268420174663",
//	  "source": "event"
//	}
type factItem struct {
	key
	Source     string       `dynamodbav:"source"`
	Reason     string       `dynamodbav:"reason,omitempty"`
	Release    *releaseItem `dynamodbav:"release,omitempty"`
	Limit      string       `dynamodbav:"limit,omitempty"`
	RecordedAt string       `dynamodbav:"recordedAt"`
}

// releaseItem says what put a rollout in place; nil where nothing is known.
type releaseItem struct {
	Pipeline  string `dynamodbav:"pipeline"`
	Execution string `dynamodbav:"execution"`
	Stage     string `dynamodbav:"stage"`
	buildItem
}

// buildItem is what an execution knows of what it deploys.
type buildItem struct {
	Commit string `dynamodbav:"commit,omitempty"`
	Images string `dynamodbav:"images,omitempty"`
}

func toBuild(b tagalong.Build) buildItem { return buildItem{b.Commit, b.Images} }

func (i buildItem) build() tagalong.Build { return tagalong.Build{Commit: i.Commit, Images: i.Images} }

func toRelease(r tagalong.Release) *releaseItem {
	if r == (tagalong.Release{}) {
		return nil
	}
	return &releaseItem{Pipeline: r.Pipeline, Execution: r.Execution, Stage: r.Stage, buildItem: buildItem{r.Commit, r.Images}}
}

func (i *releaseItem) release() tagalong.Release {
	if i == nil {
		return tagalong.Release{}
	}
	return tagalong.Release{Pipeline: i.Pipeline, Execution: i.Execution, Stage: i.Stage, Commit: i.Commit, Images: i.Images}
}

// containerItem is a container within rows, members, places and heads.
type containerItem struct {
	Name       string   `dynamodbav:"name"`
	Registry   string   `dynamodbav:"registry,omitempty"`
	Repository string   `dynamodbav:"repository,omitempty"`
	ImageTag   string   `dynamodbav:"imageTag,omitempty"`
	Digest     string   `dynamodbav:"digest,omitempty"`
	Index      string   `dynamodbav:"index,omitempty"`
	Evidence   string   `dynamodbav:"evidence"`
	Disputed   bool     `dynamodbav:"disputed,omitempty"`
	Added      bool     `dynamodbav:"added,omitempty"`
	Commit     string   `dynamodbav:"commit,omitempty"`
	KnownTag   string   `dynamodbav:"knownTag,omitempty"`
	Tags       []string `dynamodbav:"tags,omitempty"`
	Once       []string `dynamodbav:"once,omitempty"`
	Foreign    bool     `dynamodbav:"foreign,omitempty"`
}

// rolloutItem is a rollout's course, in rows and in a head's base.
type rolloutItem struct {
	Deployment   string       `dynamodbav:"deployment"`
	State        string       `dynamodbav:"state"`
	StartedAt    string       `dynamodbav:"startedAt,omitempty"`
	FinishedAt   string       `dynamodbav:"finishedAt,omitempty"`
	Until        string       `dynamodbav:"until,omitempty"`
	Rollback     bool         `dynamodbav:"rollback,omitempty"`
	Reason       string       `dynamodbav:"reason,omitempty"`
	Release      *releaseItem `dynamodbav:"release,omitempty"`
	Restored     *buildItem   `dynamodbav:"restored,omitempty"`
	Retired      bool         `dynamodbav:"retired,omitempty"`
	StartSource  string       `dynamodbav:"startSource,omitempty"`
	FinishSource string       `dynamodbav:"finishSource,omitempty"`
}

// rowItem is a rollout as the history shows it:
//
//	{
//	  "containers": [
//	    {
//	      "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	      "evidence": "revision",
//	      "imageTag": "build-42",
//	      "name": "checkout-api",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api"
//	    }
//	  ],
//	  "deployment": "ecs-svc/7330915268420174663",
//	  "environment": "prod",
//	  "finishSource": "event",
//	  "finishedAt": "2026-03-04T09:18:02.915Z",
//	  "gsi1pk": "E#prod",
//	  "gsi1sk": "2026-03-04T09:15:02.318Z#111122223333/us-east-1/prod-cluster/checkout-api#ecs-svc/7330915268420174663",
//	  "pk": "SVC#111122223333/us-east-1/prod-cluster/checkout-api",
//	  "reason": "ECS deployment ecs-svc/7330915268420174663 completed.",
//	  "sk": "R#2026-03-04T09:15:02.318Z#ecs-svc/7330915268420174663",
//	  "startSource": "event",
//	  "startedAt": "2026-03-04T09:15:02.318Z",
//	  "state": "completed",
//	  "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:2"
//	}
type rowItem struct {
	key
	indexed
	rolloutItem
	detailsItem
	Expires int64 `dynamodbav:"expires,omitempty"` // epoch seconds, the table's TTL
}

// headItem is what the ledger keeps of a service:
//
//	{
//	  "base": {},
//	  "claims": [
//	    {
//	      "at": "2026-03-04T09:18:02.915Z",
//	      "by": "111122223333/us-east-1/prod-cluster/checkout-api#checkout-api",
//	      "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	      "environment": "prod",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api",
//	      "tag": "prod"
//	    },
//	    {
//	      "at": "2026-03-04T09:18:02.915Z",
//	      "by": "111122223333/us-east-1/prod-cluster/checkout-api#checkout-api",
//	      "digest": "sha256:199ddbcf9ebd5fbafa80abdfc03fc5ca58decd3679b62dae111b3efc98a97853",
//	      "environment": "prod",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api",
//	      "tag": "prod-previous"
//	    }
//	  ],
//	  "completeSince": "2026-03-04T08:02:11.480Z",
//	  "environment": "prod",
//	  "last": "F#2026-03-04T09:18:02.915Z#COMPLETED#ecs-svc/7330915268420174663",
//	  "live": {
//	    "ecs-svc/7330915268420174663": {
//	      "containers": [
//	        {
//	          "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	          "evidence": "revision",
//	          "imageTag": "build-42",
//	          "name": "checkout-api",
//	          "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	          "repository": "checkout-api"
//	        }
//	      ],
//	      "environment": "prod",
//	      "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:2"
//	    }
//	  },
//	  "pk": "SVC#111122223333/us-east-1/prod-cluster/checkout-api",
//	  "previous": [
//	    {
//	      "container": "checkout-api",
//	      "digest": "sha256:199ddbcf9ebd5fbafa80abdfc03fc5ca58decd3679b62dae111b3efc98a97853",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api"
//	    }
//	  ],
//	  "running": "ecs-svc/7330915268420174663",
//	  "sk": "HEAD",
//	  "version": "…"
//	}
type headItem struct {
	key
	Version       string                 `dynamodbav:"version"`
	Base          timelineItem           `dynamodbav:"base"`
	Since         string                 `dynamodbav:"since,omitempty"`
	Live          map[string]detailsItem `dynamodbav:"live,omitempty"`
	Environment   string                 `dynamodbav:"environment,omitempty"`
	Running       string                 `dynamodbav:"running,omitempty"`
	Claims        []claimItem            `dynamodbav:"claims,omitempty"`
	Previous      []imageItem            `dynamodbav:"previous,omitempty"`
	Continues     []string               `dynamodbav:"continues,omitempty"` // names of containers
	Released      []releasedItem         `dynamodbav:"released,omitempty"`
	Last          string                 `dynamodbav:"last,omitempty"` // the sort key of the fact that was written with it
	CompleteSince string                 `dynamodbav:"completeSince,omitempty"`
	Rest          *restItem              `dynamodbav:"rest,omitempty"` // while a change is not written whole
}

type releasedItem struct {
	Registry   string `dynamodbav:"registry"`
	Repository string `dynamodbav:"repository"`
	Tag        string `dynamodbav:"tag"`
	At         string `dynamodbav:"at"`
}

type timelineItem struct {
	Rollouts  []rolloutItem  `dynamodbav:"rollouts,omitempty"`
	Running   int            `dynamodbav:"running,omitempty"`
	Ended     int            `dynamodbav:"ended,omitempty"`
	Completed []string       `dynamodbav:"completed,omitempty"`
	Builds    []deployedItem `dynamodbav:"builds,omitempty"`
	Truncated bool           `dynamodbav:"truncated,omitempty"`
	Actions   []actionItem   `dynamodbav:"actions,omitempty"`
}

// deployedItem is what a deployment was released with.
type deployedItem struct {
	Deployment string `dynamodbav:"deployment"`
	buildItem
}

// actionItem is an action that deploys and has not ended.
type actionItem struct {
	Action  string       `dynamodbav:"action"`
	Release *releaseItem `dynamodbav:"release,omitempty"`
	Limit   string       `dynamodbav:"limit"`
}

func toDeployed(b tagalong.DeployedBuild) deployedItem {
	return deployedItem{Deployment: b.Deployment, buildItem: toBuild(b.Build)}
}

func (i deployedItem) deployed() tagalong.DeployedBuild {
	return tagalong.DeployedBuild{Deployment: i.Deployment, Build: i.build()}
}

// toRestored gives what a rollback came back with, nil where nothing is known.
func toRestored(b tagalong.Build) *buildItem {
	if b == (tagalong.Build{}) {
		return nil
	}
	i := toBuild(b)
	return &i
}

func (i *buildItem) restored() tagalong.Build {
	if i == nil {
		return tagalong.Build{}
	}
	return i.build()
}

func toAction(a tagalong.UnderWay) actionItem {
	return actionItem{Action: a.Action, Release: toRelease(a.Release), Limit: formatTime(a.Limit)}
}

func (i actionItem) action() tagalong.UnderWay {
	return tagalong.UnderWay{Action: i.Action, Release: i.Release.release(), Limit: parseTime(i.Limit)}
}

// detailsItem is what is known of a rollout, in rows and in heads.
type detailsItem struct {
	Environment    string          `dynamodbav:"environment,omitempty"`
	TaskDefinition string          `dynamodbav:"taskDefinition,omitempty"`
	Containers     []containerItem `dynamodbav:"containers,omitempty"`
	Moves          []moveItem      `dynamodbav:"moves,omitempty"`
}

// moveItem says when a running service came into another environment.
type moveItem struct {
	Environment string `dynamodbav:"environment"`
	At          string `dynamodbav:"at"`
}

type claimItem struct {
	Registry    string `dynamodbav:"registry"`
	Repository  string `dynamodbav:"repository"`
	Tag         string `dynamodbav:"tag"`
	Digest      string `dynamodbav:"digest"`
	At          string `dynamodbav:"at"`
	By          string `dynamodbav:"by"`
	Environment string `dynamodbav:"environment"`
	Once        bool   `dynamodbav:"once,omitempty"`
}

// memberItem is what runs of a service, in its environment; with until it is
// what ran there last:
//
//	{
//	  "completeSince": "2026-03-04T08:02:11.480Z",
//	  "containers": [
//	    {
//	      "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	      "evidence": "revision",
//	      "imageTag": "build-42",
//	      "name": "checkout-api",
//	      "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	      "repository": "checkout-api",
//	      "tags": [
//	        "prod"
//	      ]
//	    }
//	  ],
//	  "deployment": "ecs-svc/7330915268420174663",
//	  "pk": "ENV#prod",
//	  "since": "2026-03-04T09:18:02.915Z",
//	  "sk": "NOW#111122223333/us-east-1/prod-cluster/checkout-api",
//	  "taskDefinition": "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:2"
//	}
type memberItem struct {
	key
	Deployment     string          `dynamodbav:"deployment"`
	TaskDefinition string          `dynamodbav:"taskDefinition,omitempty"`
	Since          string          `dynamodbav:"since"`
	Until          string          `dynamodbav:"until,omitempty"`
	RollingOut     string          `dynamodbav:"rollingOut,omitempty"`
	Release        *releaseItem    `dynamodbav:"release,omitempty"`
	Rollback       bool            `dynamodbav:"rollback,omitempty"`
	Containers     []containerItem `dynamodbav:"containers"`
	Joined         string          `dynamodbav:"joined,omitempty"`
	CompleteSince  string          `dynamodbav:"completeSince,omitempty"`
	Expires        int64           `dynamodbav:"expires,omitempty"`
}

// placeItem says that a container runs an image of a repository, or ran it:
//
//	{
//	  "container": {
//	    "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	    "evidence": "revision",
//	    "imageTag": "build-42",
//	    "name": "checkout-api",
//	    "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	    "repository": "checkout-api",
//	    "tags": [
//	      "prod"
//	    ]
//	  },
//	  "deployment": "ecs-svc/7330915268420174663",
//	  "environment": "prod",
//	  "gsi1pk": "I#111122223333.dkr.ecr.us-east-1.amazonaws.com/checkout-api:build-42",
//	  "gsi1sk": "111122223333.dkr.ecr.us-east-1.amazonaws.com#111122223333/us-east-1/prod-cluster/checkout-api#checkout-api#running",
//	  "gsi2pk": "D#sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "gsi2sk": "2026-03-04T09:18:02.915Z#111122223333.dkr.ecr.us-east-1.amazonaws.com#111122223333/us-east-1/prod-cluster/checkout-api#checkout-api#running",
//	  "pk": "REPO#checkout-api",
//	  "service": "111122223333/us-east-1/prod-cluster/checkout-api",
//	  "since": "2026-03-04T09:18:02.915Z",
//	  "sk": "NOW#111122223333.dkr.ecr.us-east-1.amazonaws.com#111122223333/us-east-1/prod-cluster/checkout-api#checkout-api"
//	}
type placeItem struct {
	key
	indexed
	Service     string        `dynamodbav:"service"`
	Environment string        `dynamodbav:"environment"`
	Deployment  string        `dynamodbav:"deployment"`
	Container   containerItem `dynamodbav:"container"`
	Since       string        `dynamodbav:"since"`
	Until       string        `dynamodbav:"until,omitempty"`
	Continues   bool          `dynamodbav:"continues,omitempty"`
	Continued   bool          `dynamodbav:"continued,omitempty"`
	Expires     int64         `dynamodbav:"expires,omitempty"`
}

// tagItem is a tag's wish and how it stands:
//
//	{
//	  "actual": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "checkedAt": "2026-03-04T09:20:01.312Z",
//	  "claims": "…",
//	  "environment": "",
//	  "gsi1pk": "T#",
//	  "gsi1sk": "1#checkout-api#111122223333.dkr.ecr.us-east-1.amazonaws.com#released",
//	  "once": false,
//	  "pk": "REPO#checkout-api",
//	  "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	  "repository": "checkout-api",
//	  "since": "2026-03-04T09:20:01.312Z",
//	  "sk": "TAG#111122223333.dkr.ecr.us-east-1.amazonaws.com#released",
//	  "state": "confirmed",
//	  "tag": "released",
//	  "version": "…",
//	  "wish": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	  "wishAt": "2026-03-04T09:12:07.511Z",
//	  "wishBy": "promotion#6f1c7b0e-93d4-4a25-b8e1-0d52c4a97f63"
//	}
type tagItem struct {
	key
	indexed
	Registry    string `dynamodbav:"registry"`
	Repository  string `dynamodbav:"repository"`
	Tag         string `dynamodbav:"tag"`
	Wish        string `dynamodbav:"wish"`
	WishAt      string `dynamodbav:"wishAt"`
	WishBy      string `dynamodbav:"wishBy"`
	Environment string `dynamodbav:"environment"`
	Once        bool   `dynamodbav:"once,omitempty"`
	Version     string `dynamodbav:"version"`
	Claims      string `dynamodbav:"claims"`
	State       string `dynamodbav:"state"`
	Reason      string `dynamodbav:"reason,omitempty"`
	Since       string `dynamodbav:"since"`
	Actual      string `dynamodbav:"actual,omitempty"`
	CheckedAt   string `dynamodbav:"checkedAt,omitempty"`
	DoubtUntil  string `dynamodbav:"doubtUntil,omitempty"`
	Returned    int    `dynamodbav:"returned,omitempty"` // how often it was put back
}

// childItem says that an index holds a platform's image:
//
//	{
//	  "pk": "D#sha256:090b62e810e6c2de0a2688110faf96173729f85d98d37601155e78997ddb4aec",
//	  "platform": "linux/arm64",
//	  "sk": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17#111122223333.dkr.ecr.us-east-1.amazonaws.com#checkout-api"
//	}
type childItem struct {
	key
	Platform string `dynamodbav:"platform"`
}

// directoryItem names a service and since when it is known, an environment, or a
// service of an environment:
//
//	{
//	  "completeSince": "2026-03-04T08:02:11.480Z",
//	  "pk": "DIR",
//	  "sk": "S#111122223333/us-east-1/prod-cluster/checkout-api"
//	}
type directoryItem struct {
	key
	CompleteSince string `dynamodbav:"completeSince,omitempty"`
}

func toFact(f tagalong.Fact, k key) factItem {
	return factItem{
		key: k, Source: string(f.Source), Reason: f.Reason,
		Release: toRelease(f.Release), Limit: formatTime(f.Limit), RecordedAt: formatTime(f.RecordedAt),
	}
}

func toContainer(c tagalong.Container) containerItem {
	return containerItem{
		Name:       c.Name,
		Registry:   c.Image.Registry,
		Repository: c.Image.Name,
		ImageTag:   c.ImageTag,
		Digest:     c.Digest.String(),
		Index:      c.Index.String(),
		Evidence:   string(c.Evidence),
		Disputed:   c.Disputed,
		Added:      c.Added,
		Commit:     c.Commit,
		KnownTag:   c.KnownTag,
	}
}

func (i containerItem) container() tagalong.Container {
	return tagalong.Container{
		Name:     i.Name,
		Image:    tagalong.Repository{Registry: i.Registry, Name: i.Repository},
		ImageTag: i.ImageTag,
		Digest:   digest.Digest(i.Digest),
		Index:    digest.Digest(i.Index),
		Evidence: tagalong.Evidence(i.Evidence),
		Disputed: i.Disputed,
		Added:    i.Added,
		Commit:   i.Commit,
		KnownTag: i.KnownTag,
	}
}

func toPlaced(p tagalong.Placed) containerItem {
	i := toContainer(p.Container)
	i.Tags, i.Once, i.Foreign = p.Tags, p.Once, p.Foreign
	return i
}

func (i containerItem) placed() tagalong.Placed {
	return tagalong.Placed{Container: i.container(), Tags: i.Tags, Once: i.Once, Foreign: i.Foreign}
}

func toRollout(r tagalong.Rollout) rolloutItem {
	return rolloutItem{
		Deployment:   r.Deployment,
		State:        string(r.State),
		StartedAt:    formatTime(r.StartedAt),
		FinishedAt:   formatTime(r.FinishedAt),
		Until:        formatTime(r.Until),
		Rollback:     r.Rollback,
		Reason:       r.Reason,
		Release:      toRelease(r.Release),
		Restored:     toRestored(r.Restored),
		Retired:      r.Retired,
		StartSource:  string(r.StartSource),
		FinishSource: string(r.FinishSource),
	}
}

func (i rolloutItem) rollout() tagalong.Rollout {
	return tagalong.Rollout{
		Deployment:   i.Deployment,
		State:        tagalong.State(i.State),
		StartedAt:    parseTime(i.StartedAt),
		FinishedAt:   parseTime(i.FinishedAt),
		Until:        parseTime(i.Until),
		Rollback:     i.Rollback,
		Reason:       i.Reason,
		Release:      i.Release.release(),
		Restored:     i.Restored.restored(),
		Retired:      i.Retired,
		StartSource:  tagalong.Source(i.StartSource),
		FinishSource: tagalong.Source(i.FinishSource),
	}
}

func toRow(r tagalong.Row) rowItem {
	k := rowKey(r.Service, tagalong.RolloutKey{Sort: r.SortTime(), Deployment: r.Deployment})
	i := rowItem{
		key:         k,
		rolloutItem: toRollout(r.Rollout),
		detailsItem: toDetails(r.Details),
		Expires:     epoch(r.Expires),
	}
	i.GSI1PK, i.GSI1SK = historyIndex(r.Environment, r.At())
	if r.Release.Pipeline != "" {
		i.GSI2PK, i.GSI2SK = releaseIndex(r.Release, r.At())
	}
	return i
}

func (i rowItem) row() (tagalong.Row, error) {
	s, err := tagalong.ParseService(strings.TrimPrefix(i.PK, "SVC#"))
	return tagalong.Row{Service: s, Rollout: i.rollout(), Details: i.details(), Expires: fromEpoch(i.Expires)}, err
}

func toMove(m tagalong.Move) moveItem {
	return moveItem{Environment: m.Environment, At: formatTime(m.At)}
}

func (i moveItem) move() tagalong.Move {
	return tagalong.Move{Environment: i.Environment, At: parseTime(i.At)}
}

func toDetails(d tagalong.Details) detailsItem {
	return detailsItem{
		Environment:    d.Environment,
		TaskDefinition: d.TaskDefinition,
		Containers:     all(d.Containers, toContainer),
		Moves:          all(d.Moves, toMove),
	}
}

func (i detailsItem) details() tagalong.Details {
	return tagalong.Details{
		Environment:    i.Environment,
		TaskDefinition: i.TaskDefinition,
		Containers:     all(i.Containers, containerItem.container),
		Moves:          all(i.Moves, moveItem.move),
	}
}

func toHead(s tagalong.Service, h tagalong.Head) headItem {
	i := headItem{
		key:     headKey(s),
		Version: h.Version,
		Base: timelineItem{
			Rollouts:  all(h.Base.Rollouts, toRollout),
			Running:   h.Base.Running,
			Ended:     h.Base.Ended,
			Completed: h.Base.Completed,
			Builds:    all(h.Base.Builds, toDeployed),
			Truncated: h.Base.Truncated,
			Actions:   all(h.Base.Actions, toAction),
		},
		Since:         formatTime(h.Since),
		Live:          map[string]detailsItem{},
		Environment:   h.Environment,
		Running:       h.Running,
		Claims:        all(h.Claims, toClaim),
		Previous:      all(h.Previous, toPrevious),
		Continues:     h.Continues,
		Released:      all(h.Released, toReleased),
		Last:          lastKey(s, h.Last),
		CompleteSince: formatTime(h.CompleteSince),
		Rest:          toRest(h.Rest),
	}
	for deployment, d := range h.Live {
		i.Live[deployment] = toDetails(d)
	}
	return i
}

func (i headItem) head() (tagalong.Head, error) {
	rest, err := i.Rest.rest()
	h := tagalong.Head{
		Version: i.Version,
		Base: tagalong.Timeline{
			Rollouts:  all(i.Base.Rollouts, rolloutItem.rollout),
			Running:   i.Base.Running,
			Ended:     i.Base.Ended,
			Completed: i.Base.Completed,
			Builds:    all(i.Base.Builds, deployedItem.deployed),
			Truncated: i.Base.Truncated,
			Actions:   all(i.Base.Actions, actionItem.action),
		},
		Since:         parseTime(i.Since),
		Live:          map[string]tagalong.Details{},
		Environment:   i.Environment,
		Running:       i.Running,
		Claims:        all(i.Claims, claimItem.claim),
		Previous:      all(i.Previous, imageItem.previous),
		Continues:     i.Continues,
		Released:      all(i.Released, releasedItem.released),
		Last:          lastFact(i.Last),
		CompleteSince: parseTime(i.CompleteSince),
		Rest:          rest,
	}
	for deployment, d := range i.Live {
		h.Live[deployment] = d.details()
	}
	return h, err
}

func toClaim(c tagalong.Claim) claimItem {
	return claimItem{
		Registry:    c.Tag.Registry,
		Repository:  c.Tag.Name,
		Tag:         c.Tag.Tag,
		Digest:      c.Digest.String(),
		At:          formatTime(c.At),
		By:          c.By,
		Environment: c.Environment,
		Once:        c.Once,
	}
}

func (i claimItem) claim() tagalong.Claim {
	return tagalong.Claim{
		Tag:         tagalong.TagID{Repository: tagalong.Repository{Registry: i.Registry, Name: i.Repository}, Tag: i.Tag},
		Digest:      digest.Digest(i.Digest),
		At:          parseTime(i.At),
		By:          i.By,
		Environment: i.Environment,
		Once:        i.Once,
	}
}

func lastKey(s tagalong.Service, f tagalong.Fact) string {
	if f.Name == "" {
		return ""
	}
	return factKey(s, f).SK
}

func lastFact(sk string) tagalong.Fact {
	f, _ := parseFact(sk) // "" is none
	return f
}

func toReleased(r tagalong.Released) releasedItem {
	return releasedItem{Registry: r.Tag.Registry, Repository: r.Tag.Name, Tag: r.Tag.Tag, At: formatTime(r.At)}
}

func (i releasedItem) released() tagalong.Released {
	id := tagalong.TagID{Repository: tagalong.Repository{Registry: i.Registry, Name: i.Repository}, Tag: i.Tag}
	return tagalong.Released{Tag: id, At: parseTime(i.At)}
}

func toMember(m tagalong.Member) memberItem {
	return memberItem{
		key:            memberKey(m.Service, m.Environment),
		Deployment:     m.Deployment,
		TaskDefinition: m.TaskDefinition,
		Since:          formatTime(m.Since),
		RollingOut:     m.RollingOut,
		Release:        toRelease(m.Release),
		Rollback:       m.Rollback,
		Containers:     all(m.Containers, toPlaced),
		Joined:         formatTime(m.Joined),
		CompleteSince:  formatTime(m.CompleteSince),
	}
}

func toGone(g tagalong.Gone) memberItem {
	i := toMember(g.Member)
	i.key, i.Until, i.Expires = goneKey(g), formatTime(g.Until), epoch(g.Expires)
	return i
}

// service gives the one that the sort key ends with.
func (i memberItem) service() (tagalong.Service, error) {
	return tagalong.ParseService(i.SK[strings.LastIndexByte(i.SK, '#')+1:])
}

// gone reads what ran last in an environment that the service has left.
func (i memberItem) gone(environment string) (tagalong.Gone, error) {
	m, err := i.member(environment)
	return tagalong.Gone{Member: m, Until: parseTime(i.Until), Expires: fromEpoch(i.Expires)}, err
}

func (i memberItem) member(environment string) (tagalong.Member, error) {
	s, err := i.service()
	return tagalong.Member{
		Service:        s,
		Environment:    environment,
		Deployment:     i.Deployment,
		TaskDefinition: i.TaskDefinition,
		Since:          parseTime(i.Since),
		RollingOut:     i.RollingOut,
		Release:        i.Release.release(),
		Rollback:       i.Rollback,
		Containers:     all(i.Containers, containerItem.placed),
		Joined:         parseTime(i.Joined),
		CompleteSince:  parseTime(i.CompleteSince),
	}, err
}

func toPlace(p tagalong.Place) placeItem {
	i := placeItem{
		key:         placeKey(p),
		Service:     p.Service.String(),
		Environment: p.Environment,
		Deployment:  p.Deployment,
		Container:   toPlaced(tagalong.Placed{Container: p.Container, Tags: p.Tags}),
		Since:       formatTime(p.Since),
		Until:       formatTime(p.Until),
		Continues:   p.Continues,
		Continued:   p.Continued,
		Expires:     epoch(p.Expires),
	}
	if d := p.Container.Target(); d != "" {
		i.GSI2PK, i.GSI2SK = placeIndex(d, p.At())
	}
	if id, reads := p.Reads(); reads {
		i.GSI1PK, i.GSI1SK = readersPK(id), lane(p.At())+"#"+string(p.Phase)
	}
	return i
}

// place reads a place; its sort key says in which phase it is.
func (i placeItem) place() (tagalong.Place, error) {
	s, err := tagalong.ParseService(i.Service)
	p := tagalong.Place{
		Phase:       tagalong.PhaseEnded,
		Service:     s,
		Environment: i.Environment,
		Deployment:  i.Deployment,
		Container:   i.Container.container(),
		Since:       parseTime(i.Since),
		Until:       parseTime(i.Until),
		Continues:   i.Continues,
		Continued:   i.Continued,
		Tags:        i.Container.Tags,
		Expires:     fromEpoch(i.Expires),
	}
	switch {
	case strings.HasPrefix(i.SK, prefixNow):
		p.Phase = tagalong.PhaseRunning
	case strings.HasPrefix(i.SK, prefixNext):
		p.Phase = tagalong.PhaseRollingOut
	}
	return p, err
}

// child reads a platform's image from its keys.
func (i childItem) child() (tagalong.Child, error) {
	part := strings.SplitN(i.SK, "#", 3)
	if len(part) != 3 {
		return tagalong.Child{}, fmt.Errorf("sort key %q: want index#registry#repository", i.SK)
	}
	return tagalong.Child{
		Digest:     digest.Digest(strings.TrimPrefix(i.PK, digestPK(""))),
		Index:      digest.Digest(part[0]),
		Repository: tagalong.Repository{Registry: part[1], Name: part[2]},
		Platform:   i.Platform,
	}, nil
}

// claims gives what an open place claims.
func (i placeItem) claims() ([]tagalong.Claim, error) {
	s, err := tagalong.ParseService(i.Service)
	if err != nil {
		return nil, err
	}
	c := i.Container.container()
	var claims []tagalong.Claim
	for _, tag := range i.Container.Tags {
		claims = append(claims, tagalong.Claim{
			Tag:         tagalong.TagID{Repository: c.Image, Tag: tag},
			Digest:      c.Target(),
			At:          parseTime(i.Since),
			By:          tagalong.Claimant(s, c.Name),
			Environment: i.Environment,
		})
	}
	return claims, nil
}

func (i tagItem) tag() tagalong.Tag {
	id := tagalong.TagID{Repository: tagalong.Repository{Registry: i.Registry, Name: i.Repository}, Tag: i.Tag}
	return tagalong.Tag{
		ID: id,
		Wish: tagalong.Claim{
			Tag: id, Digest: digest.Digest(i.Wish), At: parseTime(i.WishAt), By: i.WishBy, Environment: i.Environment, Once: i.Once,
		},
		Version:    i.Version,
		Claims:     i.Claims,
		State:      tagalong.TagState(i.State),
		Reason:     i.Reason,
		Since:      parseTime(i.Since),
		Actual:     digest.Digest(i.Actual),
		CheckedAt:  parseTime(i.CheckedAt),
		DoubtUntil: parseTime(i.DoubtUntil),
		Returned:   i.Returned,
	}
}

// all maps a slice; nothing stays nothing.
func all[A, B any](in []A, f func(A) B) []B {
	var out []B
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}

func epoch(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func fromEpoch(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
