package s3

import (
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Serve answers one HTTP request of a caller.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, caller wire.Caller) {
	if err := s.serve(w, r, caller); err != nil {
		WriteError(w, r, err)
	}
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request, caller wire.Caller) error {
	asked, err := parse(r, caller)
	if err != nil {
		return err
	}
	if err := s.Check("s3", asked.operation, caller); err != nil {
		return err
	}
	if asked.operation == "PutObject" {
		return s.putObject(w, asked)
	}
	return s.getObject(w, asked)
}

// find gives the bucket that a request may use for what it asks.
func (s *Service) find(asked request) (*bucket, error) {
	b, ok := s.buckets[asked.bucket]
	if !ok {
		return nil, errNoBucket
	}
	if owner := asked.Header.Get("X-Amz-Expected-Bucket-Owner"); owner != "" && owner != b.account {
		return nil, errDenied
	}
	if b.artifacts && !s.granted(asked) {
		return nil, errDenied
	}
	if asked.operation == "PutObject" && !b.takes(asked.Header) {
		return nil, errDenied
	}
	return b, nil
}

// granted tells whether a job's credentials are for what a request asks.
func (s *Service) granted(asked request) bool {
	grant, ok := s.grants[asked.credential.AccessKeyID]
	if !ok || grant.SessionToken != asked.credential.SessionToken || grant.Bucket != asked.bucket {
		return false
	}
	keys := grant.Read
	if asked.operation == "PutObject" {
		keys = grant.Write
	}
	return slices.Contains(keys, asked.key)
}

const (
	encryption = "X-Amz-Server-Side-Encryption"
	kmsKey     = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
)

// takes tells whether a bucket's policy lets an object be put that is encrypted
// like this.
func (b *bucket) takes(header http.Header) bool {
	if !b.artifacts {
		return true
	}
	return header.Get(encryption) == "aws:kms" && (b.key == "" || header.Get(kmsKey) == b.key)
}

// putObject is
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html.
func (s *Service) putObject(w http.ResponseWriter, asked request) error {
	data, sum, err := readBody(w, asked.Request)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.find(asked)
	if err != nil {
		return err
	}
	if _, there := b.objects[asked.key]; there && asked.Header.Get("If-None-Match") != "" {
		return errThere
	}
	object := Object{
		Data: data, ContentType: asked.Header.Get("Content-Type"),
		Encryption: asked.Header.Get(encryption), KMSKey: asked.Header.Get(kmsKey),
		modified: s.options.Now(), checksum: sum,
	}
	b.objects[asked.key] = object
	object.describe(w.Header())
	object.checksum.show(w.Header())
	w.WriteHeader(http.StatusOK)
	return nil
}

// getObject is
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, and
// HeadObject, whose reply net/http leaves without a body.
func (s *Service) getObject(w http.ResponseWriter, asked request) error {
	s.mu.Lock()
	b, err := s.find(asked)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	object, ok := b.objects[asked.key]
	s.mu.Unlock()
	if !ok {
		return errNoKey
	}
	object.describe(w.Header())
	if asked.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		object.checksum.show(w.Header())
	}
	w.Header().Set("Content-Type", object.contentType())
	w.Header().Set("Content-Length", strconv.Itoa(len(object.Data)))
	w.Header().Set("Last-Modified", object.modified.UTC().Format(http.TimeFormat))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(object.Data)
	return nil
}

// describe says what the replies to all operations say of an object.
func (o Object) describe(header http.Header) {
	sum := md5.Sum(o.Data)
	header.Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	if o.Encryption != "" {
		header.Set(encryption, o.Encryption)
	}
	if o.KMSKey != "" {
		header.Set(kmsKey, o.KMSKey)
	}
}

func (o Object) contentType() string {
	if o.ContentType == "" {
		return "binary/octet-stream"
	}
	return o.ContentType
}
