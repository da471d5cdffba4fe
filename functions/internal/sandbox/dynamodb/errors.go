package dynamodb

import (
	"slices"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Error codes of the service.
const (
	codeValidation        = "ValidationException"
	codeConditionFailed   = "ConditionalCheckFailedException"
	codeTransactionFailed = "TransactionCanceledException"
	codeTokenMismatch     = "IdempotentParameterMismatchException"
	codeTableNotFound     = "ResourceNotFoundException"
	codeThroughput        = "ProvisionedThroughputExceededException"
	codeTableInUse        = "ResourceInUseException"
	codeSerialization     = "SerializationException"
)

func validationf(format string, args ...any) *wire.Error {
	return wire.Errorf(codeValidation, format, args...)
}

// invalidValue is the phrase that AWS puts before most refusals of a value.
func invalidValue(format string, args ...any) *wire.Error {
	return validationf("One or more parameter values were invalid: "+format, args...)
}

// required refuses an absent member.
func required(name string, present bool) error {
	if present {
		return nil
	}
	return validationf("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", name)
}

// oneOf refuses a value outside an enumeration; "" stands for an absent member.
func oneOf(name, got string, allowed ...string) error {
	if got == "" || slices.Contains(allowed, got) {
		return nil
	}
	return validationf("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: %v", got, name, allowed)
}

// firstError is the first of several checks that failed.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
