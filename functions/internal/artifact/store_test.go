package artifact

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	awspipeline "github.com/tagalong-aws/tagalong/functions/internal/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/s3"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

const kmsKey = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// world is a sandbox with a job that has an input and two outputs.
type world struct {
	*sandboxtest.Sandbox
	of tagalong.ArtifactStore
}

func start(t *testing.T, options codepipeline.PipelineOptions) *world {
	t.Helper()
	s := sandboxtest.Start(t)
	x, _, err := s.CodePipeline.CreatePipeline(wire.Scope{}, "checkout-release", options).Start(codepipeline.ExecutionOptions{}, sandboxtest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	stage, _, err := x.StartStage("Build", sandboxtest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	source := codepipeline.ActionOptions{Type: codepipeline.ActionType{Category: "Source", Provider: "ECR"}, Outputs: []string{"EcrImage"}}
	if _, _, err := stage.StartAction("Source", source, sandboxtest.Epoch); err != nil {
		t.Fatal(err)
	}
	action, _, err := stage.StartAction("Pin", codepipeline.ActionOptions{
		Type: codepipeline.ActionType{Category: "Invoke", Provider: "Lambda"}, Inputs: []string{"EcrImage"}, Outputs: []string{"One", "Two"},
		Configuration: map[string]string{"FunctionName": "f"},
	}, sandboxtest.Epoch)
	if err != nil {
		t.Fatal(err)
	}
	known, err := awspipeline.NewJobs(s.Config()).Job(t.Context(), action.Job().ID())
	if err != nil {
		t.Fatal(err)
	}
	return &world{s, known.Store}
}

func (w *world) put(t *testing.T, zipped []byte) {
	t.Helper()
	in := w.of.Inputs[0]
	if err := w.S3.Put(in.Bucket, in.Object, s3.Object{Data: zipped}); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsReadWithTheJobsCredentials(t *testing.T) {
	w := start(t, codepipeline.PipelineOptions{Key: kmsKey})
	w.put(t, archive(t, entry{name: detail, content: "{}"}))
	store := New(w.Config(), w.of)
	if content, ok, err := store.File(t.Context(), w.of.Inputs[0], detail); err != nil || !ok || string(content) != "{}" {
		t.Errorf("%s, %v, error %v", content, ok, err)
	}
	if _, ok, err := store.File(t.Context(), w.of.Inputs[0], "other"); err != nil || ok {
		t.Errorf("%v, error %v", ok, err)
	}
}

func TestArtifactIsWrittenAsItsBucketDemands(t *testing.T) {
	for _, key := range []string{"", kmsKey} {
		w := start(t, codepipeline.PipelineOptions{Key: key})
		store := New(w.Config(), w.of)
		for _, out := range w.of.Outputs {
			if err := store.Put(t.Context(), out, detail, []byte("{}")); err != nil {
				t.Fatal(err)
			}
			object, ok := w.S3.Get(out.Bucket, out.Object)
			if content, in, err := unpack(object.Data, detail); !ok || !in || err != nil || string(content) != "{}" || object.Encryption != "aws:kms" || object.KMSKey != key {
				t.Errorf("%s: %q, %s, encrypted by %s %s, error %v", out.Name, content, object.ContentType, object.Encryption, object.KMSKey, err)
			}
		}
	}
}

// A job that is run again finds what it wrote before, and leaves it: a deploy action may
// have read it.
func TestArtifactIsWrittenOnce(t *testing.T) {
	for _, readable := range []bool{true, false} { // AWS's pages leave it open
		w := start(t, codepipeline.PipelineOptions{})
		k, out := w.of.Credentials.Reveal(), w.of.Outputs[0]
		grant := s3.Grant{AccessKeyID: k.AccessKeyID, SessionToken: k.SessionToken, Bucket: out.Bucket, Write: []string{out.Object}}
		if readable {
			grant.Read = grant.Write
		}
		w.S3.Grant(grant)
		store := New(w.Config(), w.of)
		for content, want := range map[string]map[bool]string{
			"first": {true: "", false: `comparing what is there: reading artifact "One": `},
			"other": {true: `artifact "One": an earlier run of this job wrote another one, which stays`, false: `comparing what is there: reading artifact "One": `},
		} {
			if _, there := w.S3.Get(out.Bucket, out.Object); !there {
				if err := store.Put(t.Context(), out, detail, []byte("first")); err != nil {
					t.Fatal(err)
				}
			}
			err := store.Put(t.Context(), out, detail, []byte(content))
			if (err == nil) != (want[readable] == "") || err != nil && !strings.Contains(err.Error(), want[readable]) {
				t.Errorf("readable %t: %s: error %v", readable, content, err)
			}
			object, _ := w.S3.Get(out.Bucket, out.Object)
			if kept, _, err := unpack(object.Data, detail); string(kept) != "first" {
				t.Errorf("readable %t: %s: the artifact holds %q, error %v", readable, content, kept, err)
			}
		}
	}
}

func TestWhatAWSRefusesNamesTheArtifact(t *testing.T) {
	w := start(t, codepipeline.PipelineOptions{})
	store := New(w.Config(), w.of)
	for want, do := range map[string]func() error{
		"NoSuchKey":    func() error { _, _, err := store.File(t.Context(), w.of.Inputs[0], detail); return err },
		"AccessDenied": func() error { return store.Put(t.Context(), w.of.Inputs[0], detail, nil) },
	} {
		if err := do(); sandboxtest.Code(err) != want || !strings.Contains(err.Error(), `artifact "EcrImage"`) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestBadArtifactsAreTheActionsMatter(t *testing.T) {
	w := start(t, codepipeline.PipelineOptions{})
	store := New(w.Config(), w.of)
	noise := make([]byte, maxZip+1)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for want, zipped := range map[string][]byte{
		`artifact "EcrImage" has more than 4194304 bytes`: noise,
		`artifact "EcrImage": no legal zip`:               bytes.Repeat([]byte("PK"), 100),
		`artifact "EcrImage": entry "../x"`:               archive(t, entry{name: "../x"}),
	} {
		w.put(t, zipped)
		_, _, err := store.File(t.Context(), w.of.Inputs[0], detail)
		failure, ok := errors.AsType[*job.Error](err)
		if !ok || failure.Type != tagalong.ConfigurationError || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
