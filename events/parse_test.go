package events_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagalong-aws/tagalong/events"
)

// What a payload is expected to be: one type for each type of event, with its
// answers in text.
type (
	deployment struct {
		Service, Cluster string
		Name             events.DeploymentEventName
		Deployment       string
		UpdatedAt        string
		EventType        string
		Reason           string
		RollsBack        bool
	}
	serviceAction struct {
		Service, Cluster string
		Name             string
		CreatedAt        string
		EventType        string
		Reason           string
	}
	task struct {
		ARN, Cluster, Definition     string
		Service, Deployment          string
		LastStatus, DesiredStatus    string
		Version                      int64
		StartedAt, StoppedAt, Update string
		StopCode, StoppedReason      string
		Containers                   []events.Container
	}
	containerInstance struct {
		ARN, Cluster, Status string
		Version              int64
	}
	stage struct {
		Account, Region, Time    string
		Pipeline, ARN, Execution string
		Stage                    string
		State                    events.ExecutionState
		StartedAt, RetriedAt     string
		Version, Attempt         int64
	}
	action struct {
		Stage                                 stage
		Action, ActionExecution, ActionRegion string
		Type                                  events.ActionType
		Result                                events.ExecutionResult
		Inputs, Outputs                       []events.Artifact
	}
	codeDeploy struct {
		Account, Region, Time          string
		Application, Group, Deployment string
		State                          events.CodeDeployState
		InstanceGroup                  string
	}
	unknown struct{ Source, DetailType string }

	// refused lists the fields that the error names.
	refused []string
)

const (
	checkoutAPI = "arn:aws:ecs:us-east-1:111122223333:service/prod-cluster/checkout-api"
	prodCluster = "arn:aws:ecs:us-east-1:111122223333:cluster/prod-cluster"
	checkoutTsk = "arn:aws:ecs:us-east-1:111122223333:task/prod-cluster/3e7a1395d08a42a89371db1f2755625e"

	good = "ecs-svc/7330915268420174663"
	bad  = "ecs-svc/8264410957731246980"

	goodDigest  = "sha256:89966b648e537b6990d14a2e44e8075ac2ca0ff4250bf7d8bbfe0abdccf67a7d"
	envoyDigest = "sha256:84532b306f259587c364bd7301e0813963d5b84fd27c9338f0862dab8f0499d7"
	guardDigest = "sha256:0df8a7b8ef5051aedfa6d336498f4c17126c805dc0ac9dae65761f946bf89b19"
	image       = "111122223333.dkr.ecr.us-east-1.amazonaws.com/checkout-api:build-42"
	envoyImage  = "public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod"
	brokeTasks  = "ECS deployment circuit breaker: tasks failed to start."
	completed   = "ECS deployment " + good + " completed."

	prodExecution = "3f0c8a52-6d1e-4b97-a2c4-90b7e15d6f38"
	prodStarted   = "2026-03-04T09:14:31.204Z"
	prodRetried   = "2026-03-04T09:41:18.006Z"
	ecsConsole    = "https://console.aws.amazon.com/ecs/home?region=us-east-1#/clusters/prod-cluster/services/checkout-api/events"
)

var (
	pipelineState = unknown{"aws.codepipeline", "CodePipeline Pipeline Execution State Change"}
	imageAction   = unknown{"aws.ecr", "ECR Image Action"}

	// noEvent is what is wrong with JSON that did not come from EventBridge.
	noEvent = refused{"detail-type", "source"}
)

// prodStage is what most events of stages say. Their times are of one day.
func prodStage(state events.ExecutionState, clock string) stage {
	return stage{
		Account: "111122223333", Region: "us-east-1", Time: "2026-03-04T" + clock + "Z",
		Pipeline: "checkout-release", ARN: "arn:aws:codepipeline:us-east-1:111122223333:checkout-release",
		Execution: prodExecution, Stage: "DeployProd", State: state, StartedAt: prodStarted, Version: 3, Attempt: 1,
	}
}

// legacyStage is what a stage said before there were a start and attempts.
func legacyStage() stage {
	s := prodStage(events.ExecutionSucceeded, "09:20:12")
	s.StartedAt, s.Attempt = "", 0
	return s
}

// retriedStage is a stage at its second attempt.
func retriedStage(state events.ExecutionState, clock, startedAt string) stage {
	s := prodStage(state, clock)
	s.StartedAt, s.RetriedAt, s.Attempt = startedAt, prodRetried, 2
	return s
}

