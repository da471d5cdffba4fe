package events_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/events"
)

// patterns says of each file of patterns which payloads it selects, and what
// Parse makes of these and of no others.
var patterns = map[string]struct {
	selects []string
	parses  func(events.Event) bool
}{
	"deployment.json": {
		selects: []string{
			"ecs-deployment-completed-cross-account.json",
			"ecs-deployment-completed-no-clusterarn.json",
			"ecs-deployment-completed-short-arn-clusterarn.json",
			"ecs-deployment-completed-short-arn.json",
			"ecs-deployment-completed.json",
			"ecs-deployment-failed.json",
			"ecs-deployment-in-progress-no-clusterarn.json",
			"ecs-deployment-in-progress.json",
			"ecs-deployment-rollback-completed.json",
			"ecs-deployment-rollback-in-progress.json",
		},
		parses: func(event events.Event) bool {
			_, ok := event.(events.DeploymentStateChange)
			return ok
		},
	},
	"task.json": {
		selects: []string{
			"ecs-task-standalone-running-cross-account.json",
			"ecs-task-standalone-running.json",
			"ecs-task-standalone-stopped.json",
		},
		parses: func(event events.Event) bool {
			e, ok := event.(events.TaskStateChange)
			return ok && e.Standalone() && (e.LastStatus() == "RUNNING" || e.LastStatus() == "STOPPED")
		},
	},
	"pipeline.json": {
		selects: []string{
			"codedeploy-deployment-failure.json",
			"codedeploy-deployment-ready.json",
			"codedeploy-deployment-start.json",
			"codedeploy-deployment-stop.json",
			"codedeploy-deployment-success.json",
			"codepipeline-action-abandoned.json",
			"codepipeline-action-canceled.json",
			"codepipeline-action-failed-codedeploytoecs.json",
			"codepipeline-action-failed-ecs-deploy.json",
			"codepipeline-action-started-ecs-deploy.json",
			"codepipeline-action-succeeded-ecr-source.json",
			"codepipeline-action-succeeded-ecs-deploy.json",
			"codepipeline-stage-canceled.json",
			"codepipeline-stage-failed.json",
			"codepipeline-stage-resumed.json",
			"codepipeline-stage-started.json",
			"codepipeline-stage-stopped.json",
			"codepipeline-stage-succeeded-after-retry.json",
			"codepipeline-stage-succeeded-cross-account.json",
			"codepipeline-stage-succeeded-legacy-int-version.json",
			"codepipeline-stage-succeeded-legacy-string-version.json",
			"codepipeline-stage-succeeded.json",
		},
		parses: func(event events.Event) bool {
			switch e := event.(type) {
			case events.StageExecutionStateChange:
				return slices.Contains(pipelineStates, e.State())
			case events.ActionExecutionStateChange:
				return slices.Contains(pipelineStates, e.State())
			case events.CodeDeployStateChange:
				return slices.Contains(codeDeployStates, e.State())
			}
			return false
		},
	},
}

// The states that matter to a release: where something begins, ends or begins
// again, and where CodeDeploy's new task set is there before its traffic. In
// between nothing is decided.
var (
	pipelineStates = []events.ExecutionState{
		events.ExecutionStarted, events.ExecutionSucceeded, events.ExecutionFailed, events.ExecutionCanceled,
		events.ExecutionResumed, events.ExecutionStopped, events.ExecutionAbandoned,
	}
	codeDeployStates = []events.CodeDeployState{
		events.CodeDeployStarted, events.CodeDeployReady,
		events.CodeDeploySucceeded, events.CodeDeployFailed, events.CodeDeployStopped,
	}
)

// readPattern returns the matcher of a file of patterns.
func readPattern(t *testing.T, folder, file string) matcher {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMatcher(raw)
	if err != nil {
		t.Fatalf("pattern %s: %v", file, err)
	}
	return m
}

