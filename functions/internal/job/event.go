package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// event is what a function is invoked with,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-invoke-lambda-function.html#actions-invoke-lambda-function-json-event-example.
// Whoever may invoke it can write anything into it. So its id is what CodePipeline
// is asked for, and what it says beside has to be what CodePipeline says: nothing
// of it is acted on.
type event struct {
	ID        string `json:"id"`
	AccountID string `json:"accountId"`
	Data      struct {
		ActionConfiguration struct {
			Configuration struct {
				UserParameters string `json:"UserParameters"`
			} `json:"configuration"`
		} `json:"actionConfiguration"`
		InputArtifacts      locations     `json:"inputArtifacts"`
		OutputArtifacts     locations     `json:"outputArtifacts"`
		ArtifactCredentials tagalong.Keys `json:"artifactCredentials"`
	} `json:"data"`
	malformed bool // as CodePipeline sends none
}

type locations []struct {
	Name     string `json:"name"`
	Location struct {
		S3 struct {
			Bucket string `json:"bucketName"`
			Object string `json:"objectKey"`
		} `json:"s3Location"`
	} `json:"location"`
}

func (l locations) artifacts() (all []tagalong.Artifact) {
	for _, a := range l {
		all = append(all, tagalong.Artifact{Name: a.Name, Bucket: a.Location.S3.Bucket, Object: a.Location.S3.Object})
	}
	return all
}

// parse reads an event. Without a legal id there is no job to ask for. The error
// never holds the event's texts, except for the id.
func parse(raw []byte) (event, error) {
	var whole struct {
		Job json.RawMessage `json:"CodePipeline.job"`
	}
	if err := json.Unmarshal(raw, &whole); err != nil || len(whole.Job) == 0 {
		return event{}, errors.New(`event: want JSON with "CodePipeline.job", as CodePipeline's Lambda invoke action sends it`)
	}
	var e event
	err := json.Unmarshal(whole.Job, &e) // what has another type stays empty
	if !jobID.MatchString(e.ID) {
		return event{}, fmt.Errorf(`"CodePipeline.job".id %q: want a UUID in lower case`, cut(e.ID, 100))
	}
	e.malformed = err != nil
	return e, nil
}

// differs returns the fields in which an event says something else than CodePipeline.
func (e event) differs(known tagalong.Job) (fields []string) {
	for _, field := range []struct {
		name string
		same bool
	}{
		{"JSON", !e.malformed},
		{"accountId", e.AccountID == known.Account},
		{"UserParameters", e.Data.ActionConfiguration.Configuration.UserParameters == known.UserParameters},
		{"inputArtifacts", slices.Equal(e.Data.InputArtifacts.artifacts(), known.Store.Inputs)},
		{"outputArtifacts", slices.Equal(e.Data.OutputArtifacts.artifacts(), known.Store.Outputs)},
	} {
		if !field.same {
			fields = append(fields, field.name)
		}
	}
	return fields
}

// job returns the job that CodePipeline knows. Where it gives no credentials, those of
// the event serve: they reach no more than their owner does without us, since the
// artifacts' locations are CodePipeline's.
func (e event) job(known tagalong.Job) Job {
	if !known.Store.Credentials.Complete() {
		known.Store.Credentials = tagalong.Hide(e.Data.ArtifactCredentials)
	}
	return Job(known)
}
