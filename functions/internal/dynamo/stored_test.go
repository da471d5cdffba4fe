package dynamo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/dynamo"
	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// TestKeysAndAttributesStay pins all that lies in a table, to the letter: tables are
// older than the code that reads them. Every field of every record is filled, each with
// a value of its own, so that a new field shows here, and an exchanged one, too.
func TestKeysAndAttributesStay(t *testing.T) {
	const golden = "testdata/stored.json"
	client := dynamodb.NewFromConfig(sandboxtest.Start(t).Config())
	if _, err := dynamo.Create(t.Context(), client, "tagalong"); err != nil {
		t.Fatal(err)
	}
	writeEverything(t, dynamo.New(client, "tagalong"))
	lies := scanned(t, client)
	if *update {
		if err := os.WriteFile(golden, []byte(lies), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), lies); diff != "" {
		t.Errorf("the table holds something else (-%s +stored):\n%s", golden, diff)
	}
}

// writeEverything lets a ledger write each of its records once, and a tag in each way
// in which it is written first.
func writeEverything(t *testing.T, l *dynamo.Ledger) {
	t.Helper()
	change := filled[ledger.Change]("change")
	change.Seen, change.Fact.Source = "", tagalong.FromSweep
	change.Placements = []ledger.Placement{
		placeIn(ledger.PhaseRunning), placeIn(ledger.PhaseRollingOut), placeIn(ledger.PhaseEnded), placeIn(ledger.PhaseDraining), unfinishedPlace(),
	}
	change.Tags = []ledger.TagWrite{newTag("right", ledger.Advance), newTag("nowhere", ledger.Renew), newTag("doubted", ledger.Advance), newTag("new", ledger.Advance)}
	promotion := filled[ledger.PromotionWrite]("promotion")
	*promotion.Tag, promotion.PutOnce = newTag("promoted", ledger.Renew), false
	right, nowhere := filled[ledger.Verdict]("verdict"), ledger.Verdict{State: ledger.TagConfirmed, Since: timeOf("since"), CheckedAt: timeOf("checked")}
	right.Done = false

	family := tagalong.TaskFamily(tagalong.Scope{Account: "account", Region: "region"}, "cluster", "family")
	running, ended := filled[ledger.TaskImage]("running"), filled[ledger.TaskImage]("ended")
	running.Ended, ended.Running = false, false
	running.Container.Digest, running.Container.Index = "sha256:running", "sha256:index"
	ended.Container.Digest, ended.Container.Index = "sha256:ended", "sha256:index"
	ctx, id := t.Context(), func(i int) tagalong.TagID { return change.Tags[i].Wish.Tag }
	_, dated := l.RecordFirstSeen(ctx, "job", filled[ledger.FirstSeen]("sight"), timeOf("forgotten"))
	for i, err := range []error{
		dated,
		l.Commit(ctx, change),
		l.Promote(ctx, promotion),
		l.Settle(ctx, id(0), change.Tags[0].Version, right),
		l.Settle(ctx, id(1), change.Tags[1].Version, nowhere),
		l.Doubt(ctx, id(2), timeOf("pending"), timeOf("doubt")),
		l.NoteExecution(ctx, filled[tagalong.Pipeline]("pipeline"), "execution", filled[tagalong.Execution]("began"), timeOf("forgotten")),
		l.NoteStage(ctx, "pipeline", "execution", filled[ledger.StageChange]("stage"), timeOf("forgotten")),
		l.SetPendingUntag(ctx, filled[ledger.PendingUntag]("stale")),
		l.LockUntag(ctx, "sweep", timeOf("now"), timeOf("until")),
		l.SetUnmanaged(ctx, ledger.UnmanagedService{}, filled[ledger.UnmanagedService]("unmanaged")),
		l.SetProgress(ctx, filled[ledger.RolloutProgress]("progress")),
		l.SetTaskFamily(ctx, ledger.TaskFamily{Of: family}, ledger.TaskFamily{Of: family, Version: "version", Environment: "nightly", Images: []ledger.TaskImage{running, ended}}, nil),
		l.SetCursor(ctx, "cursor"),
		l.SetSwept(ctx, filled[ledger.Swept]("swept")),
		l.SetScan(ctx, filled[ledger.Scan]("scan"), []ledger.Finding{filled[ledger.Finding]("finding")}),
		l.SetExposure(ctx, filled[ledger.Exposure]("exposure")),
		l.PutSetting(ctx, "environments", "", "[]"),
	} {
		if err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	if err := l.Settle(ctx, id(2), change.Tags[2].Version, nowhere); !errors.Is(err, ledger.ErrInDoubt) {
		t.Fatalf("a verdict in doubt: %v", err)
	}
}

func placeIn(phase ledger.Phase) ledger.Placement {
	p := filled[ledger.Placement](string(phase))
	p.Phase, p.Container.Image.Registry = phase, "111122223333.dkr.ecr.us-east-1.amazonaws.com"
	p.Unfinished, p.NoStart = false, false
	return p
}

func unfinishedPlace() ledger.Placement {
	p := placeIn(ledger.PhaseEnded)
	p.Unfinished, p.NoStart = true, true
	return p
}

func newTag(name string, mode ledger.TagMode) ledger.TagWrite {
	w := filled[ledger.TagWrite](name)
	w.Mode, w.Seen = mode, ""
	return w
}

// scanned shows a whole table, in the order of its keys.
func scanned(t *testing.T, client *dynamodb.Client) string {
	t.Helper()
	out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: ptr("tagalong")})
	if err != nil || out.LastEvaluatedKey != nil {
		t.Fatalf("scanning: more than one page, or %v", err)
	}
	var items []map[string]any
	if err := attributevalue.UnmarshalListOfMaps(out.Items, &items); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(items, func(a, b map[string]any) int {
		return slices.Compare([]string{a["pk"].(string), a["sk"].(string)}, []string{b["pk"].(string), b["sk"].(string)})
	})
	all, err := json.MarshalIndent(items, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(all) + "\n"
}

// filled returns a value whose every field says where it is: by numbers, since names may
// change.
func filled[T any](name string) (v T) {
	fill(reflect.ValueOf(&v).Elem(), name)
	return v
}

func numberOf(path string) int64 { return int64(crc32.ChecksumIEEE([]byte(path)) % 1e8) }

func timeOf(path string) time.Time {
	return time.Date(2100, 1, 1, 0, 0, 0, 1e6, time.UTC).Add(time.Duration(numberOf(path)) * time.Second)
}

func fill(v reflect.Value, path string) {
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		*at = timeOf(path)
		return
	case *tagalong.Service:
		*at = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(numberOf(path))
	case reflect.String:
		v.SetString(path)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), path)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, path)
		fill(value, path)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Float64:
		v.SetFloat(float64(numberOf(path)))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), fmt.Sprintf("%s.%d", path, i))
		}
	default:
		panic("a field of type " + v.Type().String() + ": say how to fill it")
	}
}
