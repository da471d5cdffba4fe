package stories_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func previousRules() tagalong.Rules {
	return tagalong.Rules{{Environment: "prod", PreviousTags: []string{"{environment}-previous"}}}
}

// What a rollback would bring back is seldom what ran right before.
func TestThePreviousTagSitsOnTheLastOtherImageThatRan(t *testing.T) {
	one, two, three := ran("app", shopAPI, 1), ran("app", shopAPI, 2), ran("app", shopAPI, 3)
	elsewhere, foreign, guess := ran("app", shopWeb, 1), tagalong.Ran{Name: "app", Image: nginx.String() + ":1", Digest: imageOf(nginx, 1).Digest}, tagalong.Ran{Name: "app", Image: shopAPI.String() + ":" + versionTag(2)}
	for _, test := range []struct {
		name string
		ran  []tagalong.Ran // one deployment after the other, each completing
		in   tagalong.Repository
		want digest.Digest
	}{
		{"nothing ran before", []tagalong.Ran{one}, shopAPI, ""},
		{"the one before", []tagalong.Ran{one, two}, shopAPI, d(1)},
		{"deployed again", []tagalong.Ran{one, two, two, two}, shopAPI, d(1)},
		{"back and forth", []tagalong.Ran{one, two, one}, shopAPI, d(2)},
		{"never another one", []tagalong.Ran{one, one, one}, shopAPI, ""},
		{"a third one", []tagalong.Ran{one, two, three}, shopAPI, d(2)},
		{"the repository changed", []tagalong.Ran{elsewhere, two}, shopWeb, imageOf(shopWeb, 1).Digest},
		{"an image outside of ECR is passed over", []tagalong.Ran{one, foreign, two}, shopAPI, d(1)},
		{"what nobody proved is passed over", []tagalong.Ran{one, guess, three}, shopAPI, d(1)},
		{"another container's image is", []tagalong.Ran{one, ran("web", shopAPI, 2), three}, shopAPI, d(1)},
		{"an image outside of ECR keeps its previous one", []tagalong.Ran{one, foreign}, shopAPI, d(1)},
		{"a guess keeps none", []tagalong.Ran{one, guess}, shopAPI, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(previousRules())
			for i, ran := range test.ran {
				deployment := "ecs-svc/" + string(rune('A'+i))
				w.runs(prodAPI, deployment, ran)
				w.tell(t, started(prodAPI, deployment, 10*i), completed(prodAPI, deployment, 10*i+1))
			}
			state := ledger.TagConfirmed
			if test.want == "" {
				state = ""
			}
			w.wantTag(t, test.in, "prod-previous", test.want, state)
		})
	}
}

// A failed rollout and the return to what ran leave the rollback's image alone.
func TestAFailedRolloutLeavesThePreviousTag(t *testing.T) {
	w := newWorld(previousRules())
	for i := range 3 {
		w.runs(prodAPI, "ecs-svc/"+string(rune('1'+i)), ran("app", shopAPI, i+1))
	}
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10),
		started(prodAPI, "ecs-svc/3", 20), failed(prodAPI, "ecs-svc/3", 21), started(prodAPI, "ecs-svc/2", 22), completed(prodAPI, "ecs-svc/2", 23))
	w.wantTag(t, shopAPI, "prod", d(2), ledger.TagConfirmed)
	w.wantTag(t, shopAPI, "prod-previous", d(1), ledger.TagConfirmed)
}

// Of a service that goes and comes again, what ran before it went still counts.
func TestWhatRanBeforeAServiceWentIsItsPreviousImage(t *testing.T) {
	w := newWorld(previousRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), retired(prodAPI, 5), completed(prodAPI, "ecs-svc/2", 10))
	w.wantTag(t, shopAPI, "prod-previous", d(1), ledger.TagConfirmed)
}

func TestARuleThatAsksForPreviousTagsTakesEffectWithTheNextObservation(t *testing.T) {
	w := newWorld(prodRules())
	for i := range 40 { // more than the head keeps
		w.runs(prodAPI, deploymentNamed(i), ran("app", shopAPI, min(i, 1)))
		w.tell(t, started(prodAPI, deploymentNamed(i), 10*i), completed(prodAPI, deploymentNamed(i), 10*i+1))
	}
	w.Rules = previousRules()
	w.tell(t, started(prodAPI, "ecs-svc/next", 1000))
	w.wantTag(t, shopAPI, "prod-previous", d(0), ledger.TagConfirmed)
	w.Rules = prodRules()
	w.tell(t, failed(prodAPI, "ecs-svc/next", 1001))
	w.wantTag(t, shopAPI, "prod-previous", d(0), "")
}