func TestPatternsSelect(t *testing.T) {
	for _, file := range jsonFiles(t, "patterns") {
		want, ok := patterns[file]
		if !ok {
			t.Errorf("%s is not in the table of patterns", file)
			continue
		}
		m := readPattern(t, "patterns", file)
		var selected []string
		for _, payload := range jsonFiles(t, "testdata") {
			ok, err := m.matches(readPayload(t, payload))
			if err != nil {
				t.Errorf("%s on %s: %v", file, payload, err)
			}
			if ok {
				selected = append(selected, payload)
			}
		}
		if len(selected) == 0 {
			t.Errorf("%s selects no payload", file)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(want.selects)), selected); diff != "" {
			t.Errorf("%s selects (-want +got):\n%s", file, diff)
		}
	}
}

// narrowed are the patterns as infra/ has them in its rules, and which of the payloads
// of the whole pattern each of them takes. Our own account is 111122223333, whose
// services run in prod-cluster; 444455556666 is a member, with staging-cluster. Tests of
// infra/ hold its rules against these files.
var narrowed = map[string]func(payload string) bool{
	"deployment-own.json":            fromUs,
	"deployment-clusters.json":       fromUs, // live and prod-*
	"deployment-other-clusters.json": shortARN,
	"deployment-other-regions.json":  nothing,
	"deployment-forwarded.json":      anything,
	"deployment-member.json":         fromMember, // live and staging-*
	"deployment-member-others.json":  nothing,
	"task-own.json":                  fromUs,
	"task-clusters.json":             fromUs, // live and prod-*
	"task-other-clusters.json":       nothing,
	"task-other-regions.json":        nothing,
	"task-forwarded.json":            anything,
	"task-member.json":               fromMember, // live and staging-*
	"task-member-others.json":        nothing,
	"pipeline-own.json":              fromUs,
	"pipeline-some.json":             fromUs, // of a pipeline that is named
	"pipeline-others.json":           fromCodeDeploy,
	"pipeline-other-regions.json":    nothing,
	"pipeline-forwarded.json":        anything,
	"pipeline-member.json":           fromMember,
}

func anything(string) bool           { return true }
func nothing(string) bool            { return false }
func fromMember(payload string) bool { return strings.HasSuffix(payload, "-cross-account.json") }
func fromUs(payload string) bool     { return !fromMember(payload) }

// shortARN reports whether the service's ARN does not say its cluster: such a service may
// be in any, and is left to the function.
func shortARN(payload string) bool { return strings.Contains(payload, "-short-arn") }

// fromCodeDeploy reports whether it is an event that names no pipeline.
func fromCodeDeploy(payload string) bool { return strings.HasPrefix(payload, "codedeploy-") }

const narrowedFolder = "../infra/tests/patterns"

func TestNarrowedPatternsSelect(t *testing.T) {
	for _, file := range jsonFiles(t, narrowedFolder) {
		selects, ok := narrowed[file]
		if !ok {
			t.Errorf("%s is not in the table of narrowed patterns", file)
			continue
		}
		function, _, _ := strings.Cut(file, "-")
		whole := patterns[function+".json"].selects
		m := readPattern(t, narrowedFolder, file)
		for _, payload := range jsonFiles(t, "testdata") {
			got, err := m.matches(readPayload(t, payload))
			if want := slices.Contains(whole, payload) && selects(payload); got != want || err != nil {
				t.Errorf("%s on %s: %t, %v", file, payload, got, err)
			}
		}
	}
}

// A cluster that infra/ leaves out wakes nothing, wherever the event says which one it is.
func TestAClusterThatIsLeftOutWakesNothing(t *testing.T) {
	m := readPattern(t, narrowedFolder, "deployment-other-clusters.json") // prod and b*h-*
	for resource, want := range map[string]bool{
		"arn:aws:ecs:us-east-1:111122223333:service/batch/api":     false,
		"arn:aws:ecs:us-east-1:111122223333:service/prod/api":      true,
		"arn:aws:ecs:us-east-1:111122223333:service/prod-2/api":    false,
		"arn:aws:ecs:us-east-1:111122223333:service/batch-1/api":   true,
		"arn:aws:ecs:us-east-1:111122223333:service/api":           true, // its cluster is not said
		"arn:aws:ecs:eu-west-1:111122223333:service/prod/api":      false,
		"arn:aws:ecs:us-east-1:444455556666:service/prod/api":      false,
		"arn:aws:ecs:us-east-1:111122223333:service/other/prod":    false,
		"arn:aws:ecs:us-east-1:111122223333:service/other/batch-1": false,
	} {
		for _, sample := range []string{"ecs-deployment-completed.json", "ecs-deployment-completed-no-clusterarn.json"} {
			got, err := m.matches(edit(t, readPayload(t, sample), "resources", []any{resource}))
			if got != want || err != nil {
				t.Errorf("%s as %s: taken %t, %v", resource, sample, got, err)
			}
		}
	}
}

