package dynamo

import (
	"context"
	"iter"
	"reflect"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const taskFamilies = "TASKS"

func taskFamilyKey(of tagalong.Service) key { return key{taskFamilies, of.String()} }

// taskFamilyItem holds which images the standalone tasks of a family run and ran:
//
//	{
//	  "environment": "prod",
//	  "images": [
//	    {
//	      "container": {
//	        "digest": "sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17",
//	        "evidence": "task",
//	        "imageTag": "build-42",
//	        "name": "import",
//	        "read": true,
//	        "registry": "111122223333.dkr.ecr.us-east-1.amazonaws.com",
//	        "repository": "checkout-api"
//	      },
//	      "first": "2026-03-04T03:00:01.077Z",
//	      "idle": "2026-03-04T03:07:01.077Z",
//	      "last": "2026-03-04T03:07:01.077Z",
//	      "runs": 1,
//	      "task": "f970519bf5212b7e025eb8eb1539a98b"
//	    }
//	  ],
//	  "pk": "TASKS",
//	  "sk": "111122223333/us-east-1/prod-cluster/task:nightly-import",
//	  "version": "…"
//	}
type taskFamilyItem struct {
	key
	Version     string          `dynamodbav:"version"`
	Environment string          `dynamodbav:"environment,omitempty"`
	Images      []taskImageItem `dynamodbav:"images"`
}

type taskImageItem struct {
	Container containerItem `dynamodbav:"container"`
	First     string        `dynamodbav:"first"`
	Last      string        `dynamodbav:"last"`
	Runs      int           `dynamodbav:"runs"`
	Running   bool          `dynamodbav:"running,omitempty"`
	Task      string        `dynamodbav:"task,omitempty"`
	Idle      string        `dynamodbav:"idle,omitempty"`
	Ended     bool          `dynamodbav:"ended,omitempty"`
	Expires   int64         `dynamodbav:"expires,omitempty"`
}

func toTaskImage(t ledger.TaskImage) taskImageItem {
	return taskImageItem{
		Container: toContainer(t.Container), First: formatTime(t.First), Last: formatTime(t.Last), Runs: t.Runs,
		Running: t.Running, Task: t.Task, Idle: formatTime(t.Idle), Ended: t.Ended, Expires: epoch(t.Expires),
	}
}

func (i taskImageItem) image() ledger.TaskImage {
	return ledger.TaskImage{
		Container: i.Container.container(), First: parseTime(i.First), Last: parseTime(i.Last), Runs: i.Runs,
		Running: i.Running, Task: i.Task, Idle: parseTime(i.Idle), Ended: i.Ended, Expires: fromEpoch(i.Expires),
	}
}

func (i taskFamilyItem) family() (ledger.TaskFamily, error) {
	of, err := tagalong.ParseService(i.SK)
	return ledger.TaskFamily{Of: of, Version: i.Version, Environment: i.Environment, Images: all(i.Images, taskImageItem.image)}, err
}

// TaskFamily reads one of them.
func (l *Ledger) TaskFamily(ctx context.Context, of tagalong.Service) (ledger.TaskFamily, error) {
	for kept, err := range decoded(l.get(ctx, taskFamilyKey(of)), taskFamilyItem.family) {
		return kept, err
	}
	return ledger.TaskFamily{Of: of}, nil
}

// TaskFamiliesIn reads all of an account's Region: they lie side by side.
func (l *Ledger) TaskFamiliesIn(ctx context.Context, s tagalong.Scope) iter.Seq2[ledger.TaskFamily, error] {
	return decoded(l.query(ctx, under(taskFamilies, s.String()+"/")), taskFamilyItem.family)
}

// SetTaskFamily writes one of them over the version that was seen, and the placements in
// which it differs: that version guards them, too.
func (l *Ledger) SetTaskFamily(ctx context.Context, was, is ledger.TaskFamily, children []ledger.Child) error {
	names, repositories := is.Names(was)
	environment := is.Environment
	if environment == was.Environment {
		environment = "" // it is listed
	}
	if err := l.putShared(ctx, environment, names, repositories, children); err != nil {
		return err
	}
	changed, gone := is.Changed(was)
	running, left := is.Running(), is.Left(was)
	family := put(taskFamilyItem{taskFamilyKey(is.Of), is.Version, is.Environment, all(is.Images, toTaskImage)})
	return l.write(ctx, slices.Concat(
		[]write{family.when(still(was.Version))}, all(changed, putPlacement), all(gone, dropPlacement),
		optional(running != nil && !reflect.DeepEqual(running, was.Running()), func() write { return putRunning(*running) }),
		optional(was.Running() != nil && (running == nil || environment != ""), func() write { return dropRunning(is.Of, was.Environment) }),
		optional(left != nil, func() write { return putPast(*left) }),
		optional(was.Version == "", func() write { return listService(is.Of, is.Since()) }),
		optional(environment != "", func() write { return listServiceOf(environment, is.Of) }),
	)...)
}

// PlacementsOf reads those of a family, or of a function.
func (l *Ledger) PlacementsOf(ctx context.Context, s tagalong.Service) ([]ledger.Placement, error) {
	if s.Kind() == tagalong.KindService {
		return nil, nil
	}
	for kept, err := range decoded(l.getEventually(ctx, taskFamilyKey(s)), taskFamilyItem.family) {
		return kept.Placements(), err
	}
	return nil, nil
}
