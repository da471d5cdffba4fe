package s3

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxBody bounds an object.
const maxBody = 64 << 20

// algorithms are the checksums that a header or a trailer may have,
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
// and a checksum, in a header or after the last chunk.
func readBody(w http.ResponseWriter, r *http.Request) (data []byte, sum checksum, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, sum, errTooLarge
	} else if err != nil {
		return nil, sum, errIncomplete
	}
	sent := r.Header
	switch hashed := r.Header.Get("X-Amz-Content-Sha256"); {
	case hashed == "":
		return nil, sum, errHashMissing
	case strings.HasPrefix(hashed, "STREAMING-"):
		if body, sent, err = readChunks(body, r.Header); err != nil {
			return nil, sum, err
		}
	case hashed != "UNSIGNED-PAYLOAD" && hashed != hexSHA256(body):
		return nil, sum, errHash
	}
	sum, err = verify(body, sent)
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

// readChunks decodes a body in the encoding aws-chunked, and gives the headers
// with the trailers that follow the last chunk. Signatures of chunks are not
// verified, as none is,
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html.
func readChunks(body []byte, header http.Header) (data []byte, sent http.Header, err error) {
	rest := body
	for {
		line, after, ok := bytes.Cut(rest, []byte("\r\n"))
		if !ok {
			return nil, nil, errIncomplete
		}
		length, _, _ := strings.Cut(string(line), ";")
		n, err := strconv.ParseUint(length, 16, 31)
		if err != nil {
			return nil, nil, fault(http.StatusBadRequest, "InvalidRequest", fmt.Sprintf("chunk length %q: want a hexadecimal number", length))
		}
		if n == 0 {
			rest = after
			break
		}
		if uint64(len(after)) < n+2 || string(after[n:n+2]) != "\r\n" {
			return nil, nil, errIncomplete
		}
		data, rest = append(data, after[:n]...), after[n+2:]
	}
	if want := header.Get("X-Amz-Decoded-Content-Length"); want != strconv.Itoa(len(data)) {
		return nil, nil, errIncomplete
	}
	sent, err = readTrailers(rest, header)
	return data, sent, err
}

// readTrailers reads those that a header announces.
func readTrailers(rest []byte, header http.Header) (http.Header, error) {
	sent := header.Clone()
	for line := range bytes.Lines(rest) {
		if name, value, ok := strings.Cut(strings.TrimSpace(string(line)), ":"); ok {
			sent.Set(name, strings.TrimSpace(value))
		}
	}
	announced := header.Get("X-Amz-Trailer")
	if announced != "" && sent.Get(announced) == "" {
		return nil, errIncomplete
	}
	return sent, nil
}