// prodAction is what most events of actions say.
func prodAction(state events.ExecutionState, clock string, result events.ExecutionResult, inputs ...events.Artifact) action {
	s := prodStage(state, clock)
	s.StartedAt = "2026-03-04T09:14:32.611Z"
	return action{
		Stage: s, Action: "DeployToEcs", ActionExecution: "b84d2f10-57c3-4e6a-8f1b-2c90d7a34e65", ActionRegion: "us-east-1",
		Type: actionType("Deploy", "ECS"), Result: result, Inputs: inputs,
	}
}

// blueGreen is an action by CodeDeploy instead.
func blueGreen(a action) action {
	a.Action, a.Type = "BlueGreen", actionType("Deploy", "CodeDeployToECS")
	return a
}

// ecrSource is an action of another stage, which makes something.
func ecrSource(a action) action {
	a.Stage.Stage, a.Action, a.Type = "Source", "Image", actionType("Source", "ECR")
	a.Outputs = []events.Artifact{artifact("EcrImage", "checkout-release/EcrImage/Zt7Pq1M")}
	return a
}

func actionType(category, provider string) events.ActionType {
	return events.ActionType{Owner: "AWS", Provider: provider, Category: category, Version: "1"}
}

func artifact(name, key string) events.Artifact {
	return events.Artifact{Name: name, Location: events.S3Location{Bucket: "codepipeline-us-east-1-518273640912", Key: key}}
}

var buildArtifact = artifact("BuildArtifact", "checkout-release/BuildArtif/k2Xw9Qd")

func prodCodeDeploy(state events.CodeDeployState, clock string) codeDeploy {
	return codeDeploy{
		Account: "111122223333", Region: "us-east-1", Time: "2026-03-04T" + clock + "Z",
		Application: "AppECS-prod-cluster-checkout-api", Group: "DgpECS-prod-cluster-checkout-api",
		Deployment: "d-8QZK4T2LF", State: state, InstanceGroup: "4e8e4136-7997-4fe7-85d6-2ea80592cbcc",
	}
}

