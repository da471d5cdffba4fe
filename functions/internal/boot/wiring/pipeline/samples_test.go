package pipeline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
)

const testdata = "../../../../../events/testdata/"

const (
	sampleBy       = " by checkout-release/DeployProd 4f2a9c1"
	sampleRunning  = "in_progress v1 revision" + sampleBy
	sampleDone     = "completed v1 revision" + sampleBy
	sampleFailed   = "failed v1 revision" + sampleBy
	sampleShifting = "in_progress v1 task"
)

// samples are, by the names of their files, those that are for us: in which world
// each is heard, what has happened there, and what is recorded of it. No rows say
// that it tells nothing of a service.
var samples = map[string]struct {
	begin  func(*testing.T) *sample
	happen func(*sample)
	rows   []string
	stages []string
}{
	"codepipeline-stage-started":                         {here, func(s *sample) { deploying(s) }, nil, nil},
	"codepipeline-stage-succeeded":                       {here, deployed, []string{sampleDone}, []string{"DeployProd SUCCEEDED 1"}},
	"codepipeline-stage-succeeded-legacy-int-version":    {here, deployed, []string{sampleDone}, []string{"DeployProd SUCCEEDED 0"}},
	"codepipeline-stage-succeeded-legacy-string-version": {here, deployed, []string{sampleDone}, []string{"DeployProd SUCCEEDED 0"}},
	"codepipeline-stage-succeeded-after-retry":           {here, retried, []string{sampleFailed, sampleDone}, []string{"DeployProd SUCCEEDED 2"}},
	"codepipeline-stage-succeeded-cross-account":         {away, deployed, []string{"completed v1 revision by checkout-release/DeployStaging 4f2a9c1"}, []string{"DeployStaging SUCCEEDED 1"}},
	"codepipeline-stage-failed":                          {here, failing, []string{sampleFailed}, []string{"DeployProd FAILED 1"}},
	"codepipeline-stage-resumed":                         {here, resumed, []string{sampleFailed}, []string{"DeployProd RESUMED 2"}},
	"codepipeline-stage-stopping":                        {here, func(s *sample) { deploying(s) }, []string{sampleRunning}, []string{"DeployProd STOPPING 1"}},
	"codepipeline-stage-stopped":                         {here, abandoned, []string{sampleDone}, []string{"DeployProd STOPPED 1"}},
	"codepipeline-stage-canceled":                        {here, func(s *sample) { deploying(s) }, []string{sampleRunning}, []string{"DeployProd CANCELED 1"}},
	"codepipeline-action-started-ecs-deploy":             {here, func(s *sample) { deploying(s) }, []string{sampleRunning}, nil},
	"codepipeline-action-succeeded-ecs-deploy":           {here, deployed, []string{sampleDone}, nil},
	"codepipeline-action-failed-ecs-deploy":              {here, failing, []string{sampleFailed}, nil},
	"codepipeline-action-abandoned":                      {here, abandoned, []string{sampleDone}, nil},
	"codepipeline-action-canceled":                       {here, func(s *sample) { deploying(s) }, []string{sampleRunning}, nil},
	"codepipeline-action-succeeded-ecr-source":           {here, func(s *sample) { deploying(s) }, nil, nil},
	"codepipeline-action-failed-codedeploytoecs": {here, func(s *sample) {
		a, d := byCodeDeploy(s)
		s.run(d.Fail(at("09:34:59"), ""))
		s.run(a.Fail(codepipeline.Result{ExternalID: sampleShift}, at("09:35:00.500")))
	}, []string{"failed v1 task" + sampleBy}, nil},
	"codedeploy-deployment-start":   {here, func(s *sample) { byCodeDeploy(s) }, []string{sampleShifting}, nil},
	"codedeploy-deployment-ready":   {here, func(s *sample) { byCodeDeploy(s) }, []string{sampleShifting}, nil},
	"codedeploy-deployment-success": {here, func(s *sample) { _, d := byCodeDeploy(s); s.run(d.Succeed(at("09:26:07"))) }, []string{"completed v1 task"}, nil},
	"codedeploy-deployment-failure": {here, func(s *sample) { _, d := byCodeDeploy(s); s.run(d.Fail(at("09:34:59"), "")) }, []string{"failed v1 task"}, nil},
	"codedeploy-deployment-stop":    {here, func(s *sample) { _, d := byCodeDeploy(s); s.run(d.Stop(at("09:22:15"))) }, []string{"failed v1 task"}, nil},
}

func TestEverySampleHasItsOutcome(t *testing.T) {
	heard := 0
	for _, file := range files(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		test, ok := samples[name]
		if !ok && isOurs(name) {
			t.Errorf("sample %s has no outcome in the table", name)
		}
		if !ok {
			continue
		}
		heard++
		t.Run(name, func(t *testing.T) {
			s := test.begin(t)
			test.happen(s)
			event := read(t, name)
			for range 2 { // at least once may be twice
				outcomes := s.hear(event)
				if len(outcomes) != 1 || outcomes[0].Unhandled != (test.rows == nil) {
					t.Errorf("outcomes %+v", outcomes)
				}
				want(t, "rows", s.rows(s.service), test.rows...)
				want(t, "stages", s.stages(s.execution), test.stages...)
			}
		})
	}
	if heard != len(samples) {
		t.Errorf("%d samples for a table of %d", heard, len(samples))
	}
}

func isOurs(name string) bool {
	return strings.HasPrefix(name, "codedeploy-") || strings.HasPrefix(name, "codepipeline-stage-") || strings.HasPrefix(name, "codepipeline-action-")
}

func files(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(testdata + "*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d samples, error %v", len(files), err)
	}
	return files
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	event, err := os.ReadFile(testdata + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// TestOtherSamplesAreNotForUs takes all that the table above does not name: events
// of other levels and services are no error, and what is no event is one.
func TestOtherSamplesAreNotForUs(t *testing.T) {
	for _, file := range files(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if isOurs(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.ResetCalls()
			outcomes, err := w.follower.Handle(t.Context(), read(t, name))
			isEvent := !strings.Contains(name, "-job") && !strings.Contains(name, "-record") && !strings.Contains(name, "lifecycle-hook")
			if isEvent != (err == nil) || isEvent && (len(outcomes) != 1 || !outcomes[0].Unhandled) || len(w.Calls()) != 0 {
				t.Errorf("outcomes %+v, error %v, calls %+v", outcomes, err, w.Calls())
			}
		})
	}
}

func TestAMalformedEventIsAnErrorThatNamesTheField(t *testing.T) {
	w := newWorld(t, nil)
	stage, shift := string(read(t, "codepipeline-stage-succeeded")), string(read(t, "codedeploy-deployment-success"))
	for field, event := range map[string]string{
		"detail.execution-id": strings.Replace(stage, sampleExecution, "3f0c8a52", 1),
		"detail.version":      strings.Replace(stage, `"version": 3.0`, `"version": 3.5`, 1),
		"detail.stage":        strings.Replace(stage, `"stage"`, `"stages"`, 1),
		"detail.state":        strings.Replace(stage, `"SUCCEEDED"`, `17`, 1),
		"detail.deploymentId": strings.Replace(shift, sampleShift, "8QZK4T2LF", 1),
		"event":               `{"source":`,
	} {
		if outcomes, err := w.follower.Handle(t.Context(), []byte(event)); err == nil || !strings.Contains(err.Error(), field) || len(outcomes) != 0 {
			t.Errorf("%s: outcomes %+v, error %v", field, outcomes, err)
		}
	}
}
