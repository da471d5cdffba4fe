package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

const (
	prodRunning = "/v1/environments/prod/running?"
	prodHistory = "/v1/environments/prod/history?"
)

// wrong are requests, the parameter that is wrong in each, and what is said of it.
var wrong = []struct{ target, parameter, detail string }{
	{"/v1/tags?limit=0", "limit", `limit "0": want a whole number from 1 to 1000`},
	{"/v1/tags?limit=1001", "limit", "want a whole number from 1 to 1000"},
	{"/v1/tags?limit=-1", "limit", "want a whole number"},
	{"/v1/tags?limit=", "limit", "want a whole number"},
	{"/v1/tags?limit=%2B1", "limit", "want a whole number"},
	{"/v1/tags?limit=01", "limit", "want a whole number"},
	{"/v1/tags?limit=1e2", "limit", "want a whole number"},
	{"/v1/tags?limit=99999999999999999999", "limit", "limit of 20 bytes: want at most 4"},
	{"/v1/tags?limit=%D9%A1", "limit", "want a whole number"},
	{"/v1/tags?limit=1&limit=1", "limit", "given 2 times: want it once"},
	{"/v1/tags?pending=yes", "pending", `pending "yes": want true or false`},
	{"/v1/tags?pending=", "pending", "want true or false"},
	{"/v1/tags?pending=TRUE", "pending", "want true or false"},
	{"/v1/tags?pendign=true", "pendign", `parameter "pendign" unknown here: want environment, pending, limit, cursor`},
	{"/v1/tags?image=shop", "image", "unknown here"},
	{"/v1/tags?=1", "", "unknown here"},
	{"/v1/tags?pending=true;limit=1", "", "query that does not parse"},
	{"/v1/tags?limit=%zz", "", "query that does not parse"},
	{"/v1/tags?limit=1%", "", "query that does not parse"},
	{"/v1/tags?" + strings.Repeat("a", 8193), "", "query of 8193 bytes: want at most 8192"},
	{"/openapi.json?x=1", "x", "unknown here: want none"},
	{prodRunning + "environment=staging", "environment", "unknown here"},
	{prodRunning + "at=yesterday", "at", "want RFC 3339"},
	{prodRunning + "at=2x", "at", "want RFC 3339 such as 2026-03-04T03:12:00Z, or how long ago such as 90m, 2h or 3d"},
	{prodRunning + "at=", "at", "want RFC 3339"},
	{prodRunning + "at=2026-03-04", "at", "want RFC 3339"},
	{prodRunning + "at=2026-03-04T12:00:00", "at", "want RFC 3339"},
	{prodRunning + "at=2026-03-04T12:00:00+01:00", "at", "want RFC 3339"}, // + is a space
	{prodRunning + "at=2026-02-30T12:00:00Z", "at", "want RFC 3339"},
	{prodRunning + "at=2026-03-04T13:00:01Z", "at", "is in the future: want one until now, 2026-03-04T13:00:00Z"},
	{prodRunning + "at=2026-03-04T12:00:00." + strings.Repeat("0", 40) + "Z", "at", "want at most 40"},
	{prodRunning + "at=2026-03-04T11:00:00Z", "at", "the ledger begins at 2026-03-04T12:00:00Z"},
	{prodRunning + "at=0001-01-01T00:00:00Z", "at", `time "0001-01-01T00:00:00Z": want one after 0001-01-01T00:00:00Z`},
	{prodHistory + "until=0001-01-01T00:00:00Z", "until", "want one after 0001-01-01T00:00:00Z"},
	{"/v1/diff?from=prod&to=prod@0001-01-01T00:00:00Z", "to", "want one after 0001-01-01T00:00:00Z"},
	{prodRunning + "service=", "service", "want CLUSTER/NAME or NAME"},
	{prodRunning + "service=a/b/c", "service", "want CLUSTER/NAME or NAME"},
	{prodRunning + "service=[", "service", "want CLUSTER/NAME or NAME"},
	{prodRunning + "service=" + strings.Repeat("a", 513), "service", "service of 513 bytes: want at most 512"},
	{prodHistory + "since=2026-03-04", "since", "want RFC 3339"},
	{prodHistory + "since=2026-03-04T12:00:00Z&until=2026-03-04T12:00:00Z", "until", "want one after since"},
	{prodHistory + "since=2026-03-05T12:00:00Z&until=2026-03-04T12:00:00Z", "until", "want one after since"},
	{prodHistory + "until=soon", "until", "want RFC 3339"},
	{prodHistory + "at=2026-03-04T12:00:00Z", "at", "unknown here"},
	{"/v1/environments/-prod/running", "environment", "want 1 to 255 letters, digits"},
	{"/v1/environments/a%2Fb/running", "environment", "want 1 to 255 letters, digits"},
	{"/v1/environments/%00/history", "environment", "want 1 to 255 letters, digits"},
	{"/v1/environments/%ff/history", "environment", "want 1 to 255 letters, digits"},
	{"/v1/environments/" + strings.Repeat("e", 256) + "/history", "environment", "want at most 255"},
	{"/v1/services/1/us-east-1/c/s/history", "account", `account "1": want 12 digits`},
	{"/v1/services/11112222333a/us-east-1/c/s/history", "account", "want 12 digits"},
	{"/v1/services/111122223333/useast/c/s/history", "region", "want the name of an AWS Region"},
	{"/v1/services/111122223333/us-east-1/c.d/s/history", "cluster", "want 1 to 255 letters"},
	{"/v1/services/111122223333/us-east-1/c/s%20/history", "service", "want 1 to 255 letters"},
	{"/v1/services/111122223333/us-east-1/c/" + strings.Repeat("s", 256) + "/history", "service", "want at most 255"},
	{"/v1/images", "image", "image missing: want a digest"},
	{"/v1/images?image=", "image", "want a digest"},
	{"/v1/images?image=UPPER", "image", "no capitals: want upper"},
	{"/v1/images?image=sha256:abc", "image", "want a digest, such as sha256: and 64 hexadecimal digits or the first 7 of them"},
	{"/v1/in-use?previous=101", "previous", "want a whole number from 0 to 100"},
	{"/v1/exposure?severity=awful", "severity", "want critical, high"},
	{"/v1/exposure?cve=a%20b", "cve", "want the name of a finding, such as CVE-2021-44228"},
	{"/v1/exposure?cve=", "cve", "want the name of a finding, such as CVE-2021-44228"},
	{"/v1/environments/prod/running?at=0", "at", "or how long ago such as 90m, 2h or 3d"},
	{"/v1/exposure?fixable=1", "fixable", "want true or false"},
	{"/v1/exposure?ever=yes", "ever", "want true or false"},
	{"/v1/exposure?ever=true&at=2026-03-04T12:00:00Z", "ever", "want it without at"},
	{"/v1/in-use?incomplete=1", "incomplete", "want true or false"},
	{"/v1/gate?image=shop:v1", "ranIn", "want a condition: ranIn, notRunning, or noNew with against"},
	{"/v1/gate?image=shop:v1&noNew=critical", "against", "against missing: want the environment that noNew compares with"},
	{"/v1/gate?image=shop:v1&against=prod", "against", "want noNew with it"},
	{"/v1/gate?image=shop:v1&noNew=awful", "noNew", "want critical, high"},
	{"/v1/gate?image=shop:v1&for=4h&notRunning=prod", "for", "want ranIn with it"},
	{"/v1/gate?image=shop:v1&for=4&ranIn=prod", "for", "want how long, such as 90m, 4h or 2d"},
	{"/v1/gate?image=shop&ranIn=prod", "image", "a gate is for one image"},
	{"/v1/gate?ranIn=prod", "image", "image missing: want a digest"},
	{"/v1/gate?image=shop:v1&ranIn=prod&limit=1", "limit", "unknown here: want image, ranIn, for, notRunning, noNew, against"},
	{"/v1/find?q=abc", "q", "want 4 to 1024 printable characters"},
	{"/v1/find", "q", "q missing: want a commit"},
	{"/v1/images?image=shop@sha256:abc", "image", "want a digest"},
	{"/v1/images?image=" + strings.Repeat("i", 1001), "image", "want at most 1000"},
	{"/v1/images?image=999999999999.dkr.ecr.us-east-1.amazonaws.com/shop:v1", "image", "as far as the ledger knows"},
	{"/v1/images?image=public.ecr.aws/log/router:2", "image", "give the digest"},
	{"/v1/releases/a%20b/" + executionID, "pipeline", `pipeline "a b": want 1 to 100 letters, digits, dots`},
	{"/v1/releases/a%2Fb/" + executionID, "pipeline", "want 1 to 100 letters"},
	{"/v1/releases/" + strings.Repeat("p", 101) + "/" + executionID, "pipeline", "want at most 100"},
	{"/v1/releases/checkout/42", "execution", `execution "42": want a UUID in lower case or its first 7 characters, such as 3f0c8a52`},
	{"/v1/releases/checkout/" + strings.ToUpper(executionID), "execution", "want a UUID in lower case"},
	{"/v1/releases/checkout/" + executionID + "?since=2026-03-04T12:00:00Z", "since", "unknown here: want limit, cursor"},
	{"/v1/diff?to=prod", "from", "from missing: want NAME, or NAME@TIME"},
	{"/v1/diff?from=prod", "to", "to missing: want NAME, or NAME@TIME"},
	{"/v1/diff?from=&to=prod", "from", "want 1 to 255 letters"},
	{"/v1/diff?from=prod@&to=prod", "from", "want RFC 3339"},
	{"/v1/diff?from=prod&to=prod@tomorrow", "to", "want RFC 3339"},
	{"/v1/diff?from=prod&to=prod@2027-01-01T00:00:00Z", "to", "is in the future"},
	{"/v1/diff?from=prod@2026-03-04T11:00:00Z&to=staging", "from", "the ledger begins at"},
	{"/v1/diff?from=prod&to=staging@2026-03-04T11:00:00Z", "to", "the ledger has known"},
}

