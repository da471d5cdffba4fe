package codepipeline

import (
	"github.com/tagalong-aws/tagalong/functions/internal/clients"
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
	return clients.Translate(what, err, func(code string) error { return kinds[code] })
}
