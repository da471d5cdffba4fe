package boot

import (
	"fmt"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestTheLogOfDriftForgetsNothing(t *testing.T) {
	tagalongtest.EveryFieldCounts(t, func(d sweep.Drift) any { return fmt.Sprint(driftAttributes(d)) })
}
