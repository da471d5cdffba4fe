package s3_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/codepipeline"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/s3"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

func TestAJobReadsItsInput(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	if got, err := w.get(w.in.Bucket, w.in.Key); err != nil || got != "an image's detail" {
		t.Errorf("got %q, error %v", got, err)
	}
	head, err := w.client.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: &w.in.Bucket, Key: &w.in.Key})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToInt64(head.ContentLength) != 17 || aws.ToString(head.ContentType) != "application/zip" || !aws.ToTime(head.LastModified).Equal(sandboxtest.Epoch) {
		t.Errorf("head %+v", head)
	}
}

func TestAJobWritesItsOutput(t *testing.T) {
	for _, test := range []struct{ name, store, given string }{
		{"any key", "", ""},
		{"a key of its own", "", kmsKey},
		{"the store's key", kmsKey, kmsKey},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, codepipeline.PipelineOptions{Key: test.store})
			if err := w.put(w.out.Bucket, w.out.Key, "a zip", test.given); err != nil {
				t.Fatal(err)
			}
			got, _ := w.S3.Get(w.out.Bucket, w.out.Key)
			want := s3.Object{Data: []byte("a zip"), ContentType: "application/octet-stream", Encryption: "aws:kms", KMSKey: test.given}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(s3.Object{})); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnObjectMayBePutOnlyWhereThereIsNone(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	w.S3.CreateBucket("111122223333", "elsewhere")
	put := func(data string) error {
		_, err := w.client.PutObject(t.Context(), &awss3.PutObjectInput{
			Bucket: aws.String("elsewhere"), Key: aws.String("key"), Body: bytes.NewReader([]byte(data)), IfNoneMatch: aws.String("*"),
		})
		return err
	}
	if err := put("first"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, put("second"), "PreconditionFailed", "pre-conditions")
	if object, _ := w.S3.Get("elsewhere", "key"); string(object.Data) != "first" {
		t.Errorf("object %q", object.Data)
	}
}

func TestAnArtifactStoreLetsInNobodyElse(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{Key: kmsKey})
	otherIn, otherOut, other := w.invoke()
	job := w.client
	forged := other.Credentials()
	forged.SessionToken = "forged"
	w.S3.CreateBucket("111122223333", "elsewhere")
	for _, test := range []struct {
		name   string
		client *awss3.Client
		do     func() error
		want   string
	}{
		{"our own credentials read", client(w.Config()), func() error { _, err := w.get(w.in.Bucket, w.in.Key); return err }, "AccessDenied"},
		{"our own credentials write", client(w.Config()), func() error { return w.put(w.out.Bucket, w.out.Key, "x", kmsKey) }, "AccessDenied"},
		{"a forged token", client(w.With(forged)), func() error { _, err := w.get(otherIn.Bucket, otherIn.Key); return err }, "AccessDenied"},
		{"another job's input", job, func() error { _, err := w.get(otherIn.Bucket, otherIn.Key); return err }, "AccessDenied"},
		{"another job's output", job, func() error { return w.put(otherOut.Bucket, otherOut.Key, "x", kmsKey) }, "AccessDenied"},
		{"its output is not to be read", job, func() error { _, err := w.get(w.out.Bucket, w.out.Key); return err }, "AccessDenied"},
		{"its input is not to be written", job, func() error { return w.put(w.in.Bucket, w.in.Key, "x", kmsKey) }, "AccessDenied"},
		{"not the store's key", job, func() error { return w.put(w.out.Bucket, w.out.Key, "x", "another") }, "AccessDenied"},
		{"no key", job, func() error { return w.put(w.out.Bucket, w.out.Key, "x", "") }, "AccessDenied"},
		{"no encryption", job, func() error {
			_, err := w.client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &w.out.Bucket, Key: &w.out.Key, Body: bytes.NewReader(nil)})
			return err
		}, "AccessDenied"},
		{"another owner's bucket", job, func() error {
			_, err := w.client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &w.in.Bucket, Key: &w.in.Key, ExpectedBucketOwner: aws.String("444455556666")})
			return err
		}, "AccessDenied"},
		{"no bucket", job, func() error { _, err := w.get("nowhere", w.in.Key); return err }, "NoSuchBucket"},
		{"no object", job, func() error { _, err := w.get("elsewhere", w.in.Key); return err }, "NoSuchKey"},
		{"its input while it is not there", client(w.With(other.Credentials())), func() error { _, err := w.get(otherIn.Bucket, otherIn.Key); return err }, "NoSuchKey"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.client = test.client
			wantCode(t, test.do(), test.want, "")
		})
	}
	if _, ok := w.S3.Get(w.out.Bucket, w.out.Key); ok {
		t.Error("what was refused has been put")
	}
}

func TestCallsAreRecorded(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	_, errs := w.get(w.in.Bucket, w.in.Key)
	if errs != nil {
		t.Fatal(errs)
	}
	_, err := w.client.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: &w.in.Bucket, Key: aws.String("nothing")})
	wantCode(t, err, "Forbidden", "403")
	w.S3.Throttle("PutObject", 1)
	wantCode(t, w.put(w.out.Bucket, w.out.Key, "x", ""), "SlowDown", "reduce your request rate")
	w.S3.Deny("PutObject")
	wantCode(t, w.put(w.out.Bucket, w.out.Key, "x", ""), "AccessDenied", "s3:PutObject")
	_, err = w.client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: &w.in.Bucket, Key: &w.in.Key})
	wantCode(t, err, "NotImplemented", "not known to the sandbox")
	var got []string
	for _, c := range w.Calls() {
		got = append(got, c.Service+" "+c.Operation+" "+c.Account+" "+c.Region+" "+c.Err)
	}
	want := []string{
		"s3 GetObject 111122223333 us-east-1 ", "s3 HeadObject 111122223333 us-east-1 AccessDenied",
		"s3 PutObject 111122223333 us-east-1 SlowDown", "s3 PutObject 111122223333 us-east-1 AccessDenied",
		"s3 DELETE 111122223333 us-east-1 NotImplemented",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestAJobOfAnotherAccount has credentials that speak for its action's account.
func TestAJobOfAnotherAccount(t *testing.T) {
	w := newWorld(t, codepipeline.PipelineOptions{})
	x, event, err := w.pipe.Start(codepipeline.ExecutionOptions{}, sandboxtest.Epoch)
	w.run(event, err)
	st, event, err := x.StartStage("Promote", sandboxtest.Epoch)
	w.run(event, err)
	a, event, err := st.StartAction("Tag", codepipeline.ActionOptions{
		Type: codepipeline.ActionType{Category: "Invoke", Provider: "Lambda"}, Outputs: []string{"Promoted"}, RoleARN: "arn:aws:iam::444455556666:role/invoke",
	}, sandboxtest.Epoch.Add(time.Second))
	w.run(event, err)
	w.client = client(w.With(a.Job().Credentials()))
	out, _ := x.Artifact("Promoted")
	if err := w.put(out.Bucket, out.Key, "x", ""); err != nil {
		t.Fatal(err)
	}
	if calls := w.Calls(); calls[0].Account != "444455556666" {
		t.Errorf("calls %+v", calls)
	}
}
