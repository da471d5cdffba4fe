package tagimage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestRecipeTagsTheImage(t *testing.T) {
	w := start(t)
	s, err := w.do(t, w.recipe(w.older, "build-1"))
	if err != nil {
		t.Fatal(err)
	}
	uri := host + "/checkout-api@" + w.older.String()
	want := map[string]string{"RepositoryName": "checkout-api", "ImageDigest": w.older.String(), "ImageTag": "prod", "ImageURI": uri}
	if !maps.Equal(s.Variables, want) || s.Summary != uri+" is tagged prod" {
		t.Errorf("%+v", s)
	}
	if at := w.registry.Tags(app)["prod"]; at != w.older {
		t.Errorf("prod is on %s", at)
	}
	p := w.ledger.promotions[0]
	release := tagalong.Release{Pipeline: "checkout-release", Execution: origin.Execution, Stage: "DeployProd"}
	if p.Job != jobID || p.Repository != app || p.Digest != w.older || !slices.Equal(p.Tags, []string{"prod"}) || p.Environment != "" || !p.At.Equal(began) || p.Release != release {
		t.Errorf("promotion %+v", p)
	}
}

func TestRepeatedJobSaysTheSame(t *testing.T) {
	w := start(t)
	first, err := w.do(t, w.recipe(w.older, "build-1"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.do(t, w.recipe(w.older, "build-1"))
	if err != nil || first.Summary != second.Summary || !maps.Equal(first.Variables, second.Variables) || w.registry.Puts() != 1 {
		t.Errorf("%+v, error %v, %d puts", second, err, w.registry.Puts())
	}
}

// What the image was named by may go while a job is run again: the promotion stands.
func TestRepeatedJobRemembersItsImage(t *testing.T) {
	for name, lose := range map[string]func(w *world){
		"the tag is gone":   func(w *world) { w.registry.Untag(app, "build-1") },
		"the tag has moved": func(w *world) { w.registry.Push(app, tagalongtest.Image("v2"), "build-1") },
		"upstream cannot be asked": func(w *world) {
			w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
				images, err := read()
				delete(images.Tags, "build-1")
				images.Unasked = map[string]error{"build-1": tagalong.ErrBusy}
				return images, err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			const parameters = `{"RepositoryName":"checkout-api","ImageTag":"build-1","NewImageTag":"prod"}`
			w := start(t)
			first, err := w.do(t, parameters)
			if err != nil {
				t.Fatal(err)
			}
			lose(w)
			second, err := w.do(t, parameters)
			if err != nil || first.Summary != second.Summary || !maps.Equal(first.Variables, second.Variables) {
				t.Errorf("%+v, error %v", second, err)
			}
		})
	}
}

func TestLedgerThatCannotBeAskedIsTheJobsFailure(t *testing.T) {
	w := start(t)
	w.ledger.unread = tagalong.ErrBusy
	if _, err := w.do(t, `{"RepositoryName":"checkout-api","ImageTag":"gone","NewImageTag":"prod"}`); !errors.Is(err, tagalong.ErrBusy) {
		t.Errorf("error %v", err)
	}
}

func TestWaysToNameTheImage(t *testing.T) {
	w := start(t)
	older := w.older.String()
	for parameters, warning := range map[string]string{
		`{"RepositoryName":"checkout-api","ImageTag":"build-1","NewImageTag":"prod"}`:                            "",
		`{"RepositoryName":"checkout-api","ImageDigest":"` + older + `","NewImageTag":"prod"}`:                   "",
		`{"ImageURI":"` + host + `/checkout-api:build-1","NewImageTag":"prod"}`:                                  "",
		`{"ImageURI":"` + host + `/checkout-api@` + older + `","NewImageTag":"prod","ImageTag":""}`:              "",
		`{"ImageURI":"` + host + `/checkout-api:latest","ImageDigest":"` + older + `","NewImageTag":"prod"}`:     `the image's tag "latest" has moved to ` + w.newer.String() + " since",
		`{"RepositoryName":"checkout-api","ImageTag":"gone","ImageDigest":"` + older + `","NewImageTag":"prod"}`: `the image's tag "gone" is not there any more`,
	} {
		s, err := w.do(t, parameters)
		if err != nil || s.Variables["ImageDigest"] != older || w.registry.Tags(app)["prod"] != w.older {
			t.Errorf("%s: %+v, error %v", parameters, s, err)
		}
		if !strings.HasSuffix(s.Summary, " is tagged prod; "+warning) && (warning != "" || !strings.HasSuffix(s.Summary, " is tagged prod")) {
			t.Errorf("%s: summary %q", parameters, s.Summary)
		}
	}
}

func TestEnvironmentMeansItsTags(t *testing.T) {
	w := start(t)
	w.Rules = tagalong.Rules{
		{Environment: "staging"},
		{Environment: "prod", Tags: []string{"{environment}", "{environment}-{service}", "live", "{environment}-{time}"}},
		{Environment: "prod", Tags: []string{"second"}},
		{Environment: "edge", Tags: []string{"{cluster}"}},
	}
	const image = `{"RepositoryName":"checkout-api","ImageTag":"build-1",`
	s, err := w.do(t, image+`"Environment":"prod"}`)
	if err != nil || s.Variables["ImageTag"] != "prod" || !strings.HasSuffix(s.Summary, "is tagged prod, live, prod-20260304T090000Z") {
		t.Errorf("%+v, error %v", s, err)
	}
	if p := w.ledger.promotions[0]; p.Environment != "prod" || !slices.Equal(p.Tags, []string{"{environment}", "live", "{environment}-{time}"}) {
		t.Errorf("promotion %+v", p)
	}
	if s, err := w.do(t, image+`"Environment":"prod","NewImageTag":"live"}`); err != nil || s.Variables["ImageTag"] != "live" || !slices.Equal(w.ledger.promotions[1].Tags, []string{"live"}) {
		t.Errorf("%+v, error %v", s, err)
	}
	for more, want := range map[string]string{
		`"Environment":"prod","NewImageTag":"x"}`: `ConfigurationError: UserParameters.NewImageTag "x" and Environment "prod": the environment's tags are prod, live, prod-{time}; want one of them`,
		`"Environment":"production"}`:             `ConfigurationError: UserParameters.Environment: environment "production": no rule has it; want one of staging, prod, edge`,
		`"Environment":"edge"}`:                   `UserParameters.Environment: environment "edge": its tags ["{cluster}"] all need a service; want one of staging, prod, edge`,
		`"Environment":"a b"}`:                    `UserParameters.Environment: environment "a b": want 1 to 255 letters`,
	} {
		_, err := w.do(t, image+more)
		wantFailure(t, err, want)
	}
	w.Rules = nil
	if s, err := w.do(t, image+`"Environment":"qa"}`); err != nil || s.Variables["ImageTag"] != "qa" {
		t.Errorf("%+v, error %v", s, err)
	}
}

func TestBadParametersFailWithAWord(t *testing.T) {
	w := start(t)
	older, newer := w.older.String(), w.newer.String()
	for _, c := range []struct{ parameters, want string }{
		{``, "UserParameters missing: want JSON such as {\"RepositoryName\": \"#{ImageVariables.RepositoryName}\""},
		{`not json`, "UserParameters \"not json\": no legal JSON"},
		{`{"Repository":"x"}`, "UserParameters.Repository: not known; want some of RepositoryName, ImageTag, ImageDigest, ImageURI, NewImageTag, Environment"},
		{`{"NewImageTag":7}`, "UserParameters.NewImageTag is 7: want a string"},
		{`{}`, "UserParameters: neither RepositoryName nor ImageURI; want one of them; UserParameters: neither NewImageTag nor Environment; want one of them"},
		{`{"RepositoryName":"checkout-api","NewImageTag":"prod"}`, "neither ImageTag nor ImageDigest"},
		{`{"RepositoryName":"checkout-api","ImageTag":"build-1"}`, "neither NewImageTag nor Environment"},
		{`{"RepositoryName":"checkout-api","ImageTag":"build-1","NewImageTag":"-x"}`, `UserParameters.NewImageTag "-x": want 1 to 128`},
		{`{"RepositoryName":"checkout-api","ImageTag":"build-1","NewImageTag":"{time}"}`, `UserParameters.NewImageTag "{time}"`},
		{`{"RepositoryName":"Checkout","ImageTag":"/","ImageDigest":"sha256:1","NewImageTag":"prod"}`, `UserParameters.RepositoryName "Checkout": want the name of an ECR repository, such as checkout-api; UserParameters.ImageDigest "sha256:1": want sha256: and 64 hexadecimal digits; UserParameters.ImageTag "/"`},
		{`{"ImageURI":"nginx:1","NewImageTag":"prod"}`, `UserParameters.ImageURI "nginx:1": want an image in a private ECR repository`},
		{`{"RepositoryName":"other","ImageURI":"` + host + `/checkout-api:build-1","NewImageTag":"prod"}`, "two repositories"},
		{`{"ImageDigest":"` + newer + `","ImageURI":"` + host + `/checkout-api@` + older + `","NewImageTag":"prod"}`, "two digests"},
		{`{"ImageTag":"build-2","ImageURI":"` + host + `/checkout-api:build-1","NewImageTag":"prod"}`, "two tags, and no digest"},
		{`{"RepositoryName":"checkout-api","ImageTag":"gone","NewImageTag":"prod"}`, "image " + host + "/checkout-api:gone: ECR has no such tag or no such repository"},
		{`{"RepositoryName":"checkout-api","ImageDigest":"sha256:` + strings.Repeat("0", 64) + `","NewImageTag":"prod"}`, "ECR has no such image or no such repository"},
		{`{"RepositoryName":"gone","ImageTag":"build-1","NewImageTag":"prod"}`, "ECR has no such tag or no such repository"},
	} {
		_, err := w.do(t, c.parameters)
		wantFailure(t, err, c.want)
		wantFailure(t, err, "ConfigurationError: ")
		if strings.Contains(err.Error(), "recorded") {
			t.Errorf("nothing is recorded: %v", err)
		}
	}
	if len(w.ledger.promotions) > 0 {
		t.Errorf("promotions %+v", w.ledger.promotions)
	}
}

const stays = "the promotion stays recorded: a sweep tags the image once this is mended, unless a newer claim takes its place"

func TestTagsSayHowItWent(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(w *world)
		summary string
		failure string
	}{
		"immutable": {func(w *world) {
			w.registry.Push(app, tagalongtest.Image("v2"), "prod")
			w.registry.Immutable(app)
		}, "", `ConfigurationError: tag "prod": tag prod: tag is immutable`},
		"full":     {func(w *world) { w.registry.Room(app, 1) }, "", "ConfigurationError: tag \"prod\": "},
		"in doubt": {func(w *world) { w.ledger.hold = true }, "", `SystemUnavailable: tag "prod": ECR has not confirmed it yet: retry the action`},
		"in doubt, and it is there": {func(w *world) {
			w.ledger.hold = true
			w.registry.Push(app, tagalongtest.Image("v1"), "prod")
		}, "is tagged prod", ""},
		"in doubt, and another is there": {func(w *world) {
			w.ledger.hold = true
			w.registry.Push(app, tagalongtest.Image("v2"), "prod")
		}, "", "SystemUnavailable: "},
		"gone meanwhile": {func(w *world) {
			w.Promoter = &vanishing{&w.ledger, w}
		}, "", `RevisionUnavailable: tag "prod": image is not in the repository any more`},
		"the core's error": {func(w *world) { w.ledger.err = ledger.ErrNoTable }, "", ledger.ErrNoTable.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			c.arrange(w)
			s, err := w.do(t, w.recipe(w.older, "build-1"))
			if c.failure != "" {
				wantFailure(t, err, c.failure)
				if recorded := w.ledger.err == nil; recorded != strings.HasSuffix(fmt.Sprint(err), "; "+stays) {
					t.Errorf("of a promotion that is recorded (%t): %v", recorded, err)
				}
				return
			}
			if err != nil || !strings.Contains(s.Summary, c.summary) || s.Variables["ImageDigest"] != w.older.String() || s.Variables["ImageTag"] != "prod" {
				t.Errorf("%+v, error %v", s, err)
			}
		})
	}
}

