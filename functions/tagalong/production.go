package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecs"
)

// The story's pipeline: a commit is built, pinned and deployed to staging; then its
// image is promoted, and deployed to prod.
const (
	pipelineName = "checkout-release"
	stagingStage = "DeployStaging"
	prodStage    = "DeployProd"

	pinningFunction   = "tagalong-imagedefinitions"
	promotingFunction = "tagalong-tagimage"

	definitions = "Definitions" // the artifact with imagedefinitions.json
	candidate   = "prod-candidate"
)

// commits are what the pipeline built its images from.
var commits = map[string]codepipeline.Revision{
	"build-42": {
		Name: "Source", ID: "d5491e7e7124a22dd73fa746ba129c59f9dc6d5d", Summary: "Raise payment timeout",
		URL: "https://github.com/example-org/checkout-api/commit/d5491e7e7124a22dd73fa746ba129c59f9dc6d5d",
	},
	"build-43": {
		Name: "Source", ID: "8c06be41d7a35f9920e1c4b7a6f38d52e90b17ac", Summary: "Read prices from the new catalog",
		URL: "https://github.com/example-org/checkout-api/commit/8c06be41d7a35f9920e1c4b7a6f38d52e90b17ac",
	},
}

// production is an execution of the pipeline.
type production struct {
	*stage
	*codepipeline.Execution
	build   string
	running *codepipeline.Stage  // the stage that it is in
	deploy  *codepipeline.Action // the action that deploys
}

// produce starts an execution with the commit of a build.
func (st *stage) produce(build string, at time.Time) (*production, error) {
	x, _, err := st.pipeline.Start(codepipeline.ExecutionOptions{
		Trigger:   codepipeline.Trigger{Type: "WebhookV2", Detail: "refs/heads/main"},
		Revisions: []codepipeline.Revision{commits[build]},
	}, at)
	if err != nil {
		return nil, err
	}
	p := &production{stage: st, Execution: x, build: build}
	st.productions[build] = p
	source, _, err := x.StartStage("Source", at)
	if err != nil {
		return nil, err
	}
	action, _, err := source.StartAction("Source", codepipeline.ActionOptions{
		Type: codepipeline.ActionType{Category: "Source", Provider: "CodeStarSourceConnection"}, Outputs: []string{commits[build].Name},
	}, at)
	if err != nil {
		return nil, err
	}
	_, ended := action.Succeed(codepipeline.Result{ExternalID: commits[build].ID}, at.Add(4*time.Second))
	_, err = source.Finish(codepipeline.Succeeded, at.Add(5*time.Second))
	return p, errors.Join(ended, err)
}

// enter starts the next stage.
func (p *production) enter(name string, at time.Time) (err error) {
	p.running, _, err = p.StartStage(name, at)
	return err
}

// pin is the job of the action imagedefinitions.
func (p *production) pin(at time.Time) ([]byte, error) {
	return p.invoke("Pin", pinningFunction, map[string]string{"ContainerName": repository, "RepositoryName": repository, "ImageTag": p.build}, at, definitions)
}

// promote is the job of the action tagimage.
func (p *production) promote(at time.Time) ([]byte, error) {
	return p.invoke("Promote", promotingFunction, map[string]string{"RepositoryName": repository, "ImageTag": p.build, "NewImageTag": candidate}, at)
}

// invoke starts an action that invokes a function, and returns its job.
func (p *production) invoke(name, function string, parameters map[string]string, at time.Time, outputs ...string) ([]byte, error) {
	p.clock.set(at)
	text, err := json.Marshal(parameters)
	if err != nil {
		return nil, err
	}
	p.invoked, _, err = p.running.StartAction(name, codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Invoke", Provider: "Lambda"},
		Configuration: map[string]string{"FunctionName": function, "UserParameters": string(text)},
		Outputs:       outputs,
	}, at)
	if err != nil {
		return nil, err
	}
	return p.invoked.Job().Event(), nil
}

// deployTo starts ECS's own deploy action, which acts in a service's account.
func (p *production) deployTo(a app, role string, at time.Time) (event []byte, err error) {
	p.clock.set(at)
	p.deploy, event, err = p.running.StartAction("Deploy", codepipeline.ActionOptions{
		Type:          codepipeline.ActionType{Category: "Deploy", Provider: "ECS"},
		Configuration: map[string]string{"ClusterName": a.Cluster().Name(), "ServiceName": a.Name()},
		RoleARN:       role, Inputs: []string{definitions},
	}, at)
	return event, err
}

// release deploys what imagedefinitions.json says, as the deploy action does.
func (p *production) release(a app, at time.Time) (*ecs.Deployment, []byte, error) {
	image, err := p.defined()
	if err != nil {
		return nil, nil, err
	}
	return p.start(a, image, at)
}

// rollOut lets the deploy action put a build in place; nobody hears of its start.
func (p *production) rollOut(a app, role string, started, completed time.Time) ([]byte, error) {
	if _, err := p.deployTo(a, role, started.Add(-2*time.Second)); err != nil {
		return nil, err
	}
	d, _, err := p.release(a, started)
	if err != nil {
		return nil, err
	}
	return p.complete(d, completed)
}

// defined returns the image that imagedefinitions.json has for the service's container.
func (p *production) defined() (string, error) {
	artifact, ok := p.Artifact(definitions)
	object, there := p.aws.S3.Get(artifact.Bucket, artifact.Key)
	if !ok || !there {
		return "", fmt.Errorf("artifact %s: there is none", definitions)
	}
	archive, err := zip.NewReader(bytes.NewReader(object.Data), int64(len(object.Data)))
	if err != nil {
		return "", fmt.Errorf("artifact %s: %w", definitions, err)
	}
	file, err := archive.Open("imagedefinitions.json")
	if err != nil {
		return "", err
	}
	defer file.Close()
	var images []struct{ Name, ImageURI string }
	if err := json.NewDecoder(file).Decode(&images); err != nil || len(images) != 1 {
		return "", fmt.Errorf("imagedefinitions.json: %d images: %w", len(images), err)
	}
	return images[0].ImageURI, nil
}

// succeed ends the deploy action and its stage well.
func (p *production) succeed(at time.Time) ([]byte, error) {
	p.clock.set(at.Add(2 * time.Second))
	if _, err := p.deploy.Succeed(codepipeline.Result{}, at); err != nil {
		return nil, err
	}
	return p.running.Finish(codepipeline.Succeeded, p.clock.now())
}

// fail ends the deploy action and its stage badly.
func (p *production) fail(at time.Time) ([]byte, error) {
	p.clock.set(at.Add(2 * time.Second))
	result := codepipeline.Result{Summary: "(service " + repository + ") (deployment ecs-svc/" + build43 + ") deployment failed: tasks failed to start."}
	if _, err := p.deploy.Fail(result, at); err != nil {
		return nil, err
	}
	return p.running.Finish(codepipeline.Failed, p.clock.now())
}
