package s3

import (
	"encoding/xml"
	"errors"
	"net/http"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// fault makes an error of S3,
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
func fault(status int, code, message string) error {
	return &wire.Error{Code: code, Message: message, Status: status}
}

var (
	errDenied      = fault(http.StatusForbidden, "AccessDenied", "Access Denied")
	errNoBucket    = fault(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	errNoKey       = fault(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	errThere       = fault(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	errSlowDown    = fault(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	errTooLarge    = fault(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
	errIncomplete  = fault(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")
	errHashMissing = fault(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	errHash        = fault(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
)

// unknown refuses what the sandbox does not know.
func unknown(what string) error {
	return fault(http.StatusNotImplemented, "NotImplemented", what+" is not known to the sandbox")
}

// spelled gives an error that other services share the way S3 spells it.
func spelled(err error) error {
	e, ok := errors.AsType[*wire.Error](err)
	switch {
	case !ok:
		return fault(http.StatusInternalServerError, "InternalError", err.Error())
	case e.Code == "AccessDeniedException":
		return fault(http.StatusForbidden, "AccessDenied", e.Message)
	case e.Code == "ThrottlingException":
		return errSlowDown
	}
	return e
}

type errorReply struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	Resource  string   `xml:"Resource"`
	RequestID string   `xml:"RequestId"`
}

// WriteError sends an error reply.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	e, _ := errors.AsType[*wire.Error](spelled(err))
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	reply := errorReply{Code: e.Code, Message: e.Message, Resource: r.URL.Path, RequestID: wire.Hex(16, "s3", r.Method, r.URL.Path, e.Code)}
	body, err := xml.Marshal(reply)
	if err != nil { // only a bug can bring this about: the reply is our own struct
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), body...))
}