// What fails behind the ledger leaves the claim, and the advice comes before that.
func TestPromotionThatIsRecordedStays(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized"}
	for name, c := range map[string]struct {
		arrange func(w *world)
		want    string
	}{
		"behind the claim": {func(w *world) { w.ledger.err, w.ledger.late = denied, true }, "PermissionError: api error AccessDeniedException: not authorized: allow it to the function's role; " + stays},
		"before the claim": {func(w *world) { w.ledger.err = denied }, "api error AccessDeniedException: not authorized"},
		"while ECR is asked": {func(w *world) {
			w.ledger.hold = true
			asked := false
			w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
				if asked {
					return tagalong.Images{}, tagalong.ErrBusy
				}
				asked = true
				return read()
			}
		}, "SystemUnavailable: " + tagalong.ErrBusy.Error() + ": retry the action; " + stays},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			c.arrange(w)
			_, err := w.do(t, w.recipe(w.older, "build-1"))
			wantFailure(t, err, c.want)
			if strings.Contains(c.want, stays) != strings.Contains(err.Error(), stays) {
				t.Error(err)
			}
		})
	}
}

// newerHolds lets a rollout that is newer than the job hold a tag.
func (w *world) newerHolds(tag string) {
	w.ledger.tags[tag] = ledger.Tag{
		ID:    tagalong.TagID{Repository: app, Tag: tag},
		Wish:  ledger.Claim{Digest: w.newer, At: began.Add(time.Second), By: "111122223333/us-east-1/prod/checkout#app"},
		State: ledger.TagConfirmed,
	}
	w.registry.Push(app, tagalongtest.Image("v2"), tag)
}