// payloads says what each file of testdata parses to.
var payloads = map[string]any{
	"codedeploy-deployment-failure.json": prodCodeDeploy(events.CodeDeployFailed, "09:34:59"),
	"codedeploy-deployment-ready.json":   prodCodeDeploy(events.CodeDeployReady, "09:18:22"),
	"codedeploy-deployment-start.json":   prodCodeDeploy(events.CodeDeployStarted, "09:14:40"),
	"codedeploy-deployment-stop.json":    prodCodeDeploy(events.CodeDeployStopped, "09:22:15"),
	"codedeploy-deployment-success.json": prodCodeDeploy(events.CodeDeploySucceeded, "09:26:07"),

	"codepipeline-action-abandoned.json": prodAction(events.ExecutionAbandoned, "09:17:06", events.ExecutionResult{}),
	"codepipeline-action-canceled.json":  prodAction(events.ExecutionCanceled, "09:16:40", events.ExecutionResult{}),
	"codepipeline-action-failed-codedeploytoecs.json": blueGreen(prodAction(events.ExecutionFailed, "09:35:01", events.ExecutionResult{
		URL:     "https://us-east-1.console.aws.amazon.com/codedeploy/home?#/deployments/d-8QZK4T2LF",
		Summary: "Deployment d-8QZK4T2LF failed", ID: "d-8QZK4T2LF", ErrorCode: "JobFailed",
	}, buildArtifact)),
	"codepipeline-action-failed-ecs-deploy.json": prodAction(events.ExecutionFailed, "09:35:01", events.ExecutionResult{
		URL:     ecsConsole,
		Summary: "The deployment failed because one or more containers stopped", ID: bad, ErrorCode: "JobFailed",
	}, buildArtifact),
	"codepipeline-action-started-ecs-deploy.json": prodAction(events.ExecutionStarted, "09:14:33", events.ExecutionResult{}, buildArtifact),
	"codepipeline-action-succeeded-ecr-source.json": ecrSource(prodAction(events.ExecutionSucceeded, "09:12:48", events.ExecutionResult{
		URL:     "https://us-east-1.console.aws.amazon.com/ecr/repositories/checkout-api",
		Summary: "checkout-api:release", ID: goodDigest,
	})),
	"codepipeline-action-succeeded-ecs-deploy.json": prodAction(events.ExecutionSucceeded, "09:20:11", events.ExecutionResult{
		URL: ecsConsole, Summary: "Deployment completed", ID: good,
	}, buildArtifact),

	"codepipeline-pipeline-canceled.json":            pipelineState,
	"codepipeline-pipeline-failed.json":              pipelineState,
	"codepipeline-pipeline-started-git-trigger.json": pipelineState,
	"codepipeline-pipeline-started.json":             pipelineState,
	"codepipeline-pipeline-stopped.json":             pipelineState,
	"codepipeline-pipeline-stopping.json":            pipelineState,
	"codepipeline-pipeline-succeeded.json":           pipelineState,
	"codepipeline-pipeline-superseded.json":          pipelineState,

	"codepipeline-stage-canceled.json":              prodStage(events.ExecutionCanceled, "09:16:40"),
	"codepipeline-stage-failed.json":                prodStage(events.ExecutionFailed, "09:35:02"),
	"codepipeline-stage-resumed.json":               retriedStage(events.ExecutionResumed, "09:41:18", ""),
	"codepipeline-stage-started.json":               prodStage(events.ExecutionStarted, "09:14:31"),
	"codepipeline-stage-stopped.json":               prodStage(events.ExecutionStopped, "09:20:13"),
	"codepipeline-stage-stopping.json":              prodStage(events.ExecutionStopping, "09:17:05"),
	"codepipeline-stage-succeeded-after-retry.json": retriedStage(events.ExecutionSucceeded, "09:47:50", prodStarted),
	"codepipeline-stage-succeeded-cross-account.json": stage{
		Account: "444455556666", Region: "us-east-1", Time: "2026-03-04T11:03:29Z",
		Pipeline: "checkout-release", ARN: "arn:aws:codepipeline:us-east-1:444455556666:checkout-release",
		Execution: "2447c37a-855f-4c9c-bb53-bcd710bc7e45", Stage: "DeployStaging", State: events.ExecutionSucceeded,
		StartedAt: "2026-03-04T11:00:01.55Z", Version: 1, Attempt: 1,
	},
	"codepipeline-stage-succeeded-legacy-int-version.json":    legacyStage(),
	"codepipeline-stage-succeeded-legacy-string-version.json": legacyStage(),
	"codepipeline-stage-succeeded.json":                       prodStage(events.ExecutionSucceeded, "09:20:12"),

	"ecr-image-action-delete.json":        imageAction,
	"ecr-image-action-push-retag.json":    imageAction,
	"ecr-image-action-push-untagged.json": imageAction,
	"ecr-image-action-push.json":          imageAction,
	"ecr-replication-action.json":         unknown{"aws.ecr", "ECR Replication Action"},

	// CodePipeline, ECS and Lambda hand these to a function themselves.
	"codepipeline-lambda-job-artifacts-kms.json":            noEvent,
	"codepipeline-lambda-job-bad-userparameters.json":       noEvent,
	"codepipeline-lambda-job-continuation.json":             noEvent,
	"codepipeline-lambda-job-no-userparameters.json":        noEvent,
	"codepipeline-lambda-job.json":                          noEvent,
	"ecs-lifecycle-hook-post-production-traffic-shift.json": noEvent,
	"lambda-async-failure-destination-record.json":          noEvent,

	"ecs-deployment-completed.json": deployment{
		Service: checkoutAPI, Cluster: prodCluster, Name: events.DeploymentCompleted, Deployment: good,
		UpdatedAt: "2026-03-04T09:18:41.077Z", EventType: "INFO", Reason: completed,
	},
	"ecs-deployment-completed-no-clusterarn.json": deployment{
		Service: checkoutAPI, Cluster: prodCluster, Name: events.DeploymentCompleted, Deployment: good,
		UpdatedAt: "2026-03-04T09:18:41Z", EventType: "INFO", Reason: completed,
	},
	"ecs-deployment-completed-short-arn.json": deployment{
		Service: "arn:aws:ecs:us-east-1:111122223333:service/checkout-api", Cluster: "",
		Name: events.DeploymentCompleted, Deployment: good,
		UpdatedAt: "2026-03-04T09:18:41.077Z", EventType: "INFO", Reason: completed,
	},
	"ecs-deployment-completed-short-arn-clusterarn.json": deployment{
		Service: "arn:aws:ecs:us-east-1:111122223333:service/checkout-api", Cluster: prodCluster,
		Name: events.DeploymentCompleted, Deployment: good,
		UpdatedAt: "2026-03-04T09:18:41.077Z", EventType: "INFO", Reason: completed,
	},
	"ecs-deployment-completed-cross-account.json": deployment{
		Service: "arn:aws:ecs:us-east-1:444455556666:service/staging-cluster/checkout-api",
		Cluster: "arn:aws:ecs:us-east-1:444455556666:cluster/staging-cluster",
		Name:    events.DeploymentCompleted, Deployment: "ecs-svc/5126480937715502841",
		UpdatedAt: "2026-03-04T11:02:10.415Z", EventType: "INFO",
		Reason: "ECS deployment ecs-svc/5126480937715502841 completed.",
	},
	"ecs-deployment-failed.json": deployment{
		Service: checkoutAPI, Cluster: prodCluster, Name: events.DeploymentFailed, Deployment: bad,
		UpdatedAt: "2026-03-04T10:42:17.53Z", EventType: "ERROR", Reason: brokeTasks,
	},
	"ecs-deployment-in-progress.json": deployment{
		Service: checkoutAPI, Cluster: prodCluster, Name: events.DeploymentInProgress, Deployment: good,
		UpdatedAt: "2026-03-04T09:15:02.318Z", EventType: "INFO", Reason: "ECS deployment " + good + " in progress.",
	},
	"ecs-deployment-in-progress-no-clusterarn.json": deployment{
		Service: checkoutAPI, Cluster: prodCluster, Name: events.DeploymentInProgress, Deployment: good,
		UpdatedAt: "2026-03-04T09:15:02.318Z", EventType: "INFO", Reason: "ECS deployment " + good + " in progress.",
	},
	"ecs-deployment-rollback-in-progress.json": deployment{
		Service: checkoutAPI, Cluster: prodCluster, Name: events.DeploymentInProgress, Deployment: good,
		UpdatedAt: "2026-03-04T10:42:17.944Z", EventType: "INFO", RollsBack: true,
		Reason: "ECS deployment circuit breaker: rolling back to deploymentId " + good + ".",
	},
	"ecs-deployment-rollback-completed.json": deployment{
		Service: checkoutAPI, Cluster: prodCluster, Name: events.DeploymentCompleted, Deployment: good,
		UpdatedAt: "2026-03-04T10:47:33.206Z", EventType: "INFO", Reason: completed,
	},
	"ecs-deployment-unknown-name.json": unknown{"aws.ecs", "ECS Deployment State Change"},

	"ecs-service-action-deployment-failed.json": serviceAction{
		Service: checkoutAPI, Cluster: prodCluster, Name: "SERVICE_DEPLOYMENT_FAILED",
		CreatedAt: "2026-03-04T10:42:17.53Z", EventType: "ERROR", Reason: brokeTasks,
	},
	"ecs-service-action-steady-state.json": serviceAction{
		Service: checkoutAPI, Cluster: prodCluster, Name: "SERVICE_STEADY_STATE",
		CreatedAt: "2026-03-04T09:18:41.079Z", EventType: "INFO",
	},
	"ecs-service-action-task-placement-failure.json": serviceAction{
		Service: checkoutAPI, Cluster: prodCluster, Name: "SERVICE_TASK_PLACEMENT_FAILURE",
		CreatedAt: "2026-03-04T10:40:05.112Z", EventType: "ERROR", Reason: "RESOURCE:FARGATE",
	},

	"ecs-task-state-change-running.json": task{
		ARN: checkoutTsk, Cluster: prodCluster,
		Definition: "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:42",
		Service:    "checkout-api", Deployment: good, LastStatus: "RUNNING", DesiredStatus: "RUNNING", Version: 4,
		StartedAt: "2026-03-04T09:16:03.771Z", Update: "2026-03-04T09:16:03.771Z",
		Containers: []events.Container{
			{Name: "checkout-api", Image: image, ImageDigest: goodDigest, LastStatus: "RUNNING"},
			{Name: "envoy", Image: envoyImage, ImageDigest: envoyDigest, LastStatus: "RUNNING"},
			{Name: "aws-guardduty-agent-8fkQ2wZ", ImageDigest: guardDigest, LastStatus: "RUNNING"},
		},
	},
	"ecs-task-state-change-running-digest-in-image.json": task{
		ARN: checkoutTsk, Cluster: prodCluster,
		Definition: "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:42",
		Service:    "checkout-api", Deployment: good, LastStatus: "RUNNING", DesiredStatus: "RUNNING", Version: 4,
		StartedAt: "2026-03-04T09:16:03.771Z", Update: "2026-03-04T09:16:03.771Z",
		Containers: []events.Container{
			{Name: "checkout-api", Image: image + "@" + goodDigest, ImageDigest: goodDigest, LastStatus: "RUNNING"},
		},
	},
	"ecs-task-state-change-stopped.json": task{
		ARN: checkoutTsk, Cluster: prodCluster,
		Definition: "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:42",
		Service:    "checkout-api", Deployment: good, LastStatus: "STOPPED", DesiredStatus: "STOPPED", Version: 7,
		StartedAt: "2026-03-04T09:16:03.771Z", StoppedAt: "2026-03-04T12:31:48.119Z", Update: "2026-03-04T12:31:48.119Z",
		StopCode:      "ServiceSchedulerInitiated",
		StoppedReason: "Scaling activity initiated by (deployment " + good + ")",
		Containers: []events.Container{
			{Name: "checkout-api", Image: image, ImageDigest: goodDigest, LastStatus: "STOPPED"},
			{Name: "envoy", Image: envoyImage, ImageDigest: envoyDigest, LastStatus: "STOPPED"},
		},
	},

	"ecs-task-standalone-running.json": task{
		ARN: checkoutTsk, Cluster: prodCluster,
		Definition: "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:42",
		LastStatus: "RUNNING", DesiredStatus: "RUNNING", Version: 4,
		StartedAt: "2026-03-04T09:16:03.771Z", Update: "2026-03-04T09:16:03.771Z",
		Containers: []events.Container{
			{Name: "checkout-api", Image: image, ImageDigest: goodDigest, LastStatus: "RUNNING"},
			{Name: "envoy", Image: envoyImage, ImageDigest: envoyDigest, LastStatus: "RUNNING"},
			{Name: "aws-guardduty-agent-8fkQ2wZ", ImageDigest: guardDigest, LastStatus: "RUNNING"},
		},
	},
	"ecs-task-standalone-running-cross-account.json": task{
		ARN:        "arn:aws:ecs:us-east-1:444455556666:task/staging-cluster/3e7a1395d08a42a89371db1f2755625e",
		Cluster:    "arn:aws:ecs:us-east-1:444455556666:cluster/staging-cluster",
		Definition: "arn:aws:ecs:us-east-1:444455556666:task-definition/checkout-api:42",
		LastStatus: "RUNNING", DesiredStatus: "RUNNING", Version: 4,
		StartedAt: "2026-03-04T09:16:03.771Z", Update: "2026-03-04T09:16:03.771Z",
		Containers: []events.Container{
			{Name: "checkout-api", Image: strings.Replace(image, "111122223333", "444455556666", 1), ImageDigest: goodDigest, LastStatus: "RUNNING"},
			{Name: "envoy", Image: envoyImage, ImageDigest: envoyDigest, LastStatus: "RUNNING"},
			{Name: "aws-guardduty-agent-8fkQ2wZ", ImageDigest: guardDigest, LastStatus: "RUNNING"},
		},
	},
	"ecs-task-standalone-stopped.json": task{
		ARN: checkoutTsk, Cluster: prodCluster,
		Definition: "arn:aws:ecs:us-east-1:111122223333:task-definition/checkout-api:42",
		LastStatus: "STOPPED", DesiredStatus: "STOPPED", Version: 7,
		StartedAt: "2026-03-04T09:16:03.771Z", StoppedAt: "2026-03-04T12:31:48.119Z", Update: "2026-03-04T12:31:48.119Z",
		StopCode:      "EssentialContainerExited",
		StoppedReason: "Essential container in task exited",
		Containers: []events.Container{
			{Name: "checkout-api", Image: image, ImageDigest: goodDigest, LastStatus: "STOPPED"},
			{Name: "envoy", Image: envoyImage, ImageDigest: envoyDigest, LastStatus: "STOPPED"},
		},
	},
	"ecs-container-instance-state-change.json": containerInstance{
		ARN:     "arn:aws:ecs:us-east-1:111122223333:container-instance/prod-cluster/5f0c2b7de1a94d3f8b6e7a1c9d204e38",
		Cluster: prodCluster, Status: "ACTIVE", Version: 3172,
	},
}

