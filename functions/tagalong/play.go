package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/reactor"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
)

// tell tells the story and asks the questions.
func (st *stage) tell(ctx context.Context) error {
	fmt.Fprint(st.w, opening)
	for i, step := range st.steps() {
		fmt.Fprintf(st.w, "\n%d. %s\n", i+1, step.says)
		if err := st.play(ctx, step); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return st.askAll(ctx, st.questions()...)
}

// askAll asks questions, and shows their answers.
func (st *stage) askAll(ctx context.Context, questions ...question) error {
	for _, question := range questions {
		fmt.Fprintf(st.w, "\n%s\n$ %s\n\n", question.says, question.command)
		if err := st.ask(ctx, question.command); err != nil {
			return fmt.Errorf("%s: %w", question.command, err)
		}
	}
	return nil
}

// play lets a step happen, and shows what the ledger says of it.
func (st *stage) play(ctx context.Context, s step) error {
	var last reactor.Outcome
	for _, happens := range s.happens {
		event, err := happens()
		if err != nil {
			return err
		}
		if st.invoked != nil {
			if err := st.work(ctx, event); err != nil {
				return err
			}
			continue
		}
		outcomes, err := handle(ctx, st.pipelines, event)
		if err != nil {
			return err
		}
		for _, last = range outcomes {
			fmt.Fprintf(st.w, "   %s  %s\n", st.clock.now().Format(time.TimeOnly), tell(event, last, nil))
		}
	}
	if last.Environment == "" {
		return nil
	}
	fmt.Fprintln(st.w)
	return st.show(ctx, last)
}

// happen lets everything happen, unobserved: the pipeline does without promotions.
func (st *stage) happen(ctx context.Context) error {
	delete(st.functions, promotingFunction)
	st.w = io.Discard
	for i, step := range st.steps() {
		for _, happens := range step.happens {
			event, err := happens()
			if err == nil && st.invoked != nil {
				err = st.work(ctx, event)
			}
			if err != nil {
				return fmt.Errorf("step %d: %w", i+1, err)
			}
		}
	}
	return nil
}

// work hands a job to its function, and tells the answer.
func (st *stage) work(ctx context.Context, event []byte) error {
	action := st.invoked
	st.invoked = nil
	name, err := functionOf(event)
	if err != nil {
		return err
	}
	function, ok := st.functions[name]
	if !ok {
		_, err := action.Succeed(codepipeline.Result{}, st.clock.now())
		return err
	}
	if _, err := function.Handle(ctx, event); err != nil {
		return err
	}
	answer := action.Job().Answer()
	if answer.Status != codepipeline.JobSucceeded {
		return fmt.Errorf("job of %s: %s: %s", name, answer.Status, answer.Message)
	}
	fmt.Fprintf(st.w, "   %s  job of %s: %s\n             %s\n", st.clock.now().Format(time.TimeOnly), name, answer.Status, answer.Summary)
	return nil
}

// functionOf names the function that CodePipeline invokes with a job.
func functionOf(event []byte) (string, error) {
	var invocation struct {
		Job struct {
			Data struct {
				ActionConfiguration struct{ Configuration struct{ FunctionName string } }
			}
		} `json:"CodePipeline.job"`
	}
	err := json.Unmarshal(event, &invocation)
	return invocation.Job.Data.ActionConfiguration.Configuration.FunctionName, err
}

// show prints what the ledger says now of the environment in which something has
// happened, and where ECR has its tag.
func (st *stage) show(ctx context.Context, o reactor.Outcome) error {
	wanted := query.RunningQuery{Environment: o.Environment}
	running, err := st.queries.Running(ctx, wanted, query.Paging{})
	if err != nil {
		return err
	}
	if err := render(st.out, running.Items, runningColumns(view{wide: st.out.wide, now: st.clock.now()}, wanted), "No running services"); err != nil {
		return err
	}
	images := st.images
	if o.Service.Name == worker {
		images = st.worker.images
	}
	place := "nowhere"
	if d := images.Tag(o.Environment); d != "" {
		place = "on " + short(d) + " (" + strings.Join(images.Tags(d), ", ") + ")"
	}
	_, err = fmt.Fprintf(st.w, "ECR: %s:%s is %s\n", o.Service.Name, o.Environment, place)
	return err
}
