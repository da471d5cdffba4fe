package job

import (
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	for _, name := range []string{"job", "job-artifacts-kms", "job-bad-userparameters", "job-continuation", "job-no-userparameters"} {
		raw := read(f, name)
		f.Add(raw)
		f.Add([]byte(strings.ReplaceAll(string(raw), `"`, "7")))
	}
	known := knownOf(f, "job")
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := parse(raw)
		if (e.ID == "") != (err != nil) || e.ID != "" && !jobID.MatchString(e.ID) {
			t.Errorf("event %+v, error %v", e, err)
		}
		if err == nil && len(e.differs(known)) == 0 && (e.AccountID != known.Account || e.Data.ActionConfiguration.Configuration.UserParameters != known.UserParameters) {
			t.Errorf("event %+v is taken for %+v", e, known)
		}
	})
}

func FuzzParameters(f *testing.F) {
	for _, text := range []string{schema.Example, `{"Images": {"app": "r:1"}}`, `{1: 2}`, `{"a": 1, "a": [}`, "{}x", ` {"Pin":"\ud800"} `} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Job{UserParameters: text}.Parameters(schema)
		if err != nil && err.Error() == "" {
			t.Error("an error without a word")
		}
		if image, problems := p.Named().Image("UserParameters", here); len(problems) == 0 && (image.Name == "" || image.Digest == "" && len(image.Tags) != 1) {
			t.Errorf("%s: image %+v", text, image)
		}
	})
}