// A rule never delivers what its function does not know, nor leaves out what
// it does.
func TestPatternsAgreeWithParse(t *testing.T) {
	for file, pattern := range patterns {
		m := readPattern(t, "patterns", file)
		for _, payload := range jsonFiles(t, "testdata") {
			raw := readPayload(t, payload)
			selected, err := m.matches(raw)
			if err != nil {
				t.Fatal(err)
			}
			event, err := events.Parse(raw)
			if parsed := err == nil && pattern.parses(event); parsed != selected {
				t.Errorf("%s: selected by %s %t, but parsed to %T, %v", payload, file, selected, event, err)
			}
		}
	}
}

// The same for every variation of the fields that the patterns look at.
func TestPatternsAgreeWithParseOnVariations(t *testing.T) {
	tests := []struct {
		base                 []byte // what it lacks no detail-type of its sources needs
		sources, detailTypes []string
		field                string
		values               []string
	}{
		{
			base:        edit(t, readPayload(t, deploymentFile), "detail.createdAt", "2026-03-04T09:18:41Z"),
			sources:     []string{"aws.ecs", "aws.ecr", "AWS.ECS", "aws.ecs "},
			detailTypes: []string{"ECS Deployment State Change", "ECS Service Action", "ecs deployment state change", "x"},
			field:       "detail.eventName",
			values:      []string{"SERVICE_DEPLOYMENT_COMPLETED", "SERVICE_DEPLOYMENT_FAILED", "SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_STOPPED", "SERVICE_DEPLOYMENT"},
		},
		{
			base:    readPayload(t, pipelineActionFile),
			sources: []string{"aws.codepipeline", "aws.ecs", "aws.CodePipeline", "my.codepipeline"},
			detailTypes: []string{
				"CodePipeline Stage Execution State Change", "CodePipeline Action Execution State Change",
				"CodePipeline Pipeline Execution State Change", "CodePipeline stage execution state change", "x",
			},
			field: "detail.state",
			values: []string{
				"STARTED", "SUCCEEDED", "FAILED", "CANCELED", "RESUMED", "STOPPING", "STOPPED", "ABANDONED",
				"SUPERSEDED", "SKIPPED", "Succeeded", "CANCELLED",
			},
		},
		{
			base:        readPayload(t, codeDeployFile),
			sources:     []string{"aws.codedeploy", "aws.ecs", "aws.CodeDeploy", "my.codedeploy"},
			detailTypes: []string{"CodeDeploy Deployment State-change Notification", "CodeDeploy Instance State-change Notification", "x"},
			field:       "detail.state",
			values:      []string{"START", "QUEUED", "READY", "STOP", "SUCCESS", "FAILURE", "Success", "BAKING"},
		},
		{
			base:        readPayload(t, standaloneFile),
			sources:     []string{"aws.ecs", "my.ecs"},
			detailTypes: []string{"ECS Task State Change", "x"},
			field:       "detail.lastStatus",
			values:      []string{"RUNNING", "STOPPED", "PENDING", "DEPROVISIONING"},
		},
		{
			base:        readPayload(t, standaloneFile),
			sources:     []string{"aws.ecs"},
			detailTypes: []string{"ECS Task State Change"},
			field:       "detail.group",
			values:      []string{"family:nightly", "service:nightly", "service:", "Service:x", "batch-job", "services:x"},
		},
	}
	for file, pattern := range patterns {
		m := readPattern(t, "patterns", file)
		for _, test := range tests {
			for _, source := range test.sources {
				for _, detailType := range test.detailTypes {
					for _, value := range test.values {
						raw := edit(t, edit(t, edit(t, test.base, "source", source), "detail-type", detailType), test.field, value)
						selected, _ := m.matches(raw)
						event, err := events.Parse(raw)
						if err != nil || pattern.parses(event) != selected {
							t.Errorf("%s: selected %t, but parsed to %T, %v: %s", file, selected, event, err, raw)
						}
					}
				}
			}
		}
	}
}

