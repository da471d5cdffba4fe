package boot

import (
	"fmt"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestTheLogOfDriftForgetsNothing(t *testing.T) {
	tagalongtest.EveryFieldCounts(t, func(d tagalong.Drift) any { return fmt.Sprint(driftAttributes(d)) })
}