// The actions behind this one go by the tag that it returns them.
func TestTheTagThatIsGivenSitsOnTheImage(t *testing.T) {
	w := start(t)
	w.Rules = tagalong.Rules{{Environment: "prod", Tags: []string{"{environment}", "live"}}}
	w.newerHolds("prod")
	byDigest := `"ImageDigest":"` + w.older.String() + `",`
	for parameters, want := range map[string]string{
		`"ImageTag":"build-1","NewImageTag":"prod"}`:               "build-1",
		`"ImageTag":"build-1","Environment":"prod"}`:               "live",
		byDigest + `"NewImageTag":"prod"}`:                         "",
		byDigest + `"ImageTag":"build-1","NewImageTag":"prod"}`:    "build-1",
		byDigest + `"ImageTag":"build-2","NewImageTag":"prod"}`:    "", // it has moved
		byDigest + `"ImageTag":"gone","NewImageTag":"prod"}`:       "",
		byDigest + `"ImageTag":"build-2","NewImageTag":"another"}`: "another",
	} {
		s, err := w.do(t, `{"RepositoryName":"checkout-api",`+parameters)
		tag, given := s.Variables["ImageTag"]
		if err != nil || tag != want || given != (want != "") || s.Variables["ImageDigest"] != w.older.String() {
			t.Errorf("%s: %+v, error %v", parameters, s, err)
		}
		if at := w.registry.Tags(app)[tag]; given && at != w.older {
			t.Errorf("%s: tag %q is on %s", parameters, tag, at)
		}
		if strings.Contains(s.Summary, `"prod" stays on`) != strings.Contains(parameters, `"prod"`) {
			t.Errorf("%s: summary %q", parameters, s.Summary)
		}
	}
	w.newerHolds("mine") // which is what the image is named by, and moves away under our hands
	w.registry.Push(app, tagalongtest.Image("v1"), "mine")
	if s, err := w.do(t, `{"RepositoryName":"checkout-api","ImageTag":"mine","NewImageTag":"mine"}`); err != nil || s.Variables["ImageTag"] != "" {
		t.Errorf("%+v, error %v", s, err)
	}
}