func TestPatternsExist(t *testing.T) {
	files := jsonFiles(t, "patterns")
	for file := range patterns {
		if !slices.Contains(files, file) {
			t.Errorf("%s is in the table of patterns but not in the folder", file)
		}
	}
}

func TestMatcher(t *testing.T) {
	const event = `{
		"source": "aws.ecs", "empty": "", "none": null, "yes": true, "list": [], "tags": ["a", "b", 3],
		"resources": ["arn:aws:ecs:us-east-1:1:service/c/s"],
		"detail": {"n": 3.0, "m": 300, "big": 6e9, "text": "3.0", "star": "a*b", "path": "a\\b", "state": "Deploy-Prod"},
		"containers": [{"name": "web", "port": 80}, {"name": "db", "port": 5432}], "nested": [[{"x": 1}], "y"]}`
	tests := []struct {
		pattern string
		want    bool
	}{
		// exact
		{`{"source": ["aws.ecs"]}`, true},
		{`{"source": ["aws.ecr", "aws.ecs"]}`, true},
		{`{"source": ["AWS.ecs"]}`, false},
		{`{"source": ["aws.ec"]}`, false},
		{`{"absent": ["x"]}`, false},
		{`{"source": ["aws.ecs"], "absent": ["x"]}`, false},
		{`{"source": ["aws.ecs"], "detail": {"state": ["Deploy-Prod"]}}`, true},
		{`{"source": ["aws.ecs"], "detail": {"state": ["Deploy"]}}`, false},
		{`{"empty": [""]}`, true},
		{`{"none": [null]}`, true},
		{`{"none": [""]}`, false},
		{`{"absent": [null]}`, false},
		{`{"yes": [true]}`, true},
		{`{"yes": ["true"]}`, false},
		{`{"yes": [false]}`, false},
		{`{"source": {"x": ["aws.ecs"]}}`, false},
		{`{"detail": ["Deploy-Prod"]}`, false},

		// numbers by their text
		{`{"detail": {"n": [3.0]}}`, true},
		{`{"detail": {"n": [3]}}`, false},
		{`{"detail": {"n": [3.00]}}`, false},
		{`{"detail": {"m": [3e2]}}`, false},
		{`{"detail": {"m": [300]}}`, true},
		{`{"detail": {"text": [3.0]}}`, false},
		{`{"detail": {"n": ["3.0"]}}`, false},

		// lists of an event
		{`{"tags": ["b"]}`, true},
		{`{"tags": [3]}`, true},
		{`{"tags": ["c"]}`, false},
		{`{"list": ["c"]}`, false},
		{`{"containers": {"name": ["web"], "port": [80]}}`, true},
		{`{"containers": {"name": ["web"], "port": [5432]}}`, false},
		{`{"containers": ["web"]}`, false},

		// prefix, suffix
		{`{"resources": [{"prefix": "arn:aws:ecs:us-east-1:1:service/"}]}`, true},
		{`{"resources": [{"prefix": "arn:aws:ecs:us-east-1:2:"}]}`, false},
		{`{"source": [{"prefix": ""}]}`, true},
		{`{"source": [{"prefix": "AWS"}]}`, false},
		{`{"source": [{"prefix": {"equals-ignore-case": "AWS"}}]}`, true},
		{`{"source": [{"prefix": {"equals-ignore-case": "aws.ecs.x"}}]}`, false},
		{`{"detail": {"n": [{"prefix": "3"}]}}`, false},
		{`{"absent": [{"prefix": ""}]}`, false},
		{`{"source": [{"suffix": ".ecs"}]}`, true},
		{`{"source": [{"suffix": "aws"}]}`, false},
		{`{"source": [{"suffix": {"equals-ignore-case": ".ECS"}}]}`, true},
		{`{"source": [{"suffix": {"equals-ignore-case": ".ECR"}}]}`, false},

		// equals-ignore-case
		{`{"detail": {"state": [{"equals-ignore-case": "deploy-PROD"}]}}`, true},
		{`{"detail": {"state": [{"equals-ignore-case": "deploy"}]}}`, false},

		// anything-but
		{`{"source": [{"anything-but": "aws.ecr"}]}`, true},
		{`{"source": [{"anything-but": "aws.ecs"}]}`, false},
		{`{"source": [{"anything-but": ["aws.ecr", "aws.ecs"]}]}`, false},
		{`{"source": [{"anything-but": ["aws.ecr", "aws.s3"]}]}`, true},
		{`{"source": [{"anything-but": {"prefix": "aws."}}]}`, false},
		{`{"source": [{"anything-but": {"prefix": "my."}}]}`, true},
		{`{"detail": {"n": [{"anything-but": 3.0}]}}`, false},
		{`{"detail": {"n": [{"anything-but": [1, 2]}]}}`, true},
		{`{"detail": {"n": [{"anything-but": {"prefix": "3"}}]}}`, true},
		{`{"absent": [{"anything-but": "x"}]}`, false},
		{`{"tags": [{"anything-but": "a"}]}`, true},
		{`{"source": [{"anything-but": {"wildcard": "aws.*"}}]}`, false},
		{`{"source": [{"anything-but": {"wildcard": "*.ecr"}}]}`, true},
		{`{"detail": {"n": [{"anything-but": {"wildcard": "3*"}}]}}`, true},
		{`{"absent": [{"anything-but": {"wildcard": "x*"}}]}`, false},

		// exists
		{`{"source": [{"exists": true}]}`, true},
		{`{"source": [{"exists": false}]}`, false},
		{`{"absent": [{"exists": true}]}`, false},
		{`{"absent": [{"exists": false}]}`, true},
		{`{"none": [{"exists": true}]}`, true},
		{`{"none": [{"exists": false}]}`, false},
		{`{"detail": [{"exists": true}]}`, false},
		{`{"detail": [{"exists": false}]}`, true},
		{`{"detail": {"absent": [{"exists": false}, "x"]}}`, true},
		{`{"detail": {"state": [{"exists": false}, "Deploy-Prod"]}}`, true},
		{`{"absent": {"absent": [{"exists": false}]}}`, true},
		{`{"list": [{"exists": true}]}`, false},

		// either
		{`{"$or": [{"source": ["aws.ecs"]}, {"absent": ["x"]}]}`, true},
		{`{"$or": [{"absent": ["x"]}, {"detail": {"text": ["3.0"]}}], "detail": {"m": [300]}}`, true},
		{`{"$or": [{"source": ["aws.ecs"]}, {"absent": ["x"]}], "detail": {"m": [301]}}`, false},
		{`{"$or": [{"source": ["x"]}, {"absent": ["x"]}]}`, false},
		{`{"detail": {"$or": [{"absent": ["x"]}, {"m": [300]}]}}`, true},

		// wildcard
		{`{"source": [{"wildcard": "aws.*"}]}`, true},
		{`{"source": [{"wildcard": "*"}]}`, true},
		{`{"source": [{"wildcard": "a*.*s"}]}`, true},
		{`{"source": [{"wildcard": "aws.ecs*"}]}`, true},
		{`{"source": [{"wildcard": "aws.ecs"}]}`, true},
		{`{"source": [{"wildcard": "aws"}]}`, false},
		{`{"source": [{"wildcard": "a*x*s"}]}`, false},
		{`{"source": [{"wildcard": "aws.*aws.ecs"}]}`, false},
		{`{"source": [{"wildcard": "aws?ecs"}]}`, false},
		{`{"resources": [{"wildcard": "arn:*:service/c/*"}]}`, true},
		{`{"detail": {"star": [{"wildcard": "a\\*b"}]}}`, true},
		{`{"detail": {"star": [{"wildcard": "a\\**"}]}}`, true},
		{`{"source": [{"wildcard": "aws\\*"}]}`, false},
		{`{"detail": {"path": [{"wildcard": "a\\\\*"}]}}`, true},
		{`{"detail": {"n": [{"wildcard": "*"}]}}`, false},

		// numeric
		{`{"detail": {"n": [{"numeric": ["=", 3]}]}}`, true},
		{`{"detail": {"m": [{"numeric": ["=", 3.0e2]}]}}`, true},
		{`{"detail": {"m": [{"numeric": [">", 0, "<=", 300]}]}}`, true},
		{`{"detail": {"m": [{"numeric": [">", 0, "<", 300]}]}}`, false},
		{`{"detail": {"m": [{"numeric": [">=", 301]}]}}`, false},
		{`{"detail": {"text": [{"numeric": ["=", 3]}]}}`, false},
		{`{"detail": {"big": [{"numeric": [">", 0]}]}}`, false},
		{`{"absent": [{"numeric": ["<", 1]}]}`, false},
	}
	for _, test := range tests {
		m, err := newMatcher([]byte(test.pattern))
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		if got, err := m.matches([]byte(event)); got != test.want || err != nil {
			t.Errorf("%s matches %t, %v", test.pattern, got, err)
		}
	}
}

