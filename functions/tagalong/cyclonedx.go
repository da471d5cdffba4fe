package main

import (
	"cmp"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
)

// As much of CycloneDX 1.6 as a list of images in operation says,
// https://cyclonedx.org/docs/1.6/json/. There is no library for it here: the document is a
// few small objects.
type (
	cycloneDX struct {
		Format     string         `json:"bomFormat"`
		Spec       string         `json:"specVersion"`
		Version    int            `json:"version"`
		Metadata   cdxMetadata    `json:"metadata"`
		Components []cdxComponent `json:"components"`
	}
	cdxMetadata struct {
		Timestamp  string         `json:"timestamp"`
		Lifecycles []cdxLifecycle `json:"lifecycles"`
		Tools      cdxTools       `json:"tools"`
	}
	cdxLifecycle struct {
		Phase string `json:"phase"`
	}
	cdxTools struct {
		Components []cdxComponent `json:"components"`
	}
	cdxComponent struct {
		Type       string        `json:"type"`
		Ref        string        `json:"bom-ref,omitempty"`
		Name       string        `json:"name"`
		Version    string        `json:"version"`
		PURL       string        `json:"purl,omitempty"`
		Properties []cdxProperty `json:"properties,omitempty"`
	}
	cdxProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

func writeCycloneDX(w io.Writer, rows []query.InUseRow, now time.Time) error {
	document := cycloneDX{
		Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: cdxMetadata{
			Timestamp: now.Format(time.RFC3339), Lifecycles: []cdxLifecycle{{"operations"}},
			Tools: cdxTools{[]cdxComponent{{Type: "application", Name: "tagalong", Version: version()}}},
		},
		Components: []cdxComponent{},
	}
	users := map[string][]cdxProperty{}
	for _, r := range rows {
		users[r.Reference()] = append(users[r.Reference()], cdxProperty{"tagalong:" + r.Phase, strings.Join([]string{r.Environment, r.Account, r.Region, r.Cluster, r.Service, r.Container}, "/")})
	}
	for i, r := range rows {
		if i > 0 && rows[i-1].Reference() == r.Reference() {
			continue
		}
		used := users[r.Reference()]
		slices.SortFunc(used, func(a, b cdxProperty) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
		})
		document.Components = append(document.Components, cdxComponent{
			Type: "container", Ref: r.Reference(), Name: r.Registry + "/" + r.Repository, Version: r.Digest.String(), PURL: packageURL(r), Properties: used,
		})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// packageURL is https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md.
func packageURL(r query.InUseRow) string {
	name := r.Repository[strings.LastIndexByte(r.Repository, '/')+1:]
	return "pkg:oci/" + name + "@" + url.QueryEscape(r.Digest.String()) + "?repository_url=" + url.QueryEscape(r.Registry+"/"+r.Repository)
}
