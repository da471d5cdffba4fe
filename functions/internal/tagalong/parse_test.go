package tagalong_test

import (
	"testing"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalongtest"
)

func TestADigestWithoutItsAlgorithmIsNoImage(t *testing.T) {
	digest := tagalongtest.Image("v1").Digest
	hex := digest.Encoded()
	for _, text := range []string{hex, hex[:12], hex[:40], "111122223333"} {
		if image, err := tagalong.ParseImageQuery(text); err == nil {
			t.Errorf("%s is read as %+v", text, image)
		}
	}
	for _, text := range []string{hex[:11], hex + "0", hex[:12] + ":v1", home + "/" + hex[:12], hex[:12] + "@" + digest.String(), "deadbeef-cafe"} {
		if image, err := tagalong.ParseImageQuery(text); err != nil || image.Repository == "" {
			t.Errorf("%s is read as %+v, error %v", text, image, err)
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
