package reactor

import (
	"cmp"

	"github.com/hashicorp/go-multierror"
)

// joined gathers what went wrong with several containers and tags of one event. One
// problem alone stays as it is.
func joined(one, other error) error {
	if one == nil || other == nil {
		return cmp.Or(one, other)
	}
	return multierror.Append(one, other)
}
