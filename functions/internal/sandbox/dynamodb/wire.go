package dynamodb

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const (
	targetPrefix = "DynamoDB_20120810."
	contentType  = "application/x-amz-json-1.0"
	maxBody      = 16*1024*1024 + 64*1024 // 16 MB of BatchWriteItem and its frame
)

// operation answers the body of a request.
type operation func(*scope, []byte) (any, error)

var operations = map[string]operation{
	"BatchGetItem":              decoding((*scope).batchGetItem),
	"BatchWriteItem":            decoding((*scope).batchWriteItem),
	"CreateTable":               decoding((*scope).createTable),
	"DeleteItem":                decoding((*scope).deleteItem),
	"DeleteTable":               decoding((*scope).deleteTable),
	"DescribeContinuousBackups": decoding((*scope).describeContinuousBackups),
	"DescribeTable":             decoding((*scope).describeTable),
	"DescribeTimeToLive":        decoding((*scope).describeTimeToLive),
	"GetItem":                   decoding((*scope).getItem),
	"ListTables":                decoding((*scope).listTables),
	"ListTagsOfResource":        decoding((*scope).listTagsOfResource),
	"PutItem":                   decoding((*scope).putItem),
	"Query":                     decoding((*scope).query),
	"Scan":                      decoding((*scope).scan),
	"TagResource":               decoding((*scope).tagResource),
	"TransactGetItems":          decoding((*scope).transactGetItems),
	"TransactWriteItems":        decoding((*scope).transactWriteItems),
	"UntagResource":             decoding((*scope).untagResource),
	"UpdateContinuousBackups":   decoding((*scope).updateContinuousBackups),
	"UpdateItem":                decoding((*scope).updateItem),
	"UpdateTable":               decoding((*scope).updateTable),
	"UpdateTimeToLive":          decoding((*scope).updateTimeToLive),
}

// decoding makes an operation of a function on a decoded request.
func decoding[In, Out any](f func(*scope, *In) (Out, error)) operation {
	return func(s *scope, body []byte) (any, error) {
		in := new(In)
		if err := decodeRequest(body, in); err != nil {
			return nil, err
		}
		return f(s, in)
	}
}

// ServeHTTP answers one request of the awsJson 1.0 protocol.
func (db *DB) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	result, err := db.answer(w, r)
	if err != nil {
		var problem *apiError
		if !errors.As(err, &problem) {
			problem = errorf(codeSerialization, "%v", err)
		}
		problem.write(w)
		return
	}
	data, err := json.Marshal(result)
	if err != nil {
		http.Error(w, fmt.Sprintf("encoding the answer: %v", err), http.StatusInternalServerError)
		return
	}
	send(w, http.StatusOK, data)
}

func (db *DB) answer(w http.ResponseWriter, r *http.Request) (any, error) {
	target := r.Header.Get("X-Amz-Target")
	name, ok := strings.CutPrefix(target, targetPrefix)
	op, known := operations[name]
	if !ok || !known || r.Method != http.MethodPost {
		return nil, errorf(codeUnknownOperation, "Unknown operation: %s %q", r.Method, target)
	}
	if got := r.Header.Get("Content-Type"); got != contentType {
		return nil, errorf(codeSerialization, "Content-Type is %q, not %s", got, contentType)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, errorf(codeSerialization, "Body of the request: %v", err)
	}
	return op(db.scopeOf(r), body)
}

func send(w http.ResponseWriter, status int, data []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(data)), 10))
	w.WriteHeader(status)
	_, _ = w.Write(data) // the caller is gone if this does not work
}
