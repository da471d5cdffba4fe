package main

import (
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestASumOfYearsForgetsNothing(t *testing.T) {
	tagalongtest.EveryFieldCounts(t, func(r result) any {
		var total result
		total.add(r)
		return total
	})
}