func TestSeveralTagsFailTogether(t *testing.T) {
	w := start(t)
	w.Rules = tagalong.Rules{{Environment: "prod", Tags: []string{"{environment}", "live"}}}
	w.registry.Push(app, tagalongtest.Image("v2"), "live")
	w.registry.Immutable(app, "prod*")
	_, err := w.do(t, `{"RepositoryName":"checkout-api","ImageTag":"build-1","Environment":"prod"}`)
	wantFailure(t, err, `ConfigurationError: tag "live": `)
	if w.registry.Tags(app)["prod"] != w.older {
		t.Error("the other tag is not put")
	}
}

func TestTheRunIsAskedForThreeTimes(t *testing.T) {
	elsewhere, nameless := origin, origin
	elsewhere.Execution, nameless.ActionID = "00000000-0000-4000-8000-000000000000", ""
	for name, c := range map[string]struct {
		arrange func(c *codePipeline)
		of      tagalong.JobContext
		asked   int
		dated   bool
	}{
		"at once":                   {func(*codePipeline) {}, origin, 1, true},
		"it comes late":             {func(c *codePipeline) { c.lagging = 2 }, origin, 3, true},
		"it never comes":            {func(c *codePipeline) { c.lagging = 9 }, origin, 3, false},
		"it is denied":              {func(c *codePipeline) { c.denied = errDenied }, origin, 1, false},
		"the action is not listed":  {func(c *codePipeline) { c.actions = c.actions[:1] }, origin, 3, false},
		"the execution is unknown":  {func(*codePipeline) {}, elsewhere, 3, false},
		"no run of an action named": {func(*codePipeline) {}, nameless, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := start(t)
				c.arrange(&w.codePipeline)
				if _, err := w.doAs(t, c.of, w.recipe(w.older, "build-1")); err != nil {
					t.Fatal(err)
				}
				p := w.ledger.promotions[0]
				if w.codePipeline.asked != c.asked || p.At.IsZero() == c.dated || p.Release.Stage != "DeployProd" {
					t.Errorf("asked %d times, promotion %+v", w.codePipeline.asked, p)
				}
				if c.dated == strings.Contains(w.log.String(), "cannot be dated") {
					t.Errorf("log %s", w.log.String())
				}
			})
		})
	}
}

