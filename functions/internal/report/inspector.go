package report

import (
	"errors"
	"fmt"
)

// inspector is what `aws inspector2 list-findings` prints. It is of many images, and of
// what are no images, too: those findings are passed over.
var inspector = &format{
	name:   "Inspector2 ListFindings",
	must:   "findings",
	ofMany: true,
	fields: map[string]func(*reading) error{
		"findings": func(r *reading) error { return r.array(r.inspectorFinding) },
	},
}

// inspectorFinding is one of Inspector's, as it lists them itself and as ECR passes them on.
type inspectorFinding struct {
	FindingArn string
	Severity   string
	Status     string
	EPSS       *struct{ Score float64 }
	Resources  []struct {
		Details struct {
			AwsEcrContainerImage *struct{ ImageHash string }
		}
	}
	PackageVulnerabilityDetails *struct {
		VulnerabilityID        string
		RelatedVulnerabilities []string
		VulnerablePackages     []VulnerablePackage
	}
}

func (r *reading) inspectorFinding() error {
	var f inspectorFinding
	if err := r.value(&f); err != nil {
		return err
	}
	if f.FindingArn == "" {
		return errors.New("the finding has no findingArn: want what Inspector2 lists")
	}
	for _, resource := range f.Resources {
		if resource.Details.AwsEcrContainerImage == nil {
			continue
		}
		image, err := r.image(resource.Details.AwsEcrContainerImage.ImageHash)
		if err != nil {
			return within("imageHash", err)
		}
		if err := r.addInspected(image, f); err != nil {
			return err
		}
	}
	return nil
}

// addInspected takes a finding in each of its packages, unless it is over.
func (r *reading) addInspected(image *Image, f inspectorFinding) error {
	details := f.PackageVulnerabilityDetails
	if details == nil || f.Status == "CLOSED" {
		return nil
	}
	finding := Finding{ID: details.VulnerabilityID, Aliases: details.RelatedVulnerabilities, Severity: SeverityOf(f.Severity)}
	if f.EPSS != nil {
		finding.EPSS = &f.EPSS.Score
	}
	for _, one := range Inspected(finding, details.VulnerablePackages) {
		if err := r.add(image, one); err != nil {
			return err
		}
	}
	return nil
}

// VulnerablePackage is a package in which Inspector has found something.
type VulnerablePackage struct{ Name, Version, FixedInVersion string }

// Inspected returns a finding of Inspector's once for each of its packages.
func Inspected(f Finding, packages []VulnerablePackage) (all []Finding) {
	for _, p := range packages {
		f.Package, f.Installed, f.FixedIn = p.Name, p.Version, p.FixedInVersion
		if f.FixedIn == "NotAvailable" {
			f.FixedIn = ""
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		return []Finding{f}
	}
	return all
}

// BasicFinding returns what ECR's basic scan has found: it tells of the package in
// attributes.
func BasicFinding(name, severity string, attributes map[string]string) Finding {
	return Finding{
		ID: name, Severity: SeverityOf(severity),
		Package: attributes["package_name"], Installed: attributes["package_version"], FixedIn: attributes["patched_version"],
	}
}

// ecrScan is what `aws ecr describe-image-scan-findings` prints, of a basic scan or of one
// by Inspector.
var ecrScan = &format{
	name:    "ECR DescribeImageScanFindings",
	must:    "imageScanFindings",
	noImage: "imageId.imageDigest is missing",
	fields: map[string]func(*reading) error{
		"imageScanStatus": (*reading).ecrStatus,
		"imageId":         (*reading).ecrImage,
		"imageScanFindings": func(r *reading) error {
			return r.object(map[string]func() error{
				"findings":         func() error { return r.array(r.ecrFinding) },
				"enhancedFindings": func() error { return r.array(r.ecrEnhanced) },
			})
		},
	},
}

// ecrStatus refuses what is no end of a scan: no findings there are not none.
func (r *reading) ecrStatus() error {
	var status struct{ Status, Description string }
	if err := r.value(&status); err != nil {
		return err
	}
	if status.Status != "COMPLETE" && status.Status != "ACTIVE" {
		return fmt.Errorf("status %.40q (%.200s): want a scan that is COMPLETE or ACTIVE", status.Status, status.Description)
	}
	return nil
}

func (r *reading) ecrImage() error {
	var id struct{ ImageDigest string }
	if err := r.value(&id); err != nil || id.ImageDigest == "" {
		return err
	}
	if err := r.names([]string{id.ImageDigest}); err != nil {
		return within("imageDigest", err)
	}
	return nil
}

func (r *reading) ecrFinding() error {
	var f struct {
		Name, Severity string
		Attributes     []struct{ Key, Value string }
	}
	if err := r.value(&f); err != nil {
		return err
	}
	attributes := map[string]string{}
	for _, a := range f.Attributes {
		attributes[a.Key] = a.Value
	}
	return r.add(&r.whole, BasicFinding(f.Name, f.Severity, attributes))
}

func (r *reading) ecrEnhanced() error {
	var f inspectorFinding
	if err := r.value(&f); err != nil {
		return err
	}
	return r.addInspected(&r.whole, f)
}
