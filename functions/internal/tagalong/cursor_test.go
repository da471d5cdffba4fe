package tagalong

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// Whoever knows how a cursor is sealed can make one up. It must not reach the
// store with a key that the store refuses.
func TestMadeUpPositionsAreRefused(t *testing.T) {
	long := Service{Account: "1", Region: "r", Cluster: strings.Repeat("c", 1100), Name: "n"}
	short := Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}
	for name, test := range map[string]struct {
		made  position
		at    position
		legal bool
	}{
		"a service too long to be a key": {residentAt{Service: long}, &residentAt{}, false},
		"a control character":            {residentAt{Environment: "prod\n", Service: short}, &residentAt{}, false},
		"a blank":                        {diffAt{Service: "a b"}, &diffAt{}, false},
		"another alphabet":               {wishAt{Environment: "prød"}, &wishAt{}, false},
		"a deployment too long":          {RowAt{Service: short, Deployment: strings.Repeat("d", 1000)}, &RowAt{}, false},
		"a registry too long":            {PlaceAt{Service: short, Registry: strings.Repeat("d", 1000)}, &PlaceAt{}, false},
		"a name too long":                {nameAt(strings.Repeat("e", 1000)), new(nameAt), false},
		"a container":                    {residentAt{"prod", short, "app"}, &residentAt{}, true},
		"a rollout":                      {RowAt{time.Unix(1, 0).UTC(), short, "ecs-svc/1"}, &RowAt{}, true},
		"a place":                        {PlaceAt{time.Unix(1, 0).UTC(), "docker.io", short, "app", PhaseEnded}, &PlaceAt{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			cursor, err := seal("question", test.made)
			if err != nil {
				t.Fatal(err)
			}
			if err := unseal("question", cursor, test.at); errors.Is(err, ErrCursor) == test.legal {
				t.Errorf("unsealing: %v", err)
			}
		})
	}
}
