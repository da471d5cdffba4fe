package exchange

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
)

// Cause tells what failed: the operations of AWS and the kind of error. An error's
// own text may quote the keys, names and tags that were looked for.
func Cause(err error) string {
	return strings.Join(append(operations(err), kinds(err)...), ": ")
}

// operations returns the one that failed, and what it needed: its credentials, say.
func operations(err error) (names []string) {
	call, ok := errors.AsType[*smithy.OperationError](err)
	for ; ok; call, ok = errors.AsType[*smithy.OperationError](call.Err) {
		names = append(names, call.ServiceID+" "+call.OperationName)
	}
	return names
}

func kinds(err error) (texts []string) {
	for _, plain := range []error{ledger.ErrNoTable, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, plain) {
			texts = append(texts, plain.Error())
		}
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		texts = append(texts, answer.ErrorCode())
	}
	if network, ok := errors.AsType[syscall.Errno](err); ok {
		texts = append(texts, network.Error())
	}
	if len(texts) == 0 {
		texts = append(texts, fmt.Sprintf("%T", root(err)))
	}
	return texts
}

// root is the error that others wrap, the first of them if they are several.
func root(err error) error {
	for {
		var within []error
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			within = []error{e.Unwrap()}
		case interface{ Unwrap() []error }:
			within = e.Unwrap()
		}
		if len(within) == 0 || within[0] == nil {
			return err
		}
		err = within[0]
	}
}
