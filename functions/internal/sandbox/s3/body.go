package s3

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"strings"
)

// maxBody bounds an object.
const maxBody = 64 << 20

// algorithms are the checksums that a header may have,
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html.
var algorithms = map[string]func() hash.Hash{
	"Content-Md5":              md5.New,
	"X-Amz-Checksum-Crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"X-Amz-Checksum-Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"X-Amz-Checksum-Crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) },
	"X-Amz-Checksum-Sha1":      sha1.New,
	"X-Amz-Checksum-Sha256":    sha256.New,
}

// checksum is one that came with an object; the zero value is none.
type checksum struct{ header, value string }

// show puts the checksum into a reply. Content-MD5 is none that S3 keeps.
func (c checksum) show(header http.Header) {
	if c.header != "" && c.header != "Content-Md5" {
		header.Set(c.header, c.value)
	}
}

// readBody reads an object and verifies what came with it: the hash of the body
// and a checksum in a header.
func readBody(w http.ResponseWriter, r *http.Request) (data []byte, sum checksum, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, sum, errTooLarge
	} else if err != nil {
		return nil, sum, errIncomplete
	}
	switch hashed := r.Header.Get("X-Amz-Content-Sha256"); {
	case hashed == "":
		return nil, sum, errHashMissing
	case strings.HasPrefix(hashed, "STREAMING-"):
		return nil, sum, unknown("a body in chunks")
	case hashed != "UNSIGNED-PAYLOAD" && hashed != hexSHA256(body):
		return nil, sum, errHash
	}
	sum, err = verify(body, r.Header)
	return body, sum, err
}

func hexSHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// verify compares the checksums that were sent.
func verify(data []byte, sent http.Header) (sum checksum, err error) {
	for header, algorithm := range algorithms {
		value := sent.Get(header)
		if value == "" {
			continue
		}
		h := algorithm()
		_, _ = h.Write(data) // never fails
		if base64.StdEncoding.EncodeToString(h.Sum(nil)) != value {
			name := strings.ToUpper(header[strings.LastIndex(header, "-")+1:])
			return sum, fault(http.StatusBadRequest, "BadDigest", "The "+name+" you specified did not match the calculated checksum.")
		}
		sum = checksum{header, value}
	}
	return sum, nil
}