// Nobody waits for a job whose action has ended: what it did not promote then it does
// not promote now.
func TestJobThatIsOverPromotesNothingNew(t *testing.T) {
	for _, status := range []pipeline.ActionStatus{pipeline.ActionSucceeded, pipeline.ActionFailed, pipeline.ActionAbandoned} {
		w := start(t)
		w.codePipeline.actions[1].Status = status
		_, err := w.do(t, w.recipe(w.older, "build-1"))
		wantFailure(t, err, "JobFailed: the action has ended and promoted nothing")
		if len(w.ledger.promotions) != 0 || w.registry.Puts() != 0 {
			t.Errorf("%s: promotions %+v", status, w.ledger.promotions)
		}
		w.codePipeline.actions[1].Status = pipeline.ActionInProgress
		if _, err := w.do(t, w.recipe(w.older, "build-1")); err != nil {
			t.Fatal(err)
		}
		w.codePipeline.actions[1].Status = status
		again, err := w.do(t, w.recipe(w.older, "build-1"))
		if err != nil || again.Variables["ImageDigest"] != w.older.String() || w.registry.Puts() != 1 {
			t.Errorf("%s: %+v, error %v, %d puts", status, again, err, w.registry.Puts())
		}
	}
}

// Whose pipelines may tag what is decided before ECR and the ledger are asked.
func TestPipelinesThatMayNotTagFail(t *testing.T) {
	const parameters = `{"RepositoryName":"checkout-api","ImageTag":"build-1","NewImageTag":"prod"}`
	stranger, listed, another := origin, origin, origin
	stranger.Pipeline.Account, listed.Pipeline.Account, another.Pipeline.Name = "777788889999", "444455556666", "payments-release"
	checkout := tagalong.PromotionRules{{Pipelines: []string{"checkout-*"}, Repositories: []string{"checkout-*"}}}
	for name, c := range map[string]struct {
		rules   tagalong.PromotionRules
		of      tagalong.JobContext
		refusal string
	}{
		"of our own account, by no rules":   {nil, origin, ""},
		"of a listed account, by no rules":  {nil, listed, ""},
		"of another account, by no rules":   {nil, stranger, "account 777788889999 may not tag"},
		"of our own account, by a rule":     {checkout, origin, ""},
		"of another account, by a rule":     {checkout, stranger, "list it in TAGALONG_ACCOUNTS"},
		"another pipeline":                  {checkout, another, "pipeline payments-release of account 111122223333 may not tag repository " + host + "/checkout-api: no entry of TAGALONG_PROMOTIONS"},
		"another repository":                {tagalong.PromotionRules{{Pipelines: []string{"checkout-*"}, Repositories: []string{"payments"}}}, origin, `add {"pipelines": ["111122223333/checkout-release"], "repositories": ["checkout-api"]}`},
		"of another account by the account": {tagalong.PromotionRules{{Pipelines: []string{"444455556666/*"}}}, origin, "no entry"},
	} {
		w := start(t)
		w.Promotions, w.Coverage = c.rules, tagalongtest.Covering("111122223333", "444455556666")
		reads := 0
		w.registry.OnRead = func(_ context.Context, _ tagalong.Repository, read func() (tagalong.Images, error)) (tagalong.Images, error) {
			reads++
			return read()
		}
		_, err := w.doAs(t, c.of, parameters)
		if c.refusal == "" {
			if len(w.ledger.promotions) != 1 {
				t.Errorf("%s: error %v, promotions %+v", name, err, w.ledger.promotions)
			}
			continue
		}
		wantFailure(t, err, "PermissionError: ")
		wantFailure(t, err, c.refusal)
		if reads+len(w.ledger.promotions)+w.codePipeline.asked != 0 {
			t.Errorf("%s: %d reads, promotions %+v", name, reads, w.ledger.promotions)
		}
	}
	w := start(t)
	_, err := w.do(t, `{"ImageURI":"777788889999.dkr.ecr.us-east-1.amazonaws.com/base:1","NewImageTag":"prod"}`)
	wantFailure(t, err, "the registry's account is neither our own nor listed")
}
