package report

import (
	"bytes"
	"encoding/json"
	"strings"
)

// grype is what `grype -o json` writes. It begins with the findings; the image comes last.
var grype = &format{
	name:    "Grype JSON",
	must:    "matches",
	noImage: "source.target has neither repoDigests nor manifestDigest, as when a directory or an SBOM was scanned, and its imageID is the configuration's digest",
	fields: map[string]func(*reading) error{
		"matches": func(r *reading) error { return r.array(r.grypeMatch) },
		"source":  (*reading).grypeSource,
	},
}

func (r *reading) grypeMatch() error {
	var match struct {
		Vulnerability struct {
			ID             string
			Severity       string
			KnownExploited []struct{}
			EPSS           []struct{ EPSS float64 }
			Fix            struct{ Versions []string }
		}
		RelatedVulnerabilities []struct{ ID string }
		Artifact               struct{ Name, Version string }
	}
	if err := r.value(&match); err != nil {
		return err
	}
	v := match.Vulnerability
	f := Finding{
		ID: v.ID, Severity: SeverityOf(v.Severity), Package: match.Artifact.Name, Installed: match.Artifact.Version,
		FixedIn: strings.Join(v.Fix.Versions, ", "), KnownExploited: ptr(len(v.KnownExploited) > 0),
	}
	for _, related := range match.RelatedVulnerabilities {
		f.Aliases = append(f.Aliases, related.ID)
	}
	var scores []float64
	for _, score := range v.EPSS {
		scores = append(scores, score.EPSS)
	}
	f.EPSS = worst(scores)
	return r.add(&r.whole, f)
}

func (r *reading) grypeSource() error {
	return r.object(map[string]func() error{"target": r.grypeTarget})
}

// grypeTarget reads the image that was scanned. Of a directory it is its path.
func (r *reading) grypeTarget() error {
	var raw json.RawMessage
	if err := r.value(&raw); err != nil || !bytes.HasPrefix(raw, []byte("{")) {
		return err
	}
	var target struct {
		RepoDigests    []string
		ManifestDigest string
	}
	if err := json.Unmarshal(raw, &target); err != nil {
		return err
	}
	if target.ManifestDigest != "" {
		d, err := digestOf(target.ManifestDigest)
		if err != nil {
			return within("manifestDigest", err)
		}
		r.whole.Manifest = d
	}
	if err := r.names(target.RepoDigests); err != nil {
		return within("repoDigests", err)
	}
	return nil
}