func TestEachWrongParameterIsNamed(t *testing.T) {
	w := story(t)
	for _, c := range wrong {
		p := told(t, w.get(t, c.target), http.StatusBadRequest)
		if p.Parameter != c.parameter || !strings.Contains(p.Detail, c.detail) || len(p.Errors) != 1 || p.Errors[0] != (badParameter{p.Parameter, p.Value, p.Detail}) {
			t.Errorf("%.80s: %+v, want %s: %s", c.target, p.blamed, c.parameter, c.detail)
		}
		if utf8.RuneCountInString(p.Value) > 200 || len(p.Detail) > 2000 {
			t.Errorf("%.80s: value of %d bytes, detail of %d", c.target, len(p.Value), len(p.Detail))
		}
	}
}

func TestAnUnknownNameIsNotFoundAndTheNearestAreNamed(t *testing.T) {
	const elsewhere = "00000000-0000-0000-0000-000000000000"
	w := story(t)
	for target, want := range map[string]unknown{
		"/v1/environments/pord/running":                                     {tagalong.EnvironmentName, "pord", []string{"prod", "staging"}, ""},
		"/v1/environments/stage/running?at=2026-03-04T12:10:00Z":            {tagalong.EnvironmentName, "stage", []string{"staging", "prod"}, ""},
		"/v1/environments/pord/history":                                     {tagalong.EnvironmentName, "pord", []string{"prod", "staging"}, ""},
		"/v1/environments/prod/running?service=apy":                         {tagalong.ServiceName, "apy", []string{"api", "web"}, ""},
		"/v1/environments/prod/running?service=prod-b/api":                  {tagalong.ClusterName, "prod-b", []string{"prod-a", "staging"}, ""},
		"/v1/environments/prod/running?service=prod-a/apy":                  {tagalong.ServiceName, "prod-a/apy", []string{"prod-a/api", "prod-a/web", "staging/api"}, ""},
		"/v1/services/111122223333/us-east-1/prod-a/apis/history":           {tagalong.ServiceName, "111122223333/us-east-1/prod-a/apis", nil, ""},
		"/v1/diff?from=nope&to=prod":                                        {tagalong.EnvironmentName, "nope", []string{"prod", "staging"}, ""},
		"/v1/diff?from=prod&to=nope":                                        {tagalong.EnvironmentName, "nope", []string{"prod", "staging"}, ""},
		"/v1/diff?from=nope&to=nope":                                        {tagalong.EnvironmentName, "nope", []string{"prod", "staging"}, ""},
		"/v1/releases/checkout.release/" + elsewhere:                        {tagalong.ReleaseName, "checkout.release/" + elsewhere, []string{}, ""},
		"/v1/images?image=shop:v9":                                          {tagalong.TagName, home + "/shop:v9", []string{"v1", "v2", "v3"}, "Looked at 3"},
		"/v1/images?image=shopp":                                            {tagalong.RepositoryName, "shopp", []string{}, "Looked at 3"},
		"/v1/images?image=team/shop":                                        {tagalong.RepositoryName, "team/shop", nil, "Looked at 3"},
		"/v1/images?image=shopp:v1":                                         {tagalong.RepositoryName, "shopp", []string{}, "Looked at 3"},
		"/v1/images?image=nope@" + tagalongtest.Image("v1").Digest.String(): {tagalong.RepositoryName, "nope", []string{}, "Looked at 3"},
	} {
		p := told(t, w.get(t, target), http.StatusNotFound)
		if p.Kind != want.Kind || p.Name != want.Name || want.Nearest != nil && !slices.Equal(p.Nearest, want.Nearest) || want.Nearest == nil && len(p.Nearest) == 0 {
			t.Errorf("%s: %+v, want %+v", target, p.unknown, want)
		}
		if !strings.Contains(p.Watched, want.Watched) || (want.Watched == "") != (p.Watched == "") || !strings.Contains(p.Detail, "is not known") {
			t.Errorf("%s: %s; watched %q", target, p.Detail, p.Watched)
		}
	}
}

