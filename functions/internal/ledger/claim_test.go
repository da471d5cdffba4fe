package ledger_test

import (
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

var api = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}

func TestAClaimantIsReadAsItWasMade(t *testing.T) {
	for _, test := range []struct {
		by      ledger.Claimant
		text    string
		service tagalong.Service
		name    string
		ok      bool
	}{
		{ledger.ContainerClaimant(api, "app"), "111122223333/us-east-1/prod/api#app", api, "app", true},
		{ledger.JobClaimant("6f1c7b0e"), "promotion#6f1c7b0e", tagalong.Service{}, "", false},
	} {
		service, name, ok := test.by.Container()
		if string(test.by) != test.text || service != test.service || name != test.name || ok != test.ok {
			t.Errorf("%s: container %q of %s, %v", test.by, name, service, ok)
		}
	}
}

// What lies in a table is compared there by the text: so must it be here.
func TestOfClaimsOfOneTimeTheFirstTextIsTheNewest(t *testing.T) {
	web := api
	web.Name = "web"
	all := []ledger.Claim{{By: ledger.ContainerClaimant(web, "app")}, {By: ledger.JobClaimant("1")}, {By: ledger.ContainerClaimant(api, "web")}, {By: ledger.ContainerClaimant(api, "app")}}
	if newest, ok := ledger.NewestClaim(all, tagalong.TagID{}); !ok || newest.By != "111122223333/us-east-1/prod/api#app" {
		t.Errorf("the newest is of %s", newest.By)
	}
}
