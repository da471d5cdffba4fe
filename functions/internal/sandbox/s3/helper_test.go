package s3_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/s3"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

const kmsKey = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// world is a sandbox with a job that takes one artifact and makes another, and a
// client with its credentials.
type world struct {
	*sandboxtest.Sandbox
	t       *testing.T
	client  *awss3.Client
	pipe    *codepipeline.Pipeline
	in, out codepipeline.Artifact
}

func client(config aws.Config) *awss3.Client {
	return awss3.NewFromConfig(config, func(o *awss3.Options) { o.UsePathStyle = true })
}

func newWorld(t *testing.T, options codepipeline.PipelineOptions) *world {
	t.Helper()
	w := &world{Sandbox: sandboxtest.Start(t), t: t}
	w.pipe = w.CodePipeline.CreatePipeline(wire.Scope{}, "checkout-release", options)
	var job *codepipeline.Job
	w.in, w.out, job = w.invoke()
	w.client = client(w.With(job.Credentials()))
	if err := w.S3.Put(w.in.Bucket, w.in.Key, s3.Object{Data: []byte("an image's detail"), ContentType: "application/zip"}); err != nil {
		t.Fatal(err)
	}
	return w
}

// invoke starts an execution up to its job.
func (w *world) invoke() (in, out codepipeline.Artifact, job *codepipeline.Job) {
	w.t.Helper()
	x, event, err := w.pipe.Start(codepipeline.ExecutionOptions{}, sandboxtest.Epoch)
	w.run(event, err)
	st, event, err := x.StartStage("Promote", sandboxtest.Epoch)
	w.run(event, err)
	_, event, err = st.StartAction("Image", codepipeline.ActionOptions{
		Type: codepipeline.ActionType{Category: "Source", Provider: "ECR"}, Outputs: []string{"EcrImage"},
	}, sandboxtest.Epoch)
	w.run(event, err)
	a, event, err := st.StartAction("Tag", codepipeline.ActionOptions{
		Type: codepipeline.ActionType{Category: "Invoke", Provider: "Lambda"}, Inputs: []string{"EcrImage"}, Outputs: []string{"Promoted"},
	}, sandboxtest.Epoch)
	w.run(event, err)
	in, _ = x.Artifact("EcrImage")
	out, _ = x.Artifact("Promoted")
	return in, out, a.Job()
}

func (w *world) run(event []byte, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v after %s", err, event)
	}
}

// get gets an object's data.
func (w *world) get(bucket, key string) (string, error) {
	out, err := w.client.GetObject(w.t.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	return string(data), err
}

// put puts an object, encrypted with a key if one is given.
func (w *world) put(bucket, key, data, kms string) error {
	in := &awss3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader([]byte(data)),
		ServerSideEncryption: types.ServerSideEncryptionAwsKms,
	}
	if kms != "" {
		in.SSEKMSKeyId = &kms
	}
	_, err := w.client.PutObject(w.t.Context(), in)
	return err
}

func wantCode(t *testing.T, err error, code, message string) {
	t.Helper()
	if got := sandboxtest.Code(err); got != code {
		t.Errorf("error %q, want %q: %v", got, code, err)
	}
	if err != nil && !strings.Contains(err.Error(), message) {
		t.Errorf("error %v\ndoes not say %q", err, message)
	}
}
