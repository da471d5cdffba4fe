package tagalong_test

import (
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func TestTheContainerThatAReleaseIsOf(t *testing.T) {
	container := func(name string) tagalong.Container { return tagalong.Container{Name: name} }
	app, log, api := container("app"), container("log"), container("api")
	agent := tagalong.Container{Name: "agent", Added: true}
	for name, test := range map[string]struct {
		containers []tagalong.Container
		continues  []string
		want       string
	}{
		"none":                       {nil, nil, ""},
		"the only one":               {[]tagalong.Container{agent, app}, nil, "app"},
		"the only one, again":        {[]tagalong.Container{app}, []string{"app"}, ""},
		"the only new one":           {[]tagalong.Container{app, log}, []string{"log"}, "app"},
		"several are new":            {[]tagalong.Container{app, log}, nil, ""},
		"none is new":                {[]tagalong.Container{app, log}, []string{"app", "log"}, ""},
		"the service's namesake":     {[]tagalong.Container{api, log}, nil, "api"},
		"the namesake ran before":    {[]tagalong.Container{api, log}, []string{"api"}, "log"},
		"ECS added the only new one": {[]tagalong.Container{agent, app}, []string{"app"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tagalong.Builds(prodAPI, test.containers, test.continues); got != test.want {
				t.Errorf("container %q, want %q", got, test.want)
			}
		})
	}
}