func deploymentNamed(i int) string { return "ecs-svc/" + strings.Repeat("x", i) }

func retired(s tagalong.Service, second int) happening {
	return happening{Service: s, Fact: tagalong.Fact{Name: tagalong.Retired, Time: at(second), Source: tagalong.FromSweep, Reason: "the service is gone"}}
}

// What ran before costs a read only where the head cannot know it.
func TestWhatPreviousTagsReadAndWrite(t *testing.T) {
	w := newWorld(previousRules())
	for i, version := range []int{1, 2, 2, 3} {
		w.runs(prodAPI, deploymentNamed(i), ran("app", shopAPI, version))
	}
	ledger := weigh(w)
	for _, step := range []struct {
		happening
		reads string
		size  []int
	}{
		{completed(prodAPI, deploymentNamed(0), 0), "Load", []int{8}}, // nobody heard its start, and nobody else runs the image
		{started(prodAPI, deploymentNamed(1), 1), "Load", []int{5}},
		{completed(prodAPI, deploymentNamed(1), 2), "Load Tags", []int{10, 1}}, // the tag's claim; it is looked at afterwards
		{started(prodAPI, deploymentNamed(2), 3), "Load", []int{5}},
		{completed(prodAPI, deploymentNamed(2), 4), "Load", []int{11}}, // the same image: the head knows
		{started(prodAPI, deploymentNamed(3), 5), "Load", []int{5}},
		{completed(prodAPI, deploymentNamed(3), 6), "Load", []int{11}},
		{completed(prodAPI, deploymentNamed(3), 6), "Load Tags", nil},
		{completed(prodAPI, "ecs-svc/late", 3), "Load Details", []int{6}}, // what is before has changed
	} {
		w.tell(t, step.happening)
		if !t.Run(describe([]happening{step.happening}), func(t *testing.T) { ledger.want(t, step.reads, step.size...) }) {
			return
		}
	}
}

// Rows expire, what they told of the running image does not.
func TestThePreviousImageOutlivesItsRow(t *testing.T) {
	w := newWorld(previousRules())
	w.Retention = 24 * time.Hour
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10))
	store := weigh(w)
	w.tell(t, started(prodAPI, "ecs-svc/3", 20))
	store.want(t, "Load", 4)
	w.wantTag(t, shopAPI, "prod-previous", d(1), ledger.TagConfirmed)
}

func TestTenContainersWithFiveTagsOfBothKindsFitOneTransaction(t *testing.T) {
	w := newWorld(tagalong.Rules{{Environment: "prod", Tags: []string{"{environment}-{container}", "b-{container}", "c-{container}"}, PreviousTags: []string{"d-{container}", "e-{container}"}}})
	for i := range 3 {
		var all []tagalong.Ran
		for c := range 10 {
			all = append(all, ran("app"+string(rune('a'+c)), shopAPI, i))
		}
		w.runs(prodAPI, deploymentNamed(i), all...)
		w.tell(t, started(prodAPI, deploymentNamed(i), 10*i), completed(prodAPI, deploymentNamed(i), 10*i+1))
	}
	w.wantTag(t, shopAPI, "d-appa", d(1), ledger.TagConfirmed)
	w.wantTag(t, shopAPI, "prod-appj", d(2), ledger.TagConfirmed)
}

// Names may make one tag of two templates: the image that runs has it.
func TestATagOfBothKindsSitsOnWhatRuns(t *testing.T) {
	w := newWorld(tagalong.Rules{{Environment: "prod", Tags: []string{"{environment}-{container}"}, PreviousTags: []string{"{environment}-app"}}})
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10))
	w.wantTag(t, shopAPI, "prod-app", d(2), ledger.TagConfirmed)
}