// answers asks an event everything that it knows.
func answers(event events.Event, err error) any {
	if err != nil {
		return refused(fields(err))
	}
	switch e := event.(type) {
	case events.DeploymentStateChange:
		return deployment{
			Service: e.ServiceARN().String(), Cluster: e.ClusterARN().String(),
			Name: e.Name(), Deployment: e.Deployment(), UpdatedAt: rfc3339(e.UpdatedAt()),
			EventType: e.EventType(), Reason: e.Reason(), RollsBack: e.RollsBack(),
		}
	case events.ServiceAction:
		return serviceAction{
			Service: e.ServiceARN().String(), Cluster: e.ClusterARN().String(),
			Name: e.Name(), CreatedAt: rfc3339(e.CreatedAt()), EventType: e.EventType(), Reason: e.Reason(),
		}
	case events.TaskStateChange:
		return task{
			ARN: e.TaskARN(), Cluster: e.ClusterARN().String(), Definition: e.TaskDefinitionARN(),
			Service: e.Service(), Deployment: e.Deployment(),
			LastStatus: e.LastStatus(), DesiredStatus: e.DesiredStatus(), Version: e.Version(),
			StartedAt: rfc3339(e.StartedAt()), StoppedAt: rfc3339(e.StoppedAt()), Update: rfc3339(e.UpdatedAt()),
			StopCode: e.StopCode(), StoppedReason: e.StoppedReason(), Containers: e.Containers(),
		}
	case events.ContainerInstanceStateChange:
		return containerInstance{
			ARN: e.ContainerInstanceARN(), Cluster: e.ClusterARN().String(), Status: e.Status(), Version: e.Version(),
		}
	case events.StageExecutionStateChange:
		return stageOf(e, rfc3339(e.RetriedAt()))
	case events.ActionExecutionStateChange:
		return action{
			Stage: stageOf(e, ""), Action: e.Action(), ActionExecution: e.ActionExecution(), ActionRegion: e.ActionRegion(),
			Type: e.Type(), Result: e.Result(), Inputs: e.Inputs(), Outputs: e.Outputs(),
		}
	case events.CodeDeployStateChange:
		return codeDeploy{
			Account: e.Account(), Region: e.Region(), Time: rfc3339(e.Time()),
			Application: e.Application(), Group: e.DeploymentGroup(), Deployment: e.Deployment(),
			State: e.State(), InstanceGroup: e.InstanceGroup(),
		}
	case events.Unknown:
		return unknown{e.Envelope().Source, e.Envelope().DetailType}
	}
	return event
}

