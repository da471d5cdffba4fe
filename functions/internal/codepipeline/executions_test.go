package codepipeline

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var (
	now   = sandboxtest.Epoch
	named = tagalong.Pipeline{Account: "111122223333", Region: "us-east-1", Name: "checkout-release"}
)

const nobody = "00000000-0000-4000-8000-000000000000"

// both asks both questions, and returns their errors.
func both(t *testing.T, p *Pipelines, pipeline tagalong.Pipeline, execution string) []error {
	t.Helper()
	_, one := p.Execution(t.Context(), pipeline, execution)
	_, other := p.Actions(t.Context(), pipeline, execution)
	return []error{one, other}
}

func TestMalformedNamesAreNotAsked(t *testing.T) {
	s, p := open(t)
	for _, test := range []struct {
		name      string
		change    func(*tagalong.Pipeline)
		execution string
		want      string
	}{
		{"account", func(p *tagalong.Pipeline) { p.Account = "1" }, nobody, `account "1": want 12 digits`},
		{"region", func(p *tagalong.Pipeline) { p.Region = "here" }, nobody, `region "here": want the name of an AWS Region`},
		{"pipeline", func(p *tagalong.Pipeline) { p.Name = "a b" }, nobody, `pipeline "a b": want 1 to 100`},
		{"execution", func(*tagalong.Pipeline) {}, "X", `execution "X": want a UUID`},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := named
			test.change(&asked)
			for _, err := range both(t, p, asked, test.execution) {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %s", err, test.want)
				}
			}
		})
	}
	if calls := s.Calls(); len(calls) > 0 {
		t.Errorf("calls %+v", calls)
	}
}

func TestErrorsNameWhatWasAskedAndHow(t *testing.T) {
	s, p := open(t)
	pipe := s.CodePipeline.CreatePipeline(wire.Scope{}, named.Name, codepipeline.PipelineOptions{})
	x, event, err := pipe.Start(codepipeline.ExecutionOptions{}, now)
	run(t, event, err)
	s.CodePipeline.Deny("GetPipelineExecution")
	s.CodePipeline.Throttle("ListActionExecutions", 1)
	for i, err := range both(t, p, named, x.ID()) {
		operation := []string{"GetPipelineExecution", "ListActionExecutions"}[i]
		code := []string{"AccessDeniedException", "ThrottlingException"}[i]
		if err == nil || errors.Is(err, pipeline.ErrNoExecution) {
			t.Fatalf("%s: error %v", operation, err)
		}
		for _, part := range []string{operation, code, x.ID(), named.Name} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("error %q does not name %s", err, part)
			}
		}
	}
}

func TestLateIsLikeAbsent(t *testing.T) {
	s, p := open(t)
	pipe := s.CodePipeline.CreatePipeline(wire.Scope{}, named.Name, codepipeline.PipelineOptions{})
	x, event, err := pipe.Start(codepipeline.ExecutionOptions{}, now)
	run(t, event, err)
	s.CodePipeline.LagNext(2, now)
	for _, err := range both(t, p, named, x.ID()) {
		if !errors.Is(err, pipeline.ErrNoExecution) {
			t.Errorf("while it lags: %v", err)
		}
	}
	if err := errors.Join(both(t, p, named, x.ID())...); err != nil {
		t.Errorf("when it does not: %v", err)
	}
}

func TestOneClientForEachHome(t *testing.T) {
	s := sandboxtest.Start(t)
	var made []string
	p := New(func(_ context.Context, account, region string) (aws.Config, error) {
		made = append(made, account+" "+region)
		return s.Config(), nil
	})
	abroad := named
	abroad.Region = "eu-west-1"
	for _, asked := range []tagalong.Pipeline{named, abroad, named} {
		both(t, p, asked, nobody)
	}
	if diff := cmp.Diff([]string{"111122223333 us-east-1", "111122223333 eu-west-1"}, made); diff != "" {
		t.Errorf("configurations (-want +got):\n%s", diff)
	}
}

// answering returns Pipelines that always get one answer.
func answering(t *testing.T, body string) *Pipelines {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", wire.ContentType)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return New(func(context.Context, string, string) (aws.Config, error) {
		return aws.Config{
			Region: named.Region, BaseEndpoint: aws.String(server.URL),
			Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
			Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
		}, nil
	})
}

func TestAnAnswerWithoutAnExecutionHasNone(t *testing.T) {
	_, err := answering(t, `{}`).Execution(t.Context(), named, nobody)
	if !errors.Is(err, pipeline.ErrNoExecution) {
		t.Errorf("error %v", err)
	}
}

func TestASummaryIsTheCommitsMessage(t *testing.T) {
	for text, want := range map[string]string{
		`{"ProviderType":"GitHub","CommitMessage":"Charge \"twice\"\n\nno more"}`: "Charge \"twice\"\n\nno more",
		"Charge a card once":   "Charge a card once",
		`{"CommitMessage":""}`: `{"CommitMessage":""}`,
		`{"CommitMessage":3}`:  `{"CommitMessage":3}`,
		"{not JSON":            "{not JSON",
		"":                     "",
	} {
		x := executionOf(types.PipelineExecution{ArtifactRevisions: []types.ArtifactRevision{{RevisionSummary: &text}}})
		if got := x.Revisions[0].Summary; got != want {
			t.Errorf("%s is read as %q, want %q", text, got, want)
		}
	}
}
