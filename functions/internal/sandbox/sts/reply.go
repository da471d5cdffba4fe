package sts

import (
	"encoding/xml"
	"errors"
	"net/http"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// callerIdentity is the reply of
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html.
type callerIdentity struct {
	XMLName   xml.Name `xml:"GetCallerIdentityResponse"`
	Xmlns     string   `xml:"xmlns,attr"`
	Arn       string   `xml:"GetCallerIdentityResult>Arn"`
	UserID    string   `xml:"GetCallerIdentityResult>UserId"`
	Account   string   `xml:"GetCallerIdentityResult>Account"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

// assumeRole is the reply of
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html.
type assumeRole struct {
	XMLName     xml.Name    `xml:"AssumeRoleResponse"`
	Xmlns       string      `xml:"xmlns,attr"`
	Credentials credentials `xml:"AssumeRoleResult>Credentials"`
	ID          string      `xml:"AssumeRoleResult>AssumedRoleUser>AssumedRoleId"`
	Arn         string      `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	RequestID   string      `xml:"ResponseMetadata>RequestId"`
}

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string `xml:"SecretAccessKey"`
	SessionToken    string `xml:"SessionToken"`
	Expiration      string `xml:"Expiration"`
}

type errorReply struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Xmlns     string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

func writeError(w http.ResponseWriter, err error) {
	e, ok := errors.AsType[*wire.Error](err)
	if !ok {
		e = &wire.Error{Code: "InternalFailure", Message: err.Error(), Status: http.StatusInternalServerError}
	}
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	writeXML(w, status, errorReply{
		Xmlns: namespace, Type: "Sender", Code: e.Code, Message: e.Message, RequestID: requestID(e.Message),
	})
}