func TestMatcherRefuses(t *testing.T) {
	tests := []struct{ pattern, want string }{
		{``, "EOF"},
		{`{"a": ["b"]} x`, "more than one JSON value"},
		{`["a"]`, "instead of an object"},
		{`{}`, "names no field"},
		{`{"a": {}}`, "names no field"},
		{`{"a": "b"}`, "instead of a list or an object"},
		{`{"a": []}`, "empty list"},
		{`{"a": [["b"]]}`, "list in a list"},
		{`{"a": [{}]}`, "0 operators"},
		{`{"a": [{"prefix": "b", "suffix": "c"}]}`, "2 operators"},
		{`{"a": [{"cidr": "10.0.0.0/24"}]}`, "a.cidr is an operator that this matcher does not know"},
		{`{"a": [{"Prefix": "b"}]}`, "a.Prefix is an operator that this matcher does not know"},
		{`{"a": ["b", {"regex": "b"}]}`, "a.regex is an operator that this matcher does not know"},
		{`{"$or": [{"a": ["b"]}]}`, "$or has 1 alternatives"},
		{`{"a": {"$or": [{"b": ["c"]}, "d"]}}`, "a.$or has a string instead of an object"},
		{`{"$or": [{"a": ["b"]}, {"c": "d"}]}`, "c. is a string"},
		{`{"a": [{"prefix": 1}]}`, "no string"},
		{`{"a": [{"prefix": {"x": "b"}}]}`, "no string"},
		{`{"a": [{"suffix": ["b"]}]}`, "no string"},
		{`{"a": [{"equals-ignore-case": null}]}`, "no string"},
		{`{"a": [{"exists": "true"}]}`, "neither true nor false"},
		{`{"a": [{"exists": {}}]}`, "neither true nor false"},
		{`{"a": [{"anything-but": []}]}`, "neither strings nor numbers"},
		{`{"a": [{"anything-but": ["b", 1]}]}`, "neither strings nor numbers"},
		{`{"a": [{"anything-but": true}]}`, "neither strings nor numbers"},
		{`{"a": [{"anything-but": {"suffix": "b"}}]}`, "neither prefix nor wildcard"},
		{`{"a": [{"anything-but": {"prefix": 1}}]}`, "no string"},
		{`{"a": [{"anything-but": {"wildcard": "b**"}}]}`, "consecutive wildcards"},
		{`{"a": [{"wildcard": 1}]}`, "no string"},
		{`{"a": [{"wildcard": "b**"}]}`, "consecutive wildcards"},
		{`{"a": [{"wildcard": "b\\c"}]}`, "backslash"},
		{`{"a": [{"wildcard": "b\\"}]}`, "backslash"},
		{`{"a": [{"numeric": 1}]}`, "comparisons"},
		{`{"a": [{"numeric": ["="]}]}`, "comparisons"},
		{`{"a": [{"numeric": ["=", "1"]}]}`, "no number"},
		{`{"a": [{"numeric": ["=", 6e9]}]}`, "no number"},
		{`{"a": [{"numeric": ["!=", 1]}]}`, "no comparison"},
		{`{"a": [{"numeric": [[], 1]}]}`, "no comparison"},
	}
	for _, test := range tests {
		if _, err := newMatcher([]byte(test.pattern)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.pattern, err, test.want)
		}
	}
}
