package timeline

import (
	"errors"
)

// Forgotten tells whether an end may belong to a rollout that was cut off.
func Forgotten(err error) bool { return errors.Is(err, ErrForgotten) }
