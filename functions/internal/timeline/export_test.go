package timeline

import (
	"errors"
)

// Forgotten reports whether an end may belong to a rollout that was cut off.
func Forgotten(err error) bool { return errors.Is(err, ErrForgotten) }
