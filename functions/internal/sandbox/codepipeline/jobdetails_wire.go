package codepipeline

import "github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"

type getJobDetailsInput struct {
	Job *string `json:"jobId"`
}

type getJobDetailsOutput struct {
	Details wireJob `json:"jobDetails"`
}

// getJobDetails is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetJobDetails.html.
func (s *Service) getJobDetails(caller wire.Caller, in getJobDetailsInput) (out getJobDetailsOutput, err error) {
	if err := checkID("jobId", in.Job); err != nil {
		return out, err
	}
	j, err := s.findJob(caller, *in.Job)
	if err != nil {
		return out, err
	}
	options := j.action.stage.execution.pipeline.options
	if options.ForgetsEnded && !j.action.goesOn() {
		return out, noJob(*in.Job)
	}
	details := j.describe(true)
	if options.NoCredentials {
		details.Data.Credentials = nil
	}
	if options.NoARN {
		details.Data.Context.ARN = ""
	}
	return getJobDetailsOutput{details}, nil
}

// wireJob is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_JobDetails.html.
type wireJob struct {
	ID      string      `json:"id"`
	Account string      `json:"accountId"`
	Data    wireJobData `json:"data"`
}

// wireJobData is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_JobData.html.
type wireJobData struct {
	Type          *ActionType     `json:"actionTypeId,omitempty"`
	Configuration wireJobSettings `json:"actionConfiguration"`
	Context       *wireJobContext `json:"pipelineContext,omitempty"`
	Inputs        []wireArtifact  `json:"inputArtifacts"`
	Outputs       []wireArtifact  `json:"outputArtifacts"`
	Credentials   *Credentials    `json:"artifactCredentials,omitempty"`
	Continuation  string          `json:"continuationToken,omitempty"`
	Key           *wireKey        `json:"encryptionKey,omitempty"`
}

type wireJobSettings struct {
	Configuration map[string]string `json:"configuration"`
}

// wireJobContext is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineContext.html.
type wireJobContext struct {
	Name      string            `json:"pipelineName"`
	Stage     wireStageContext  `json:"stage"`
	Action    wireActionContext `json:"action"`
	ARN       string            `json:"pipelineArn,omitempty"`
	Execution string            `json:"pipelineExecutionId"`
}

type wireStageContext struct {
	Name string `json:"name"`
}

type wireActionContext struct {
	Name string `json:"name"`
	ID   string `json:"actionExecutionId"`
}

// wireArtifact is
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_Artifact.html.
type wireArtifact struct {
	Location wireLocation `json:"location"`
	Revision *string      `json:"revision"`
	Name     string       `json:"name"`
}

type wireLocation struct {
	S3   wireS3Location `json:"s3Location"`
	Type string         `json:"type"`
}

type wireS3Location struct {
	Bucket string `json:"bucketName"`
	Key    string `json:"objectKey"`
}

type wireKey struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// describe gives the job as GetJobDetails does, or as the function gets it: that
// is not told what the job belongs to.
func (j *Job) describe(whole bool) wireJob {
	a := j.action
	data := wireJobData{
		Configuration: wireJobSettings{a.options.Resolved},
		Inputs:        wireArtifacts(a.inputs), Outputs: wireArtifacts(a.outputs),
		Credentials: &j.credentials, Continuation: j.continuation,
	}
	if key := a.stage.execution.pipeline.options.Key; key != "" {
		data.Key = &wireKey{key, "KMS"}
	}
	if whole {
		data.Type, data.Context = &a.options.Type, a.context()
	}
	return wireJob{j.id, a.scope().Account, data}
}

func (a *Action) context() *wireJobContext {
	x := a.stage.execution
	return &wireJobContext{
		Name: x.pipeline.name, ARN: x.pipeline.ARN(), Execution: x.id,
		Stage: wireStageContext{a.stage.name}, Action: wireActionContext{a.name, a.id},
	}
}

func wireArtifacts(artifacts []Artifact) []wireArtifact {
	list := []wireArtifact{}
	for _, a := range artifacts {
		w := wireArtifact{Location: wireLocation{wireS3Location{a.Bucket, a.Key}, "S3"}, Name: a.Name}
		if a.Revision != "" {
			w.Revision = &a.Revision
		}
		list = append(list, w)
	}
	return list
}
