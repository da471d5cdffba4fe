// Package job takes the jobs of CodePipeline's Lambda invoke actions and answers
// each with one verdict, sent until it is accepted,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-invoke-lambda-function.html.
package job

import (
	"errors"
	"fmt"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Job is what CodePipeline asks of a function, in CodePipeline's own words.
type Job tagalong.Job

var (
	jobID      = pattern.New(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	bucketName = pattern.New(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	objectKey  = pattern.New(`^[^\x00-\x1f\x7f]+$`) // of 1024 bytes at most
	keyID      = pattern.Run{Min: 1, Max: 1000, Of: pattern.Letters + pattern.Digits + ":/_-"}
	artifact   = pattern.Run{Min: 1, Max: 100, Of: pattern.Letters + pattern.Digits + "_-"}
)

// ArtifactStore returns where the artifacts lie, for actions that have any, once it
// is checked.
func (j Job) ArtifactStore() (tagalong.ArtifactStore, error) {
	var r reader
	r.artifacts("inputArtifacts", j.Store.Inputs)
	r.artifacts("outputArtifacts", j.Store.Outputs)
	if !j.Store.Credentials.Complete() {
		r.problem("artifactCredentials: want accessKeyId and secretAccessKey")
	}
	if key := j.Store.Key; key != "" && !keyID.MatchString(key) {
		r.problem("encryptionKey.id %q: want the id, the alias or the ARN of a KMS key", cut(key, 100))
	}
	return j.Store, errors.Join(r.problems...)
}

// reader gathers what is wrong while it reads.
type reader struct{ problems []error }

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

func (r *reader) artifacts(at string, all []tagalong.Artifact) {
	for i, a := range all {
		for _, field := range []struct {
			name, value, want string
			ok                bool
		}{
			{"name", a.Name, "1 to 100 letters, digits, underscores or hyphens", artifact.MatchString(a.Name)},
			{"location.s3Location.bucketName", a.Bucket, "the name of a bucket", bucketName.MatchString(a.Bucket)},
			{"location.s3Location.objectKey", a.Object, "the key of an object", len(a.Object) <= 1024 && objectKey.MatchString(a.Object)},
		} {
			if !field.ok {
				r.problem("%s[%d].%s %q: want %s", at, i, field.name, cut(field.value, 100), field.want)
			}
		}
	}
}
