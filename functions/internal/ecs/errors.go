package ecs

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// kinds are the error codes of ECS that the core has words for, in any operation,
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html.
var kinds = map[string]error{
	"AccessDeniedException":     tagalong.ErrDenied,
	"ServiceNotFoundException":  tagalong.ErrNotFound,
	"ServiceNotActiveException": tagalong.ErrNotFound,
	"ClusterNotFoundException":  tagalong.ErrNotFound,
}

// translate returns an error of the SDK the core's word beside its own, which
// names the operation. also are further codes that mean absence there.
func translate(what string, err error, also ...string) error {
	return clients.Translate(what, err, func(code string) error {
		if slices.Contains(also, code) {
			return tagalong.ErrNotFound
		}
		return kinds[code]
	})
}

// missing says what ECS did not find, in its own words.
func missing(what string, failures []types.Failure) error {
	if len(failures) == 0 {
		return fmt.Errorf("%s: %w", what, tagalong.ErrNotFound)
	}
	return fmt.Errorf("%s: %s: %w", what, aws.ToString(failures[0].Reason), tagalong.ErrNotFound)
}