// execution is what stages and actions answer alike.
type execution interface {
	events.Event
	Account() string
	Region() string
	Time() time.Time
	Pipeline() string
	PipelineARN() string
	Execution() string
	Stage() string
	State() events.ExecutionState
	StartedAt() time.Time
	Version() int64
	Attempt() int64
}

func stageOf(e execution, retriedAt string) stage {
	return stage{
		Account: e.Account(), Region: e.Region(), Time: rfc3339(e.Time()),
		Pipeline: e.Pipeline(), ARN: e.PipelineARN(), Execution: e.Execution(),
		Stage: e.Stage(), State: e.State(), StartedAt: rfc3339(e.StartedAt()), RetriedAt: retriedAt,
		Version: e.Version(), Attempt: e.Attempt(),
	}
}

// rfc3339 shows a time with its offset, and the zero time as nothing.
func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func TestParsePayloads(t *testing.T) {
	for _, file := range jsonFiles(t, "testdata") {
		t.Run(file, func(t *testing.T) {
			want, ok := payloads[file]
			if !ok {
				t.Fatalf("%s is not in the table of payloads", file)
			}
			event, err := events.Parse(readPayload(t, file))
			if diff := cmp.Diff(want, answers(event, err)); diff != "" {
				t.Errorf("answers (-want +got), error %v:\n%s", err, diff)
			}
		})
	}
}

