package tagalong_test

import (
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestTheBeginningOfADigestIsRead(t *testing.T) {
	digest := tagalongtest.Image("v1").Digest
	hex := digest.Encoded()
	for text, want := range map[string]tagalong.ImageQuery{
		hex[:7]:                 {Repository: hex[:7], Beginning: hex[:7]},
		hex:                     {Repository: hex, Beginning: hex},
		"sha256:" + hex[:12]:    {Beginning: hex[:12]},
		"SHA256:6AF7CF9":        {Beginning: "6af7cf9"},
		"api@" + hex[:12]:       {Repository: "api", Beginning: hex[:12]},
		"api@sha256:" + hex[:7]: {Repository: "api", Beginning: hex[:7]},
		"api:v1@" + hex[:7]:     {Repository: "api", Beginning: hex[:7]},
	} {
		if image, err := tagalong.ParseImageQuery(text); err != nil || image != want {
			t.Errorf("%s is read as %+v, %v, want %+v", text, image, err, want)
		}
	}
	for _, text := range []string{hex[:6], hex[:12] + ":v1", home + "/" + hex[:12], hex[:12] + "@" + digest.String(), "deadbeef-cafe"} {
		if image, err := tagalong.ParseImageQuery(text); err != nil || image.Repository == "" || image.Beginning != "" {
			t.Errorf("%s is read as %+v, error %v", text, image, err)
		}
	}
	for _, text := range []string{"sha256:" + hex[:6], "api@" + hex[:6], "api@sha256:", "api@latest1"} {
		if image, err := tagalong.ParseImageQuery(text); err == nil {
			t.Errorf("%s is read as %+v", text, image)
		}
	}
	for _, text := range []string{"api@" + hex[:12], "sha256:" + hex[:12]} {
		if image, err := tagalong.ParseImage(text); err == nil {
			t.Errorf("%s is run as %+v", text, image)
		}
	}
}

func TestTheZeroTimeIsNoTime(t *testing.T) {
	for _, text := range []string{"0001-01-01T00:00:00Z", "0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00.0000000001Z", "0000-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01"} {
		if at, err := query.ParseTime(text); err == nil {
			t.Errorf("%s is read as %s", text, at)
		}
	}
	for _, text := range []string{"0001-01-01T00:00:00.000000001Z", "9999-12-31T23:59:59Z"} {
		if _, err := query.ParseTime(text); err != nil {
			t.Error(err)
		}
	}
}
