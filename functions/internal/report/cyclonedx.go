package report

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// cycloneDX is what `trivy image --format cyclonedx --scanners vuln` and `grype -o
// cyclonedx-json` write. One without vulnerabilities is an SBOM, and no report.
var cycloneDX = &format{
	name:    "CycloneDX",
	must:    "vulnerabilities",
	noImage: "metadata.component has neither a purl pkg:oci/…@sha256:… nor such a digest as its version",
	fields: map[string]func(*reading) error{
		"bomFormat":       (*reading).skip,
		"metadata":        (*reading).cycloneDXMetadata,
		"components":      func(r *reading) error { return r.array(r.cycloneDXComponent) },
		"vulnerabilities": func(r *reading) error { return r.array(r.cycloneDXVulnerability) },
	},
}

// component is a package that a CycloneDX report describes.
type component struct{ Name, Version string }

func (r *reading) cycloneDXMetadata() error {
	return r.object(map[string]func() error{"component": r.cycloneDXImage})
}

// cycloneDXImage reads which image it is. Trivy names it as registries do, and Grype and
// Syft by the platform's digest.
func (r *reading) cycloneDXImage() error {
	var c struct {
		Version    string
		PURL       string
		Properties []struct{ Name, Value string }
	}
	if err := r.value(&c); err != nil {
		return err
	}
	if strings.HasPrefix(c.Version, "sha256:") {
		d, err := digestOf(c.Version)
		if err != nil {
			return within("version", err)
		}
		r.whole.Manifest = d
	}
	var names []string
	if name, ok := strings.CutPrefix(c.PURL, "pkg:oci/"); ok && strings.Contains(name, "@") {
		name, _, _ = strings.Cut(name, "?")
		unescaped, err := url.PathUnescape(name)
		if err != nil {
			return within("purl", err)
		}
		names = append(names, unescaped)
	}
	for _, p := range c.Properties {
		if p.Name == "aquasecurity:trivy:RepoDigest" {
			names = append(names, p.Value)
		}
	}
	return r.names(names)
}

// cycloneDXComponent keeps what a package is called: findings name it by its reference.
func (r *reading) cycloneDXComponent() error {
	var c struct {
		Ref string `json:"bom-ref"`
		component
	}
	if err := r.value(&c); err != nil {
		return err
	}
	r.components[c.Ref] = c.component
	return nil
}

// vulnerability is one of CycloneDX's.
type vulnerability struct {
	ID             string
	References     []struct{ ID string }
	Recommendation string
	Source         struct{ Name string }
	Ratings        []rating
	Analysis       struct{ State string }
	Affects        []affected
}

// rating is how bad somebody says that a finding is.
type rating struct {
	Source   struct{ Name string }
	Severity string
	Score    float64
}

// affected is a package, and in which versions it has the finding.
type affected struct {
	Ref      string
	Versions []struct{ Version, Range, Status string }
}

// denied are the states of a finding that is none here.
var denied = []string{"not_affected", "false_positive", "resolved", "resolved_with_pedigree"}

func (r *reading) cycloneDXVulnerability() error {
	var v vulnerability
	if err := r.value(&v); err != nil || slices.Contains(denied, v.Analysis.State) {
		return err
	}
	if len(v.Affects) == 0 {
		return r.add(&r.whole, v.finding())
	}
	for _, a := range v.Affects {
		f := v.finding()
		c, ok := r.components[a.Ref]
		if !ok {
			c.Name = a.Ref
		}
		f.Package, f.Installed, f.FixedIn = c.Name, cmp.Or(a.of("affected"), c.Version), cmp.Or(a.of("unaffected"), v.upgrade(c.Name))
		if err := r.add(&r.whole, f); err != nil {
			return err
		}
	}
	return nil
}

// finding is what is said of all packages. Its severity is that of who found it, or else
// the worst that anybody says; FIRST and CISA do not say one.
func (v vulnerability) finding() Finding {
	f := Finding{ID: v.ID, Severity: "unknown"}
	for _, reference := range v.References {
		if reference.ID != v.ID {
			f.Aliases = append(f.Aliases, reference.ID)
		}
	}
	own := false
	for _, rating := range v.Ratings {
		severity := SeverityOf(rating.Severity)
		switch {
		case rating.Source.Name == "FIRST":
			f.EPSS = ptr(rating.Score)
		case rating.Source.Name == "CISA KEV Catalog":
			f.KnownExploited = ptr(true)
		case rating.Severity != "" && rating.Source.Name == v.Source.Name:
			f.Severity, own = severity, true
		case !own && severity.Compare(f.Severity) > 0:
			f.Severity = severity
		}
	}
	return f
}

// of returns the versions of a status. Of a range, as in vers:generic/>=1.2, it is where
// that begins.
func (a affected) of(status string) string {
	var versions []string
	for _, v := range a.Versions {
		if v.Status == status {
			versions = append(versions, cmp.Or(v.Version, v.Range[strings.LastIndexByte(v.Range, '=')+1:]))
		}
	}
	return strings.Join(versions, ", ")
}

// upgrade returns the version to which a package should be upgraded, as Trivy writes it.
func (v vulnerability) upgrade(name string) string {
	for _, advice := range strings.Split(v.Recommendation, "; ") {
		if version, ok := strings.CutPrefix(advice, "Upgrade "+name+" to version "); ok {
			return version
		}
	}
	return ""
}
