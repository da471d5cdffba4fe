package job

import (
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	for _, name := range []string{"job", "job-artifacts-kms", "job-bad-userparameters", "job-continuation", "job-no-userparameters"} {
		raw := sample(f, name)
		f.Add(raw)
		f.Add([]byte(strings.ReplaceAll(string(raw), `"`, "7")))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		j, err := Parse(raw)
		if j.ID == "" && err == nil || j.ID != "" && !jobID.MatchString(j.ID) || err == nil && !accountID.MatchString(j.Account) {
			t.Errorf("job %q of account %q, error %v", j.ID, j.Account, err)
		}
		s, problems := j.Store()
		for _, artifact := range append(s.Inputs, s.Outputs...) {
			if problems == nil && (artifact.Name == "" || artifact.Bucket == "" || artifact.Object == "") {
				t.Errorf("artifact %+v", artifact)
			}
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
