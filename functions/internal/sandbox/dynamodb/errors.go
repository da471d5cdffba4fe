package dynamodb

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Error codes of the service.
const (
	codeValidation        = "ValidationException"
	codeConditionFailed   = "ConditionalCheckFailedException"
	codeTransactionFailed = "TransactionCanceledException"
	codeTokenMismatch     = "IdempotentParameterMismatchException"
	codeTableNotFound     = "ResourceNotFoundException"
	codeTableInUse        = "ResourceInUseException"
	codeBackupsNotFound   = "TableNotFoundException"
	codeSerialization     = "SerializationException"
	codeUnknownOperation  = "UnknownOperationException"
)

// apiError is an answer other than 200.
type apiError struct {
	code    string
	message string
	item    item     // of a failed condition, when asked for
	reasons []reason // of a cancelled transaction
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func errorf(code, format string, args ...any) *apiError {
	return &apiError{code: code, message: fmt.Sprintf(format, args...)}
}

func validationf(format string, args ...any) *apiError {
	return errorf(codeValidation, format, args...)
}

// invalidValue is the phrase that AWS puts before most refusals of a value.
func invalidValue(format string, args ...any) *apiError {
	return validationf("One or more parameter values were invalid: "+format, args...)
}

// namespace is where a code lives: the model's own errors and the framework's.
func (e *apiError) namespace() string {
	switch e.code {
	case codeValidation, codeSerialization, codeUnknownOperation:
		return "com.amazon.coral.service#"
	default:
		return "com.amazonaws.dynamodb.v20120810#"
	}
}

// write sends the error as the SDK expects it.
func (e *apiError) write(w http.ResponseWriter) {
	body := map[string]any{"__type": e.namespace() + e.code, "message": e.message}
	if e.item != nil {
		body["Item"] = e.item
	}
	if e.reasons != nil {
		delete(body, "message")
		body["Message"] = e.message
		body["CancellationReasons"] = e.reasons
	}
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, http.StatusBadRequest, data)
}
