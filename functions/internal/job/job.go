// Package job takes the jobs of CodePipeline's Lambda invoke actions and answers
// each with one verdict, sent until it is accepted,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-invoke-lambda-function.html.
package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Job is what CodePipeline asks of a function.
type Job struct {
	ID      string // a UUID in lower case
	Account string // 12 digits: of the pipeline's action
	// UserParameters as they arrive, with their variables resolved; "" if there are none.
	UserParameters string

	store    Store
	problems error // of the store
}

// Store is where the artifacts of a job lie, and how they are reached.
type Store struct {
	Inputs      []Artifact
	Outputs     []Artifact
	Credentials Credentials
	// Key is the KMS key of the artifact store, an id or an ARN; "" is S3's own.
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

func hide(k Keys) Credentials { return Credentials{func() Keys { return k }} }

// Reveal gives the keys, for the one who signs with them.
func (c Credentials) Reveal() Keys {
	if c.reveal == nil {
		return Keys{}
	}
	return c.reveal()
}

// redact takes the credentials out of a text that somebody else wrote.
func (c Credentials) redact(text string) string {
	k := c.Reveal()
	for _, secret := range []string{k.SecretAccessKey, k.SessionToken, k.AccessKeyID} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "(credentials)")
		}
	}
	return text
}

// Store gives where the artifacts lie, for actions that have any.
func (j Job) Store() (Store, error) { return j.store, j.problems }

// Parse reads an event. A job without a legal id cannot be answered: that alone is
// known by an empty ID beside the error. The errors never hold the event's texts,
// except for the one in question.
func Parse(raw []byte) (Job, error) {
	const at = `"CodePipeline.job"`
	var e event
	if err := json.Unmarshal(raw, &e); err != nil || len(e.Job) == 0 {
		return Job{}, errors.New(`event: want JSON with ` + at + `, as CodePipeline's Lambda invoke action sends it`)
	}
	var j Job
	var id struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(e.Job, &id); err != nil || !jobID.MatchString(id.ID) {
		return Job{}, fmt.Errorf("%s.id %q: want a UUID in lower case", at, cut(id.ID, 100))
	}
	j.ID = id.ID
	var p payload
	if err := json.Unmarshal(e.Job, &p); err != nil {
		return j, fmt.Errorf("%s: %s", at, wrongType(err))
	}
	r := reader{}
	j.Account = r.matching(at+".accountId", p.AccountID, accountID, "12 digits")
	j.UserParameters = r.text(at+".data.actionConfiguration.configuration.UserParameters", p.Data.ActionConfiguration.Configuration.UserParameters)
	j.store, j.problems = p.store(at + ".data")
	return j, errors.Join(r.problems...)
}
