package stories_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/stream"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

// One container's digest must be guessed, and its repository may not be read.
func TestAContainerThatCannotBeResolvedHoldsUpNoOther(t *testing.T) {
	w := newWorld(prodRules())
	side := tagalong.Repository{Registry: shopAPI.Registry, Name: "shop/side"}
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.workload.Deploy(prodAPI, "ecs-svc/1", tagalongtest.Deployment{
		Defined: []tagalong.Ran{written("app", "v1"), {Name: "side", Image: side.String() + ":v1"}},
		Revised: []tagalong.Ran{ran("app", shopAPI, 1), {Name: "side", Image: side.String() + ":v1"}},
	})
	refused := errors.New("access denied to the side's repository")
	w.registry.OnRead = func(_ context.Context, r tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
		if r == side {
			return tagalong.Images{}, refused
		}
		return read()
	}
	o, err := w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
	if !errors.Is(err, refused) || !strings.Contains(err.Error(), "side") {
		t.Errorf("error %v, want the one container named", err)
	}
	if !o.Recorded || o.Moved != 1 {
		t.Errorf("outcome %+v, want the other container done", o)
	}
	w.wantTag(t, shopAPI, "prod", d(1), ledger.TagConfirmed)
}

func TestARollbackLeavesThePastItsEnvironment(t *testing.T) {
	w := newWorld(tagalong.Rules{{Environment: "old"}})
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.runs(prodAPI, "ecs-svc/2", ran("app", shopAPI, 2))
	w.tell(t, started(prodAPI, "ecs-svc/1", 0), completed(prodAPI, "ecs-svc/1", 10), started(prodAPI, "ecs-svc/2", 20))
	w.Rules = tagalong.Rules{{Environment: "new"}}
	w.tell(t, failed(prodAPI, "ecs-svc/2", 30), started(prodAPI, "ecs-svc/1", 31), completed(prodAPI, "ecs-svc/1", 40))
	rows, err := stream.Collect(w.ledger.Rollouts(t.Context(), prodAPI, ledger.Span{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range rows {
		got = append(got, row.Deployment+" in "+row.Environment)
	}
	if want := []string{"ecs-svc/1 in new", "ecs-svc/2 in old", "ecs-svc/1 in old"}; !slices.Equal(got, want) {
		t.Errorf("rollouts %v, want %v", got, want)
	}
	for _, placement := range w.ledger.Placements() {
		if placement.Phase == ledger.PhaseEnded && placement.Environment != "old" {
			t.Errorf("the ended place says %s", placement.Environment)
		}
	}
}

func TestAServiceWhoseImagesNobodyKnowsAnyMoreLeavesARow(t *testing.T) {
	w := newWorld(prodRules())
	w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
	w.tell(t, completed(prodAPI, "ecs-svc/1", 0))
	w.workload.Deploy(prodAPI, "ecs-svc/2", tagalongtest.Deployment{Undefined: true})
	w.tell(t, completed(prodAPI, "ecs-svc/2", 10))
	if running, err := stream.Collect(w.ledger.RunningRecords(t.Context(), "prod", tagalong.Service{}, 0)); err != nil || len(running) != 0 {
		t.Errorf("running rows %+v, error %v", running, err)
	}
	if dump := w.ledger.Dump(); !strings.Contains(dump, "gone") {
		t.Errorf("nothing says what ran before:\n%s", dump)
	}
}

// What runs beside the caller must not end the process: a job of CodePipeline's
// would get no answer.
func TestAPanicBesideIsOneOfTheCaller(t *testing.T) {
	for name, arrange := range map[string]func(*world){
		"in a reading": func(w *world) {
			w.registry.OnRead = func(context.Context, tagalong.Repository, func() (tagalong.Images, error)) (tagalong.Images, error) {
				panic("oh no")
			}
		},
		"in a put": func(w *world) {
			w.registry.OnTag = func(context.Context, tagalong.Repository, tagalong.Manifest, string, func() error) error {
				panic("oh no")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(prodRules())
			w.runs(prodAPI, "ecs-svc/1", ran("app", shopAPI, 1))
			arrange(w)
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "oh no\n") || !strings.Contains(text, "partial_test.go") {
					t.Errorf("panic %s", text)
				}
			}()
			_, _ = w.observe(t, completed(prodAPI, "ecs-svc/1", 0))
		})
	}
}