func TestTheTagStateOfWhatRunsIsNotThatOfItsPreviousTags(t *testing.T) {
	w := newWorld(previousRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.registry.Delete(shopAPI, d(1))
	w.tell(t, completed(prodAPI, "ecs-svc/2", 10))
	w.wantTag(t, shopAPI, "prod-previous", "", ledger.TagMissing)
	running, err := stream.Collect(w.ledger.RunningRecords(t.Context(), "prod", tagalong.Service{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"prod"}, running[0].Containers[0].Tags); diff != "" {
		t.Errorf("tags of what runs (-want +got):\n%s", diff)
	}
}

func TestPreviousTagsOfRulesAreChecked(t *testing.T) {
	for raw, want := range map[string]string{
		`["{environment}-previous"]`:          "",
		`["a","b","c","d"]`:                   "",
		`[]`:                                  "",
		`["a","b","c","d","e"]`:               "previousTags: 5 templates beside 1 of tags: want at most 5 in all",
		`["{time}"]`:                          `previousTags "{time}": placeholder {time}: want {environment}, {cluster}, {service} or {container}`,
		`["-x"]`:                              `previousTags "-x": gives tags such as "-x"`,
		`["{environment}"]`:                   `previousTags "{environment}": is one of tags, too`,
		`["{environment}-previous","-{time"]`: `previousTags "-{time": gives tags`,
	} {
		rules, err := tagalong.ParseRules(`[{"environment":"prod","previousTags":` + raw + `}]`)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", raw, err, want)
		}
		if policy, _ := rules.For(prodAPI); want == "" && !slices.Equal(policy.PreviousTags, rules[0].PreviousTags) {
			t.Errorf("%s: policy %+v", raw, policy)
		}
	}
}

// The tasks of a rollout that is over could not be asked as it came to light, and then
// they could: the retry knows more, and no repeat behind it writes anything.
func TestARetryThatKnowsMoreOfARolloutThatIsOverIsRecorded(t *testing.T) {
	for name, late := range map[string]happening{
		"it ran":    completed(prodAPI, "ecs-svc/1", 0),
		"it failed": failed(prodAPI, "ecs-svc/1", 0),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(previousRules())
			w.workload.Deploy(prodAPI, "ecs-svc/1", tagalongtest.Deployment{
				Defined: []tagalong.Ran{written("app", "v1")}, Revised: []tagalong.Ran{written("app", "v1")},
				Tasks: []tagalong.TaskRun{{Containers: []tagalong.Ran{ran("app", shopAPI, 1)}}},
			})
			w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
			w.tell(t, completed(prodAPI, "ecs-svc/2", 10))
			w.workload.Hook = func(_ context.Context, operation string) error {
				if operation == "Tasks" {
					return errDied
				}
				return nil
			}
			if o, err := w.observe(t, late); !errors.Is(err, errDied) || !o.Recorded {
				t.Fatalf("outcome %+v, error %v", o, err)
			}
			w.workload.Hook = nil
			w.tell(t, late)
			page, err := query.Queries{Records: w.ledger}.History(t.Context(), query.HistoryQuery{Until: at(5)}, query.Paging{})
			if err != nil || len(page.Items) != 1 || page.Items[0].Containers[0].Digest != d(1) || page.Items[0].Containers[0].Evidence != tagalong.Task {
				t.Fatalf("history %+v, error %v", page, err)
			}
			want, state := d(1), ledger.TagConfirmed
			if late.Fact.Name == tagalong.Failed {
				want, state = "", ""
			}
			w.wantTag(t, shopAPI, "prod-previous", want, state)
			ledger := weigh(w)
			w.tell(t, late, completed(prodAPI, "ecs-svc/2", 10))
			ledger.want(t, "Load Details Tags Load Tags") // of what is over its row, and nothing is written
		})
	}
}

// The tag was on image 1 as the rollout ran. It is elsewhere now, and nobody else can say.
func TestWhereATagIsNowIsNoGuessOfARolloutThatIsOver(t *testing.T) {
	tagged := tagalongtest.Deployment{Defined: []tagalong.Ran{written("app", "v1")}}
	for name, tell := range map[string][]happening{
		"an event that comes late":  {completed(prodAPI, "ecs-svc/2", 10), completed(prodAPI, "ecs-svc/1", 0)},
		"a late repeat of an event": {completed(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/2", 10), completed(prodAPI, "ecs-svc/1", 0)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(previousRules())
			w.workload.Deploy(prodAPI, "ecs-svc/1", tagged)
			w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
			w.registry.Untag(shopAPI, "v1")
			w.tell(t, tell[:len(tell)-1]...)
			w.registry.Push(shopAPI, imageOf(shopAPI, 3), "v1")
			w.Now = func() time.Time { return at(3 * 60 * 60) }
			w.tell(t, tell[len(tell)-1])
			page, err := query.Queries{Records: w.ledger}.History(t.Context(), query.HistoryQuery{Until: at(5)}, query.Paging{})
			if err != nil || len(page.Items) != 1 || page.Items[0].Containers[0].Digest != "" || page.Items[0].Containers[0].Evidence != tagalong.Unknown {
				t.Fatalf("history %+v, error %v", page, err)
			}
		})
	}
}