func TestAnEmptyLedgerKnowsNothingOfThePast(t *testing.T) {
	w := newWorld()
	if p := told(t, w.get(t, "/v1/environments/prod/running?at=2026-03-04T12:00:00Z"), http.StatusNotFound); p.Name != "prod" || len(p.Nearest) > 0 {
		t.Errorf("%+v", p.unknown)
	}
	var horizon *query.HorizonError
	if _, err := w.Running(t.Context(), query.RunningQuery{At: noon}, query.Paging{}); !errors.As(err, &horizon) || !strings.Contains(err.Error(), "the ledger is empty") {
		t.Errorf("error %v", err)
	}
}

func TestAllWrongParametersAreNamedTogether(t *testing.T) {
	w := story(t)
	p := told(t, w.get(t, "/v1/services/1/2/%20/./history?since=a&until=b&limit=c&cursor=%21&x=1&y=2&y=3"), 400)
	var names []string
	for _, bad := range p.Errors {
		names = append(names, bad.Parameter)
	}
	if got := strings.Join(names, " "); got != "x y account region cluster service since until limit cursor" || p.Parameter != "x" || p.Value != "1" {
		t.Errorf("%s: %+v", got, p.blamed)
	}
}

func TestAValueThatIsLongOrNoTextIsCut(t *testing.T) {
	w := story(t)
	p := told(t, w.get(t, "/v1/images?image="+strings.Repeat("%C3%A4", 500)+"&"+strings.Repeat("n", 300)+"=%ff"), 400)
	if p.Errors[1].Value != strings.Repeat("ä", 200) || p.Errors[0].Parameter != strings.Repeat("n", 200) || p.Errors[0].Value != "\uFFFD" {
		t.Errorf("%+v", p.Errors)
	}
}

func TestTheHorizonOfADiffOfOneTimeIsThatOfItsEnvironment(t *testing.T) {
	w := newWorld()
	w.rollOut(t, api, 1, 0, tagalong.Completed)
	w.rollOut(t, stage, 1, 10, tagalong.Completed)
	p := told(t, w.get(t, "/v1/diff?from=prod@2026-03-04T12:05:00Z&to=staging@2026-03-04T12:05:00Z"), 400)
	if p.Parameter != "to" || p.Value != "staging@2026-03-04T12:05:00Z" {
		t.Errorf("%+v", p.blamed)
	}
}
