package tagalongtest

import (
	"context"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Covering returns what Reactor.Coverage takes: all of our own account and of others.
func Covering(own string, others ...string) func(context.Context) (tagalong.Coverage, error) {
	covered := tagalong.Coverage{Own: own, Listed: map[string]tagalong.Given{}}
	for _, account := range others {
		covered.Listed[account] = tagalong.Given{}
	}
	return func(context.Context) (tagalong.Coverage, error) { return covered, nil }
}
