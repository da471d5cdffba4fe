// Package artifact reads and writes the artifacts of a pipeline's action: zips in
// S3, reached with the credentials of the job,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/welcome-introducing-artifacts.html.
package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// maxZip bounds what is fetched. What the ECR source action makes has less than a
// thousand bytes; the artifact of a source or a build may have gigabytes.
const maxZip = 4 << 20

// Store is S3, as far as one job's credentials reach.
type Store struct {
	client *s3.Client
	key    string
}

// New takes the function's own configuration, for all but the credentials.
func New(cfg aws.Config, of tagalong.ArtifactStore) *Store {
	k := of.Credentials.Reveal()
	cfg = cfg.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // a host of its own for each bucket is AWS's
	})
	return &Store{client, of.Key}
}

// File returns a file of an artifact, whole; ok is false if the artifact has no such
// file. An artifact that is too large, or that no honest action makes, is an
// *job.Error.
func (s *Store) File(ctx context.Context, a tagalong.Artifact, name string) (content []byte, ok bool, err error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &a.Bucket, Key: &a.Object})
	if err != nil {
		return nil, false, fmt.Errorf("reading artifact %q: %w", a.Name, err)
	}
	defer out.Body.Close()
	zipped, err := io.ReadAll(io.LimitReader(out.Body, maxZip+1))
	if err != nil {
		return nil, false, fmt.Errorf("reading artifact %q: %w", a.Name, err)
	}
	if len(zipped) > maxZip {
		return nil, false, job.Misconfigured("artifact %q has more than %d bytes: want the output artifact of an ECR source action as the only input", a.Name, maxZip)
	}
	if content, ok, err = unpack(zipped, name); err != nil {
		return nil, false, job.Misconfigured("artifact %q: %v: want the output artifact of an ECR source action", a.Name, err)
	}
	return content, ok, nil
}

// Put writes an artifact that holds one file, once: what a job has written stays,
// since who comes after it may have read it. Its encryption is by KMS, as the policy of
// a pipeline's bucket demands: by the artifact store's key, or by S3's own where the job
// names none.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func (s *Store) Put(ctx context.Context, a tagalong.Artifact, name string, content []byte) error {
	zipped, err := pack(name, content)
	if err != nil {
		return fmt.Errorf("zipping %s: %w", name, err)
	}
	in := &s3.PutObjectInput{
		Bucket:               &a.Bucket,
		Key:                  &a.Object,
		Body:                 bytes.NewReader(zipped),
		ContentType:          aws.String("application/zip"),
		ServerSideEncryption: types.ServerSideEncryptionAwsKms,
		IfNoneMatch:          aws.String("*"),
	}
	if s.key != "" {
		in.SSEKMSKeyId = &s.key
	}
	_, err = s.client.PutObject(ctx, in)
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "PreconditionFailed" {
		return s.same(ctx, a, name, content)
	}
	if err != nil {
		return fmt.Errorf("writing artifact %q: %w", a.Name, err)
	}
	return nil
}

// same returns nil if an artifact that is there already holds what was to be written:
// then an earlier run of the job wrote it, or an attempt whose reply was lost.
func (s *Store) same(ctx context.Context, a tagalong.Artifact, name string, content []byte) error {
	there, ok, err := s.File(ctx, a, name)
	switch {
	case err != nil:
		return fmt.Errorf("comparing what is there: %w", err)
	case !ok || !bytes.Equal(there, content):
		return job.Failed("artifact %q: an earlier run of this job wrote another one, which stays: release the change again", a.Name)
	}
	return nil
}
