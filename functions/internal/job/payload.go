package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The payload, as far as it is used. What CodePipeline adds to it is not in the way,
// and what is not used may look as it likes.
type (
	event struct {
		Job json.RawMessage `json:"CodePipeline.job"`
	}
	payload struct {
		AccountID json.RawMessage `json:"accountId"`
		Data      struct {
			ActionConfiguration struct {
				Configuration struct {
					UserParameters json.RawMessage `json:"UserParameters"`
				} `json:"configuration"`
			} `json:"actionConfiguration"`
			InputArtifacts      json.RawMessage `json:"inputArtifacts"`
			OutputArtifacts     json.RawMessage `json:"outputArtifacts"`
			ArtifactCredentials json.RawMessage `json:"artifactCredentials"`
			EncryptionKey       json.RawMessage `json:"encryptionKey"`
		} `json:"data"`
	}
	encryptionKey struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
)

var (
	jobID      = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	accountID  = regexp.MustCompile(`^\d{12}$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	objectKey  = regexp.MustCompile(`^[^\x00-\x1f\x7f]+$`) // of 1024 bytes at most
	keyID      = regexp.MustCompile(`^[A-Za-z0-9:/_-]{1,1000}$`)
	artifact   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
)

func (p payload) store(at string) (Store, error) {
	var (
		r    reader
		s    Store
		keys Keys
		key  encryptionKey
	)
	s.Inputs = r.artifacts(at+".inputArtifacts", p.Data.InputArtifacts)
	s.Outputs = r.artifacts(at+".outputArtifacts", p.Data.OutputArtifacts)
	r.decode(at+".artifactCredentials", p.Data.ArtifactCredentials, &keys)
	s.Credentials = hide(keys)
	if keys.AccessKeyID == "" || keys.SecretAccessKey == "" {
		r.problem("%s.artifactCredentials: want accessKeyId and secretAccessKey", at)
	}
	r.decode(at+".encryptionKey", p.Data.EncryptionKey, &key)
	switch s.Key = key.ID; {
	case key == encryptionKey{}: // S3's own
	case key.Type != "KMS":
		r.problem("%s.encryptionKey.type %q: want KMS", at, cut(key.Type, 100))
	case !keyID.MatchString(key.ID):
		r.problem("%s.encryptionKey.id %q: want the id, the alias or the ARN of a KMS key", at, cut(key.ID, 100))
	}
	return s, errors.Join(r.problems...)
}

// reader gathers what is wrong while it reads.
type reader struct{ problems []error }

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

// decode reads a value that may be missing or null.
func (r *reader) decode(at string, raw json.RawMessage, into any) {
	if len(raw) == 0 {
		return
	}
	if err := json.Unmarshal(raw, into); err != nil {
		r.problem("%s: %s", at, wrongType(err))
	}
}

func (r *reader) text(at string, raw json.RawMessage) (text string) {
	r.decode(at, raw, &text)
	return text
}

func (r *reader) matching(at string, raw json.RawMessage, form *regexp.Regexp, want string) string {
	text := r.text(at, raw)
	if !form.MatchString(text) {
		r.problem("%s %q: want %s", at, cut(text, 100), want)
	}
	return text
}

func (r *reader) artifacts(at string, raw json.RawMessage) (all []Artifact) {
	var list []struct {
		Name     string `json:"name"`
		Location struct {
			Type string `json:"type"`
			S3   struct {
				Bucket string `json:"bucketName"`
				Object string `json:"objectKey"`
			} `json:"s3Location"`
		} `json:"location"`
	}
	r.decode(at, raw, &list)
	for i, a := range list {
		at := fmt.Sprintf("%s[%d]", at, i)
		for _, field := range []struct {
			name, value, want string
			ok                bool
		}{
			{"name", a.Name, "1 to 100 letters, digits, underscores or hyphens", artifact.MatchString(a.Name)},
			{"location.type", a.Location.Type, "S3", a.Location.Type == "S3"},
			{"location.s3Location.bucketName", a.Location.S3.Bucket, "the name of a bucket", bucketName.MatchString(a.Location.S3.Bucket)},
			{"location.s3Location.objectKey", a.Location.S3.Object, "the key of an object", len(a.Location.S3.Object) <= 1024 && objectKey.MatchString(a.Location.S3.Object)},
		} {
			if !field.ok {
				r.problem("%s.%s %q: want %s", at, field.name, cut(field.value, 100), field.want)
			}
		}
		all = append(all, Artifact{Name: a.Name, Bucket: a.Location.S3.Bucket, Object: a.Location.S3.Object})
	}
	return all
}

// wrongType says what JSON found, and where, without the value itself.
func wrongType(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(e.Value, " ") // a number comes with its digits
		if e.Field != "" {
			return fmt.Sprintf("%s is %s: want %s", e.Field, kind, typeNames[e.Type.Kind()])
		}
		return fmt.Sprintf("%s: want %s", kind, typeNames[e.Type.Kind()])
	}
	return "want legal JSON"
}
