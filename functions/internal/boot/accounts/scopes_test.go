package accounts

import (
	"slices"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func TestScopesAreOursAndThoseListed(t *testing.T) {
	const far = "444455556666"
	role := func(id string) string { return "arn:aws:iam::" + id + ":role/tagalong" }
	s := sandboxtest.Start(t)
	own := s.Home().Account
	for name, c := range map[string]struct {
		listed []boot.Account
		want   []tagalong.Scope
	}{
		"nobody listed":      {nil, []tagalong.Scope{{Account: own, Region: "us-east-1"}}},
		"others, sorted":     {[]boot.Account{{ID: far, Role: role(far), Regions: []string{"us-west-2", "eu-west-1", "us-west-2"}}, {ID: "000011112222", Role: role("000011112222")}}, []tagalong.Scope{{Account: own, Region: "us-east-1"}, {Account: "000011112222", Region: "us-east-1"}, {Account: far, Region: "eu-west-1"}, {Account: far, Region: "us-west-2"}}},
		"our own, elsewhere": {[]boot.Account{{ID: own, Regions: []string{"eu-west-1"}}}, []tagalong.Scope{{Account: own, Region: "eu-west-1"}}},
	} {
		a := New(s.Config(), OwnAccount(s.Config()), c.listed)
		if got, err := a.Scopes(t.Context()); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, error %v; want %v", name, got, err, c.want)
		}
	}
}