func TestPayloadsExist(t *testing.T) {
	files := jsonFiles(t, "testdata")
	for file := range payloads {
		if !slices.Contains(files, file) {
			t.Errorf("%s is in the table of payloads but not in testdata", file)
		}
	}
}

// known lists what an event's own JSON keeps of its detail.
func known(event events.Event) []string {
	switch event.(type) {
	case events.DeploymentStateChange:
		return strings.Fields("eventType eventName clusterArn deploymentId updatedAt reason")
	case events.ServiceAction:
		return strings.Fields("eventType eventName clusterArn createdAt reason")
	case events.TaskStateChange:
		return strings.Fields(`clusterArn taskArn taskDefinitionArn group startedBy lastStatus desiredStatus
			version startedAt stoppedAt updatedAt stopCode stoppedReason
			containers.name containers.image containers.imageDigest containers.lastStatus`)
	case events.ContainerInstanceStateChange:
		return strings.Fields("clusterArn containerInstanceArn status version")
	case events.StageExecutionStateChange:
		return strings.Fields(`pipeline execution-id start-time stage state version pipeline-execution-attempt
			stage-last-retry-attempt-time`)
	case events.ActionExecutionStateChange:
		return strings.Fields(`pipeline execution-id start-time stage state version pipeline-execution-attempt
			action action-execution-id region type execution-result input-artifacts output-artifacts`)
	case events.CodeDeployStateChange:
		return strings.Fields("instanceGroupId region application deploymentId state deploymentGroup")
	}
	return nil
}

