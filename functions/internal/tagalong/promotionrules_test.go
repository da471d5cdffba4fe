package tagalong_test

import (
	"strings"
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

func TestPromotionsSayWhichPipelinesMayTagWhat(t *testing.T) {
	const own, listed, stranger = "111122223333", "444455556666", "777788889999"
	covered := tagalong.Coverage{Own: own, Listed: map[string]tagalong.Given{listed: {Repositories: []string{"team/*"}}}}
	of := func(account, name string) tagalong.Pipeline {
		return tagalong.Pipeline{Account: account, Region: "us-east-1", Name: name}
	}
	in := func(account, name string) tagalong.Repository {
		return tagalong.Repository{Registry: tagalong.RegistryHost(account, "us-east-1"), Name: name}
	}
	for _, c := range []struct {
		promotions string // "" is unset
		pipeline   tagalong.Pipeline
		repository tagalong.Repository
		refusal    string // "" if it may
	}{
		{"", of(own, "a"), in(own, "shop/api"), ""},
		{"", of(listed, "a"), in(own, "shop/api"), ""},
		{"", of(own, "a"), in(listed, "team/x/y"), ""},
		{"", of(stranger, "a"), in(own, "shop/api"), "pipeline a of account 777788889999 may not tag repository 111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/api: the pipeline's account is neither our own nor listed: list it in TAGALONG_ACCOUNTS"},
		{"", of(own, "a"), in(stranger, "shop/api"), "the registry's account is neither our own nor listed: list it in TAGALONG_ACCOUNTS"},
		{"", of(own, "a"), in(listed, "shop/api"), "of account 444455556666 TAGALONG_ACCOUNTS lists other repositories or Regions: add this one"},
		{`[]`, of(own, "a"), in(own, "shop/api"), `no entry of TAGALONG_PROMOTIONS lets it: add {"pipelines": ["111122223333/a"], "repositories": ["shop/api"]}`},
		{`[{}]`, of(own, "a"), in(own, "shop/api"), ""},
		{`[{}]`, of(stranger, "a"), in(own, "shop/api"), "neither our own nor listed"},
		{`[{}]`, of(own, "a"), in(stranger, "shop/api"), "neither our own nor listed"},
		{`[{"pipelines":["checkout-*"],"repositories":["checkout-*"]}]`, of(own, "checkout-release"), in(own, "checkout-api"), ""},
		{`[{"pipelines":["checkout-*"],"repositories":["checkout-*"]}]`, of(listed, "checkout-release"), in(own, "checkout-api"), ""},
		{`[{"pipelines":["checkout-*"],"repositories":["checkout-*"]}]`, of(own, "checkout-release"), in(own, "payments"), "may not tag repository 111122223333.dkr.ecr.us-east-1.amazonaws.com/payments: no entry"},
		{`[{"pipelines":["checkout-*"],"repositories":["checkout-*"]}]`, of(own, "payments"), in(own, "checkout-api"), "pipeline payments of account 111122223333 may not tag"},
		{`[{"pipelines":["checkout"],"repositories":["x"]},{"pipelines":["x"],"repositories":["checkout"]}]`, of(own, "checkout"), in(own, "checkout"), "no entry"},
		{`[{"pipelines":["444455556666/checkout-*"],"repositories":["shop/*"]}]`, of(listed, "checkout-release"), in(own, "shop/a/b"), ""},
		{`[{"pipelines":["444455556666/checkout-*"],"repositories":["shop/*"]}]`, of(own, "checkout-release"), in(own, "shop/a/b"), "no entry"},
		{`[{"pipelines":["*/release"],"repositories":["111122223333.dkr.ecr.us-east-1.amazonaws.com/shop"]}]`, of(own, "release"), in(own, "shop"), ""},
		{`[{"pipelines":["*/release"],"repositories":["444455556666.*/shop"]}]`, of(own, "release"), in(own, "shop"), "no entry"},
		{`[{"repositories":["shop"]}]`, of(own, "any"), in(own, "shop"), ""},
		{`[{"pipelines":["release"]}]`, of(own, "release"), in(own, "any/thing"), ""},
	} {
		var promotions tagalong.PromotionRules
		if c.promotions != "" {
			parsed, err := tagalong.ParsePromotionRules(c.promotions)
			if err != nil {
				t.Fatal(err)
			}
			promotions = parsed
		}
		err := promotions.Refusal(covered, c.pipeline, c.repository)
		if (err == nil) != (c.refusal == "") || err != nil && !strings.Contains(err.Error(), c.refusal) {
			t.Errorf("%s, %+v, %s: %v", c.promotions, c.pipeline, c.repository, err)
		}
	}
}

func TestPromotionsThatAreWrongAreNamedAtOnce(t *testing.T) {
	for raw, want := range map[string][]string{
		`x`:                  {"promotions: invalid character", `want an array such as [{"pipelines":["checkout-*"]`},
		`{}`:                 {"promotions: json: cannot unmarshal object"},
		`[] []`:              {"text after the array"},
		`null`:               {"promotions: null: want []"},
		`[{"pipelines":[]}]`: {"promotions[0] names no pipelines"},
		`[{"pipelines":["a"],"repositories":[]}]`: {"promotions[0] names no repositories"},
		`[{"pipeline":[]}]`:                       {`unknown field "pipeline"`},
		`[{"pipelines":["a","","a/b","1/x","[","111122223333/x/y"],"repositories":["[a","","shop/*"]}]`: {
			`promotions[0].pipelines "": want a glob of pipelines' names`, `promotions[0].pipelines "a/b"`, `promotions[0].pipelines "1/x"`, `promotions[0].pipelines "["`,
			`promotions[0].pipelines "111122223333/x/y"`, `promotions[0].repositories "[a": want a glob of names`, `promotions[0].repositories ""`,
		},
	} {
		_, err := tagalong.ParsePromotionRules(raw)
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q is not in %v", raw, text, err)
			}
		}
	}
}
