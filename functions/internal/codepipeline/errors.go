package codepipeline

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
)

// kinds are the error codes of CodePipeline that the core has words for, in any
// operation.
var kinds = map[string]error{
	"PipelineNotFoundException":          pipeline.ErrNoExecution,
	"PipelineExecutionNotFoundException": pipeline.ErrNoExecution,
}

// translate returns an error of the SDK the core's word beside its own, which
// names the operation.
func translate(what string, err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok && kinds[api.ErrorCode()] != nil {
		return fmt.Errorf("%s: %w: %w", what, kinds[api.ErrorCode()], err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