func TestRoundTrip(t *testing.T) {
	for _, file := range jsonFiles(t, "testdata") {
		raw := readPayload(t, file)
		event, err := events.Parse(raw)
		if err != nil {
			continue // TestParsePayloads says which these are
		}
		t.Run(file, func(t *testing.T) {
			original := inUTC(decodeJSON(t, raw)).(map[string]any)

			envelope := encodeJSON(t, event.Envelope())
			if diff := cmp.Diff(original, inUTC(decodeJSON(t, envelope))); diff != "" {
				t.Errorf("envelope encoded (-original +got):\n%s", diff)
			}

			if paths := known(event); paths != nil {
				original["detail"] = keep(original["detail"], paths)
			}
			encoded := encodeJSON(t, event)
			if diff := cmp.Diff(original, inUTC(decodeJSON(t, encoded))); diff != "" {
				t.Errorf("event encoded (-original +got):\n%s", diff)
			}

			again, err := events.Parse(encoded)
			if diff := cmp.Diff(answers(event, nil), answers(again, err)); diff != "" {
				t.Errorf("answers of the encoded event (-before +after):\n%s", diff)
			}
		})
	}
}

func TestEnvelope(t *testing.T) {
	event, err := events.Parse(readPayload(t, "ecs-deployment-completed.json"))
	if err != nil {
		t.Fatal(err)
	}
	got := event.Envelope()
	got.Detail = nil
	want := events.Envelope{
		Version: "0", ID: "0b7d13ee-be49-4e6e-8043-7e170761ac20",
		DetailType: "ECS Deployment State Change", Source: "aws.ecs", Account: "111122223333",
		Time: time.Date(2026, 3, 4, 9, 19, 56, 0, time.UTC), Region: "us-east-1",
		Resources: []string{checkoutAPI},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("envelope (-want +got):\n%s", diff)
	}
}

func TestEventsCannotBeChanged(t *testing.T) {
	for _, file := range []string{"ecs-deployment-completed.json", "ecs-task-state-change-running.json", "ecr-image-action-push.json", pipelineActionFile, sourceActionFile} {
		raw := readPayload(t, file)
		event, err := events.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		before := string(encodeJSON(t, event.Envelope()))
		told := string(encodeJSON(t, event)) // answers would share what is changed

		clear(raw)
		clear(event.Envelope().Resources)
		clear(event.Envelope().Detail)
		if task, ok := event.(events.TaskStateChange); ok {
			clear(task.Containers())
		}
		if action, ok := event.(events.ActionExecutionStateChange); ok {
			clear(action.Inputs())
			clear(action.Outputs())
		}

		if after := string(encodeJSON(t, event.Envelope())); after != before {
			t.Errorf("%s: envelope after changing a copy: %s\nbefore: %s", file, after, before)
		}
		if tells := string(encodeJSON(t, event)); tells != told {
			t.Errorf("%s: event after changing a copy: %s\nbefore: %s", file, tells, told)
		}
	}
}
