package codedeploy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aws/smithy-go"

	"github.com/tagalong-aws/tagalong/functions/internal/pipeline"
)

// absences are the error codes that say that there is no such deployment or
// group: a name or id that is none names nothing, too.
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/CommonErrors.html
var absences = []string{
	"ApplicationDoesNotExistException", "ApplicationNameRequiredException", "InvalidApplicationNameException",
	"DeploymentDoesNotExistException", "DeploymentIdRequiredException", "InvalidDeploymentIdException",
	"DeploymentGroupDoesNotExistException", "DeploymentGroupNameRequiredException", "InvalidDeploymentGroupNameException",
}

// translate returns an error of the SDK the core's word beside its own, which
// names the operation.
func translate(what string, err error) error {
	if slices.Contains(absences, code(err)) {
		return fmt.Errorf("%s: %w: %w", what, pipeline.ErrNoCodeDeployDeployment, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// code returns the code of an AWS error, "" of another one and of nil.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func absent(what string) error { return fmt.Errorf("%s: %w", what, pipeline.ErrNoCodeDeployDeployment) }
