package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
)

// Error is an error reply of an AWS service.
type Error struct {
	Code    string // the shape's name, such as ImageNotFoundException
	Message string
	Status  int            // of HTTP; 0 means 400
	Members map[string]any // what the shape has beside its message
}

// Errorf makes an error reply with HTTP status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// asError makes any error one that the protocol can carry.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: "ServerException", Message: err.Error(), Status: http.StatusInternalServerError}
}

// WriteError sends an error reply of the JSON protocol.
func WriteError(w http.ResponseWriter, err error) {
	e := asError(err)
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	reply := map[string]any{"__type": e.Code, "message": e.Message}
	maps.Copy(reply, e.Members)
	write(w, status, reply)
}

func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only a bug can bring this about: replies are our own structs
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
