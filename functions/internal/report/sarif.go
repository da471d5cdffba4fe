package report

import (
	"errors"
	"strings"
)

// sarif is what `trivy image --format sarif` writes. Others are refused: Grype's has no
// image's digest (the sha256 in it is a layer's), and no other says what a package is.
var sarif = &format{
	name:    "Trivy SARIF",
	must:    "runs",
	noImage: "runs[0].properties.repoDigests is empty, as when a tar file or a directory was scanned",
	fields: map[string]func(*reading) error{
		"runs": func(r *reading) error { return r.array(r.sarifRun) },
	},
}

var (
	errGrypeSARIF = errors.New("it is Grype's, which names no image digest (the sha256 in it is a layer's): want what grype -o json writes")
	errOtherSARIF = errors.New("it is not Trivy's, and only that says which package of which image is meant: want the scanner's own JSON")
	errSecondRun  = errors.New("it is a second run: want one report in a file")
)

func (r *reading) sarifRun() error {
	if r.runs++; r.runs > 1 {
		return errSecondRun
	}
	if err := r.object(map[string]func() error{
		"tool":       r.sarifTool,
		"properties": r.sarifImage,
		"results":    func() error { return r.array(r.sarifResult) },
	}); err != nil {
		return err
	}
	switch strings.ToLower(r.tool) {
	case "trivy":
		return nil
	case "grype":
		return errGrypeSARIF
	}
	return errOtherSARIF
}

// sarifTool reads whose report it is. The rules beside that can be many.
func (r *reading) sarifTool() error {
	name := func() error { return r.value(&r.tool) }
	return r.object(map[string]func() error{"driver": func() error { return r.object(map[string]func() error{"name": name}) }})
}

func (r *reading) sarifImage() error {
	var image struct{ RepoDigests []string }
	if err := r.value(&image); err != nil {
		return err
	}
	if err := r.names(image.RepoDigests); err != nil {
		return within("repoDigests", err)
	}
	return nil
}

// sarifResult reads a vulnerability from its message: lines of NAME: VALUE. A secret or a
// wrong configuration names no package, and is passed over.
func (r *reading) sarifResult() error {
	var result struct {
		RuleID  string
		Message struct{ Text string }
	}
	if err := r.value(&result); err != nil {
		return err
	}
	said := map[string]string{}
	for line := range strings.SplitSeq(result.Message.Text, "\n") {
		name, value, _ := strings.Cut(line, ":")
		said[name] = strings.TrimSpace(value)
	}
	if said["Package"] == "" {
		return nil
	}
	return r.add(&r.whole, Finding{
		ID: result.RuleID, Severity: SeverityOf(said["Severity"]),
		Package: said["Package"], Installed: said["Installed Version"], FixedIn: said["Fixed Version"],
	})
}
