package report

// trivy is what `trivy image --format json` writes.
var trivy = &format{
	name:    "Trivy JSON",
	must:    "SchemaVersion",
	noImage: "Metadata.RepoDigests is empty, as when a tar file or a directory was scanned, and Metadata.ImageID is the configuration's digest",
	fields: map[string]func(*reading) error{
		"SchemaVersion": (*reading).skip,
		"Metadata":      (*reading).trivyMetadata,
		"Results":       func(r *reading) error { return r.array(r.trivyResult) },
	},
}

func (r *reading) trivyMetadata() error {
	return r.object(map[string]func() error{"RepoDigests": func() error {
		var digests []string
		if err := r.value(&digests); err != nil {
			return err
		}
		return r.names(digests)
	}})
}

// trivyResult reads one of the things that were looked at in the image: the packages of
// the system, or those of a language.
func (r *reading) trivyResult() error {
	return r.object(map[string]func() error{
		"Vulnerabilities": func() error { return r.array(r.trivyVulnerability) },
	})
}

func (r *reading) trivyVulnerability() error {
	var v struct {
		VulnerabilityID  string
		VendorIDs        []string
		Severity         string
		PkgName          string
		InstalledVersion string
		FixedVersion     string
	}
	if err := r.value(&v); err != nil {
		return err
	}
	return r.add(&r.whole, Finding{
		ID: v.VulnerabilityID, Aliases: v.VendorIDs, Severity: SeverityOf(v.Severity),
		Package: v.PkgName, Installed: v.InstalledVersion, FixedIn: v.FixedVersion,
	})
}
