package clients

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"
)

// Translate returns an error of the SDK with the core's word for it beside AWS's own; what names
// the operation. word returns that of an error code, nil if the core has none.
func Translate(what string, err error, word func(code string) error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if kind := word(api.ErrorCode()); kind != nil {
			return fmt.Errorf("%s: %w: %w", what, kind, err)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}
