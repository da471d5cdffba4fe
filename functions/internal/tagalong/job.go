package tagalong

import (
	"strings"
)

// Job is what CodePipeline asks of a function,
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_JobDetails.html.
type Job struct {
	ID      string // a UUID in lower case
	Account string // 12 digits: of the pipeline's action
	// UserParameters have their variables resolved; "" if there are none.
	UserParameters string
	Store          ArtifactStore
	Context        JobContext
}

// JobContext says what a job belongs to.
type JobContext struct {
	Pipeline  Pipeline
	Execution string
	Stage     string
	Action    string
	ActionID  string // of the action's run
}

// ArtifactStore is where the artifacts of a job lie, and how they are reached.
type ArtifactStore struct {
	Inputs      []Artifact
	Outputs     []Artifact
	Credentials Credentials
	// Key is the KMS key of the store, an id, an alias or an ARN; "" is S3's own.
	Key string
}

// Artifact is an artifact of an action, a zip in S3.
type Artifact struct {
	Name   string
	Bucket string
	Object string // the key of the zip
}

// Credentials are temporary ones, for the artifacts of one job alone. They are
// behind a function: whoever prints or logs a job, however it holds them, prints
// an address.
type Credentials struct{ reveal func() Keys }

// Keys are what credentials are made of.
type Keys struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken"`
}

// Hide returns the keys as credentials.
func Hide(k Keys) Credentials { return Credentials{func() Keys { return k }} }

// Reveal returns the keys, for the one who signs with them.
func (c Credentials) Reveal() Keys {
	if c.reveal == nil {
		return Keys{}
	}
	return c.reveal()
}

// Complete reports whether one can sign with them.
func (c Credentials) Complete() bool {
	k := c.Reveal()
	return k.AccessKeyID != "" && k.SecretAccessKey != ""
}

// Redact takes the credentials out of a text that somebody else wrote.
func (c Credentials) Redact(text string) string {
	k := c.Reveal()
	for _, secret := range []string{k.SecretAccessKey, k.SessionToken, k.AccessKeyID} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "(credentials)")
		}
	}
	return text
}

// Success is a job's good answer.
type Success struct {
	Summary   string // 1 to 2048 bytes
	Variables map[string]string
}

// Failure is a job's bad answer.
type Failure struct {
	Type    FailureType
	Message string // 1 to 5000 characters
}

// FailureType says whose matter a failure is,
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_FailureDetails.html.
type FailureType string

// The types of failures.
const (
	JobFailed           FailureType = "JobFailed"
	ConfigurationError  FailureType = "ConfigurationError"
	PermissionError     FailureType = "PermissionError"
	RevisionOutOfSync   FailureType = "RevisionOutOfSync"
	RevisionUnavailable FailureType = "RevisionUnavailable"
	SystemUnavailable   FailureType = "SystemUnavailable"
)
