package s3_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/s3"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

// algorithms are the checksums of objects that the sandbox knows; "" is what the
// SDK sends by itself.
var algorithms = []types.ChecksumAlgorithm{
	types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme,
	types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256, "",
}

// TestChecksumsOfTheSDK puts an object with each checksum, and lets the SDK
// validate it when it gets the object. Without TLS the SDK sends it in a header.
func TestChecksumsOfTheSDK(t *testing.T) {
	s := sandboxtest.Start(t)
	s.S3.CreateBucket("111122223333", "open")
	config := s.Config()
	config.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
	config.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) { roundTrip(t, client(config), algorithm) })
	}
}

func roundTrip(t *testing.T, c *awss3.Client, algorithm types.ChecksumAlgorithm) {
	t.Helper()
	bucket, key := aws.String("open"), aws.String("a b/c+d%é")
	_, err := c.PutObject(t.Context(), &awss3.PutObjectInput{
		Bucket: bucket, Key: key, Body: strings.NewReader("hello"), ChecksumAlgorithm: algorithm,
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	if data, err := io.ReadAll(out.Body); err != nil || string(data) != "hello" {
		t.Errorf("got %q, error %v", data, err)
	}
	got := map[types.ChecksumAlgorithm]*string{
		types.ChecksumAlgorithmCrc32: out.ChecksumCRC32, types.ChecksumAlgorithmCrc32c: out.ChecksumCRC32C, types.ChecksumAlgorithmCrc64nvme: out.ChecksumCRC64NVME,
		types.ChecksumAlgorithmSha1: out.ChecksumSHA1, types.ChecksumAlgorithmSha256: out.ChecksumSHA256,
	}
	if got[cmp.Or(algorithm, types.ChecksumAlgorithmCrc32)] == nil {
		t.Errorf("the reply has another checksum: %+v", out)
	}
}

const (
	authorization = "AWS4-HMAC-SHA256 Credential=AKID/20260304/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00"
	helloSHA256   = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	unsigned      = "UNSIGNED-PAYLOAD"
)

// send sends a request as it is, and gives the reply's body.
func send(t *testing.T, method, url, host string, header map[string]string, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Authorization", authorization)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	data, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(data)
}

// TestBodies sends bodies in the forms that SDKs have for them.
func TestBodies(t *testing.T) {
	const crc32 = "NhCmhg==" // of hello
	sent := func(hash string, more ...string) map[string]string {
		header := map[string]string{"X-Amz-Content-Sha256": hash}
		for _, pair := range more {
			name, value, _ := strings.Cut(pair, "=")
			header[name] = value
		}
		return header
	}
	for _, test := range []struct {
		name   string
		header map[string]string
		body   string
		want   string // the error's code, "" if hello is kept
	}{
		{"hashed", sent(helloSHA256), "hello", ""},
		{"hashed wrongly", sent(helloSHA256), "hullo", "XAmzContentSHA256Mismatch"},
		{"no hash", nil, "hello", "InvalidRequest"},
		{"not hashed", sent(unsigned), "hello", ""},
		{"with a checksum", sent(unsigned, "X-Amz-Checksum-Crc32="+crc32), "hello", ""},
		{"with a wrong checksum", sent(unsigned, "X-Amz-Checksum-Crc32="+crc32), "hullo", "BadDigest"},
		{"with an MD5", sent(unsigned, "Content-MD5=XUFAKrxLKna5cZ2REBfFkg=="), "hello", ""},
		{"with a wrong MD5", sent(unsigned, "Content-MD5=XUFAKrxLKna5cZ2REBfFkg=="), "hullo", "BadDigest"},
		{"in chunks, which SDKs send over TLS alone", sent("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), "5\r\nhello\r\n0\r\n\r\n", "NotImplemented"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := sandboxtest.Start(t)
			s.S3.CreateBucket("111122223333", "open")
			status, reply := send(t, http.MethodPut, s.URL+"/open/key", "", test.header, test.body)
			object, kept := s.S3.Get("open", "key")
			if test.want == "" {
				if status != http.StatusOK || string(object.Data) != "hello" {
					t.Errorf("status %d, %s; kept %q", status, reply, object.Data)
				}
				return
			}
			if status < 400 || !strings.Contains(reply, "<Code>"+test.want+"</Code>") || kept {
				t.Errorf("status %d, %s, want %s; kept %t", status, reply, test.want, kept)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	s := sandboxtest.Start(t)
	s.S3.CreateBucket("111122223333", "open")
	for _, test := range []struct {
		name   string
		method string
		path   string
		header map[string]string
		want   string
	}{
		{"the list of buckets", http.MethodGet, "/", nil, "NotImplemented"},
		{"the list of objects", http.MethodGet, "/open", nil, "NotImplemented"},
		{"a new bucket", http.MethodPut, "/new", nil, "NotImplemented"},
		{"a part of an upload", http.MethodPut, "/open/key?partNumber=1", nil, "NotImplemented"},
		{"a copy", http.MethodPut, "/open/key", map[string]string{"X-Amz-Copy-Source": "/open/other"}, "NotImplemented"},
		{"metadata", http.MethodPut, "/open/key", map[string]string{"X-Amz-Meta-Colour": "red"}, "NotImplemented"},
		{"a range", http.MethodGet, "/open/key", map[string]string{"Range": "bytes=0-1"}, "NotImplemented"},
		{"a condition", http.MethodPut, "/open/key", map[string]string{"If-None-Match": `"x"`}, "NotImplemented"},
		{"a condition of a reading", http.MethodGet, "/open/key", map[string]string{"If-None-Match": "*"}, "NotImplemented"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, reply := send(t, test.method, s.URL+test.path, "", test.header, "")
			if status != http.StatusNotImplemented || !strings.Contains(reply, "<Code>"+test.want+"</Code>") {
				t.Errorf("status %d, %s, want %s", status, reply, test.want)
			}
		})
	}
}

func TestBucketsAreAddressedByPathOrHost(t *testing.T) {
	s := sandboxtest.Start(t)
	s.S3.CreateBucket("111122223333", "open")
	if err := s.S3.Put("open", "a/b", s3.Object{Data: []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	if err := s.S3.Put("nowhere", "a/b", s3.Object{}); err == nil {
		t.Error("an object was put into a bucket that is not there")
	}
	for _, test := range []struct{ host, path string }{
		{"", "/open/a/b"},
		{"localhost:4566", "/open/a/b"},
		{"open.localhost:4566", "/a/b"},
		{"open.s3.us-east-1.amazonaws.com", "/a/b"},
	} {
		t.Run(fmt.Sprint(test.host, test.path), func(t *testing.T) {
			status, reply := send(t, http.MethodGet, s.URL+test.path, test.host, nil, "")
			if status != http.StatusOK || reply != "hello" {
				t.Errorf("status %d, %s", status, reply)
			}
		})
	}
}
