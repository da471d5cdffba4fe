package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Whoever knows how a cursor is sealed can make one up. It must not reach the
// store with a key that the store refuses.
func TestMadeUpPositionsAreRefused(t *testing.T) {
	long := tagalong.Service{Account: "1", Region: "r", Cluster: strings.Repeat("c", 1100), Name: "n"}
	short := tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}
	for name, test := range map[string]struct {
		made  position
		at    position
		valid bool
	}{
		"a service too long to be a key": {runningCursor{Service: long}, &runningCursor{}, false},
		"a control character":            {runningCursor{Environment: "prod\n", Service: short}, &runningCursor{}, false},
		"a blank":                        {diffCursor{Service: "a b"}, &diffCursor{}, false},
		"another alphabet":               {tagCursor{Environment: "prød"}, &tagCursor{}, false},
		"a deployment too long":          {ledger.RolloutCursor{Service: short, Deployment: strings.Repeat("d", 1000)}, &ledger.RolloutCursor{}, false},
		"a registry too long":            {ledger.PlacementCursor{Service: short, Registry: strings.Repeat("d", 1000)}, &ledger.PlacementCursor{}, false},
		"a name too long":                {nameCursor(strings.Repeat("e", 1000)), new(nameCursor), false},
		"a container":                    {runningCursor{Environment: "prod", Service: short, Container: "app"}, &runningCursor{}, true},
		"a rollout":                      {ledger.RolloutCursor{Sort: time.Unix(1, 0).UTC(), Service: short, Deployment: "ecs-svc/1"}, &ledger.RolloutCursor{}, true},
		"a place":                        {ledger.PlacementCursor{Since: time.Unix(1, 0).UTC(), Registry: "docker.io", Service: short, Container: "app", Phase: ledger.PhaseEnded}, &ledger.PlacementCursor{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			cursor, err := seal("question", test.made)
			if err != nil {
				t.Fatal(err)
			}
			if err := unseal("question", cursor, test.at); errors.Is(err, ErrCursor) == test.valid {
				t.Errorf("unsealing: %v", err)
			}
		})
	}
}
