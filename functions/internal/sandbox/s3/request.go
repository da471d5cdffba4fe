package s3

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// request is what a caller asks of an object.
type request struct {
	*http.Request
	caller     wire.Caller
	credential wire.Credential
	operation  string
	bucket     string
	key        string
}

var operations = map[string]string{
	http.MethodGet: "GetObject", http.MethodHead: "HeadObject", http.MethodPut: "PutObject",
}

// Operation names what a request asks for, by its method if that is nothing that
// the sandbox knows.
func Operation(r *http.Request) string {
	if _, key := target(r); key != "" && operations[r.Method] != "" {
		return operations[r.Method]
	}
	return r.Method
}

// target gives the bucket and the key that a request names: in its path, or the
// bucket in its host name, before .s3. or .localhost,
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html.
func target(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if bucket, _, ok := strings.Cut(host, ".s3."); ok {
		return bucket, path
	}
	if bucket, ok := strings.CutSuffix(host, ".localhost"); ok {
		return bucket, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

func parse(r *http.Request, caller wire.Caller) (request, error) {
	credential, err := wire.ParseCredential(r)
	if err != nil {
		return request{}, err
	}
	if err := checkMembers(r); err != nil {
		return request{}, err
	}
	asked := request{Request: r, caller: caller, credential: credential, operation: Operation(r)}
	asked.bucket, asked.key = target(r)
	if asked.operation == r.Method {
		return request{}, unknown(r.Method + " " + r.URL.Path)
	}
	return asked, nil
}

// headers are those of S3's own that the sandbox knows.
var headers = []string{
	"X-Amz-Checksum-Mode", "X-Amz-Content-Sha256", "X-Amz-Date",
	"X-Amz-Expected-Bucket-Owner", "X-Amz-Sdk-Checksum-Algorithm", "X-Amz-Security-Token",
	"X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-User-Agent",
}

// unserved are standard headers that ask for more than the sandbox can do.
var unserved = []string{
	"Range", "If-Match", "If-Modified-Since", "If-Unmodified-Since",
}

// checkMembers refuses parameters and headers that would be left undone.
func checkMembers(r *http.Request) error {
	for name := range r.URL.Query() {
		if name != "x-id" {
			return unknown("parameter " + name)
		}
	}
	if none := r.Header.Get("If-None-Match"); none != "" && (none != "*" || r.Method != http.MethodPut) {
		return unknown("header If-None-Match: " + none)
	}
	for name := range r.Header {
		own := strings.HasPrefix(name, "X-Amz-") && !slices.Contains(headers, name) && algorithms[name] == nil
		if own || slices.Contains(unserved, name) {
			return unknown("header " + name)
		}
	}
	return nil
}
