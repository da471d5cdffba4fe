package dev_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// notification is a rule of the module with its input transformer.
type notification struct {
	Pattern struct {
		Source     []string
		DetailType []string `json:"detail-type"`
	}
	Paths    map[string]string
	Template string
}

// hostile is what others may have written that ends up in an event.
const hostile = "a \"quoted\" \\back\\slash\n<!channel> `x` \u202e & {\"a\": 1} \x00\xff <summary>"

// ownEvents are events of every kind, as they are sent; text is what others wrote.
func ownEvents(text string) (events []tagalong.Event) {
	at := time.Date(2026, 3, 4, 9, 18, 2, 915e6, time.UTC)
	s := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod-cluster", Name: "checkout-api"}
	image := tagalong.Repository{Registry: "111122223333.dkr.ecr.us-east-1.amazonaws.com", Name: "checkout-api"}
	rollout := ledger.FinishedRollout{Row: ledger.Row{
		Service: s,
		Rollout: timeline.Rollout{Deployment: "ecs-svc/1", State: timeline.StateFailed, FinishedAt: at, Reason: text, Release: tagalong.Release{Pipeline: "p", Execution: "e", Commit: text}},
		Details: ledger.Details{Environment: "prod", Containers: []tagalong.Container{
			{Name: "app", Image: image, ImageTag: "v1", Digest: digest.FromString("app"), Evidence: tagalong.Revision}, {Name: text, Image: image},
		}},
	}}
	events = append(reactor.ContainerEvents(rollout), reactor.RolloutEvent(rollout))
	for _, d := range []sweep.Drift{
		{Kind: sweep.DriftTag, Repaired: true, Environment: "prod", Registry: image.Registry, Repository: image.Name, Tag: "prod", Want: digest.FromString("a"), Reason: text},
		{Kind: sweep.DriftUnreachable, Account: "444455556666", Region: "us-east-1", Reason: text},
	} {
		events = append(events, d.Event(at))
	}
	found := sweep.ExposureDetail{Environment: "prod", ID: text, Severity: "critical", Package: text, Since: tagalong.FormatTime(at), Count: 21, Places: []sweep.ExposedPlace{{Cluster: "c", Service: "s"}}}
	gone := sweep.ExposureDetail{Environment: "prod", ID: text, Severity: "critical", Since: tagalong.FormatTime(at), Places: []sweep.ExposedPlace{}}
	return append(events, found.Event(sweep.ExposureFoundType, at), gone.Event(sweep.ExposureGoneType, at))
}

// rendered is what an input transformer makes of an event. AWS says that its output is valid
// JSON where variables of texts stand between quotes and others do not; whether a text is
// escaped there it does not say.
func (n notification) rendered(t *testing.T, e tagalong.Event, escaped bool) string {
	t.Helper()
	var detail map[string]any
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		t.Fatal(err)
	}
	event := map[string]any{"detail-type": e.DetailType, "id": "6f1c7b0e-93d4-4a25-b8e1-0d52c4a97f63", "time": e.Time.Format(time.RFC3339), "detail": detail}
	return regexp.MustCompile(`<([A-Za-z]+)>`).ReplaceAllStringFunc(n.Template, func(variable string) string {
		path, known := n.Paths[strings.Trim(variable, "<>")]
		value := any(event)
		for _, name := range strings.Split(strings.TrimPrefix(path, "$."), ".") {
			of, _ := value.(map[string]any)
			value, known = of[name], known && of[name] != nil
		}
		if !known {
			t.Errorf("%s has no %s, which is %q", e.DetailType, variable, path)
		}
		text, is := value.(string)
		if !is || !escaped {
			return fmt.Sprint(value)
		}
		quoted, _ := json.Marshal(text)
		return string(quoted[1 : len(quoted)-1])
	})
}

// TestNotificationsAreWholeJSONWhateverOthersWrote renders every transformer over every
// event that its rule selects, with harmless texts and with hostile ones.
func TestNotificationsAreWholeJSONWhateverOthersWrote(t *testing.T) {
	var notifications map[string]notification
	if err := json.Unmarshal([]byte(read(t, "infra/notifications.json")), &notifications); err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for name, n := range notifications {
		if unused := slices.DeleteFunc(slices.Collect(maps.Keys(n.Paths)), func(v string) bool { return strings.Contains(n.Template, "<"+v+">") }); len(unused) > 0 {
			t.Errorf("%s: variables %v are not used", name, unused)
		}
		for _, text := range []string{"tasks failed to start.", "", hostile, strings.Repeat("\"", 5000)} {
			for _, e := range ownEvents(text) {
				if !slices.Equal(n.Pattern.Source, []string{tagalong.EventSource}) || !slices.Contains(n.Pattern.DetailType, e.DetailType) {
					continue
				}
				told[e.DetailType+" "+map[bool]string{true: "chat", false: "flat"}[name == "chat"]]++
				raw, escaped := n.rendered(t, e, false), n.rendered(t, e, true)
				if raw != escaped {
					t.Errorf("%s of %s depends on whether EventBridge escapes:\n%s\n%s", name, e.DetailType, raw, escaped)
				}
				n.check(t, name, raw)
			}
		}
	}
	for _, e := range ownEvents("") {
		if told[e.DetailType+" chat"]+told[e.DetailType+" flat"] == 0 {
			t.Errorf("nobody hears of %s", e.DetailType)
		}
	}
	for _, kind := range []string{reactor.ContainerRecordedType + " flat", sweep.DriftFoundType + " flat", sweep.ExposureFoundType + " flat", sweep.ExposureGoneType + " chat", reactor.RolloutRecordedType + " chat", sweep.DriftFoundType + " chat"} {
		if told[kind] == 0 {
			t.Errorf("no %s", kind)
		}
	}
}

// check holds a message against what its target takes: Amazon Q's form, or one flat object.
func (n notification) check(t *testing.T, name, text string) {
	t.Helper()
	var message map[string]any
	if err := json.Unmarshal([]byte(text), &message); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	if name != "chat" {
		for key, value := range message {
			switch value.(type) {
			case string, bool, float64:
			default:
				t.Errorf("%s: %s is %v, which is not flat", name, key, value)
			}
		}
		return
	}
	// https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
	content, _ := message["content"].(map[string]any)
	title, _ := content["title"].(string)
	description, _ := content["description"].(string)
	if message["version"] != "1.0" || message["source"] != "custom" || content["textType"] != "client-markdown" || !strings.HasPrefix(title, "Tagalong ") || len(description) < 10 || strings.ContainsAny(description, "<>\n") {
		t.Errorf("%s: %s", name, text)
	}
}
