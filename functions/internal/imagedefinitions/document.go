package imagedefinitions

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/job"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// maxDocument is what the deploy action takes,
// https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html.
const maxDocument = 100 << 10

// document returns the file that is asked for, and its name.
func (r *request) document() (name string, content []byte, err error) {
	var document any
	switch r.output {
	case imageDetail:
		name = detailFile
		document = map[string]string{"ImageURI": r.containers[0].uri}
	default:
		name = "imagedefinitions.json"
		document = definitions(r.containers)
	}
	if content, err = json.Marshal(document); err != nil {
		return "", nil, err
	}
	if len(content) > maxDocument {
		return "", nil, job.Misconfigured("%s: %d bytes; want at most %d", name, len(content), maxDocument)
	}
	return name, content, nil
}

// definition is an entry of imagedefinitions.json.
type definition struct {
	Name     string `json:"name"`
	ImageURI string `json:"imageUri"`
}

func definitions(containers []container) []definition {
	all := make([]definition, 0, len(containers))
	for _, c := range containers {
		all = append(all, definition{c.name, c.uri})
	}
	return all
}

// success is what the action says and returns to those after it: the variables of
// the ECR source action, for the first container by name; if there are several,
// also ImageURI_NAME for each. One that is not known is left out.
func (r *request) success(name string) tagalong.Success {
	first := r.containers[0]
	variables := map[string]string{job.ImageURI: first.uri, job.RepositoryName: first.image.Name}
	if d := first.image.Digest; d != "" {
		variables[job.ImageDigest] = d.String()
	}
	if len(first.image.Tags) > 0 {
		variables[job.ImageTag] = first.image.Tags[0]
	}
	var written []string
	for _, c := range r.containers {
		written = append(written, strings.TrimSpace(c.name+" "+c.uri))
		if len(r.containers) > 1 {
			variables[job.ImageURI+"_"+c.name] = c.uri
		}
	}
	return tagalong.Success{Summary: fmt.Sprintf("%s: %s", name, strings.Join(written, ", ")), Variables: variables}
}
