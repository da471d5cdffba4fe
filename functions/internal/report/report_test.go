package report_test

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/report"
)

const (
	api    = digest.Digest("sha256:cdd0da87d06937ee0c634382568df6492a41993c2e08c6395e3723f0bc624e17")
	worker = digest.Digest("sha256:6c2d168ee61a6a899433caa2507cebff9eb578c50690837ce4f35f3f0562143f")
)

func text(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func ptr[T any](v T) *T { return &v }

func TestAReportIsReadInItsScannersOwnForm(t *testing.T) {
	no, yes := ptr(false), ptr(true)
	for file, want := range map[string]report.Report{
		"grype.json": {Format: "Grype JSON", Read: 3, Images: []report.Image{{Manifest: api, Names: []digest.Digest{api}, Findings: []report.Finding{
			{ID: "GHSA-9763-4f94-gfch", Aliases: []string{"CVE-2024-0001"}, Severity: "high", Package: "github.com/cloudflare/circl", Installed: "v1.3.3", FixedIn: "1.3.7", KnownExploited: no},
			{ID: "CVE-2021-44228", Severity: "critical", Package: "log4j-core", Installed: "2.14.1", FixedIn: "2.12.2, 2.15.0", KnownExploited: yes, EPSS: ptr(0.94358)},
			{ID: "CVE-1999-0001", Severity: "negligible", Package: "libc6", Installed: "2.36-9", KnownExploited: no},
		}}}},
		"trivy.json": {Format: "Trivy JSON", Read: 3, Images: []report.Image{{Names: []digest.Digest{api}, Findings: []report.Finding{
			{ID: "CVE-2023-5363", Aliases: []string{"DSA-5532-1"}, Severity: "high", Package: "libssl3", Installed: "3.0.11-1", FixedIn: "3.0.11-1~deb12u2"},
			{ID: "CVE-2025-0002", Severity: "unknown", Package: "zlib1g", Installed: "1:1.2.13.dfsg-1"},
			{ID: "CVE-2021-44228", Severity: "critical", Package: "org.apache.logging.log4j:log4j-core", Installed: "2.14.1", FixedIn: "2.15.0, 2.3.1, 2.12.2"},
		}}}},
		"grype.cdx.json": {Format: "CycloneDX", Read: 1, Images: []report.Image{{Manifest: api, Findings: []report.Finding{
			{ID: "GHSA-jfh8-c2jp-5v3q", Aliases: []string{"CVE-2021-44228"}, Severity: "critical", Package: "log4j-core", Installed: "2.14.1", FixedIn: "2.15.0", KnownExploited: yes, EPSS: ptr(0.94358)},
		}}}},
		"trivy.cdx.json": {Format: "CycloneDX", Read: 1, Images: []report.Image{{Names: []digest.Digest{api}, Findings: []report.Finding{
			{ID: "CVE-2023-5363", Severity: "low", Package: "libssl3", Installed: "3.0.11-1", FixedIn: "3.0.11-1~deb12u2"},
		}}}},
		"trivy.sarif.json": {Format: "Trivy SARIF", Read: 2, Images: []report.Image{{Names: []digest.Digest{api}, Findings: []report.Finding{
			{ID: "CVE-2023-5363", Severity: "high", Package: "libssl3", Installed: "3.0.11-1", FixedIn: "3.0.11-1~deb12u2"},
			{ID: "CVE-2025-0002", Severity: "low", Package: "zlib1g", Installed: "1:1.2.13.dfsg-1"},
		}}}},
		"inspector.json": {Format: "Inspector2 ListFindings", Read: 3, Images: []report.Image{
			{Names: []digest.Digest{api}, Findings: []report.Finding{
				{ID: "CVE-2023-5363", Severity: "high", Package: "libssl3", Installed: "3.0.11", FixedIn: "0:3.0.11-1~deb12u2", EPSS: ptr(0.01)},
				{ID: "CVE-2023-5363", Severity: "high", Package: "openssl", Installed: "3.0.11", FixedIn: "0:3.0.11-1~deb12u2", EPSS: ptr(0.01)},
			}},
			{Names: []digest.Digest{worker}, Findings: []report.Finding{
				{ID: "SNYK-JAVA-1", Aliases: []string{"CVE-2021-44228"}, Severity: "unknown", Package: "log4j-core", Installed: "2.14.1", EPSS: ptr(0.94358)},
			}},
		}},
		"ecr-basic.json": {Format: "ECR DescribeImageScanFindings", Read: 2, Images: []report.Image{{Names: []digest.Digest{api}, Findings: []report.Finding{
			{ID: "CVE-2019-5188", Severity: "medium", Package: "e2fsprogs", Installed: "1.44.1-1ubuntu1.1"},
			{ID: "CVE-2024-9", Severity: "unknown", Package: "zlib", Installed: "1.2"},
		}}}},
		"ecr-enhanced.json": {Format: "ECR DescribeImageScanFindings", Read: 1, Images: []report.Image{{Names: []digest.Digest{api}, Findings: []report.Finding{
			{ID: "CVE-2023-5363", Severity: "high", Package: "libssl3", Installed: "3.0.11", FixedIn: "0:3.0.11-1~deb12u2"},
		}}}},
	} {
		got, err := report.Read(strings.NewReader(text(t, file)), "", report.Wanted{})
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got):\n%s", file, err, diff)
		}
	}
}

func TestOnlyWhatIsWantedIsKept(t *testing.T) {
	for what, test := range map[string]struct {
		wanted report.Wanted
		want   string
	}{
		"all":                      {report.Wanted{}, "GHSA-9763-4f94-gfch CVE-2021-44228 CVE-1999-0001"},
		"a severity and worse":     {report.Wanted{Severity: "high"}, "GHSA-9763-4f94-gfch CVE-2021-44228"},
		"fixable":                  {report.Wanted{Fixable: true}, "GHSA-9763-4f94-gfch CVE-2021-44228"},
		"by its id, in any case":   {report.Wanted{IDs: []string{"cve-1999-0001"}}, "CVE-1999-0001"},
		"by another of its names":  {report.Wanted{IDs: []string{"CVE-2024-0001", "none"}}, "GHSA-9763-4f94-gfch"},
		"all conditions, not some": {report.Wanted{Severity: "high", IDs: []string{"CVE-1999-0001"}}, ""},
	} {
		got, err := report.Read(strings.NewReader(text(t, "grype.json")), "", test.wanted)
		if err != nil || got.Read != 3 {
			t.Fatalf("%s: read %d, error %v", what, got.Read, err)
		}
		var ids []string
		for _, f := range got.Images[0].Findings {
			ids = append(ids, f.ID)
		}
		if strings.Join(ids, " ") != test.want {
			t.Errorf("%s: %v, want %s", what, ids, test.want)
		}
	}
}

// Whatever the report does not say, --image may tell; it never overrules.
func TestAReportIsOfTheImageThatIsTold(t *testing.T) {
	for what, test := range map[string]struct {
		file, without string // what is left out of it
		told          digest.Digest
		want          string // names, or the error
	}{
		"told what it says":                         {"trivy.json", "", api, string(api)},
		"told otherwise":                            {"trivy.json", "", worker, "it is of " + string(api) + ", and not of " + string(worker) + ", as --image says"},
		"it says nothing":                           {"trivy.json", `"RepoDigests"`, "", "it names no image digest: Metadata.RepoDigests is empty"},
		"told what it does not say":                 {"trivy.json", `"RepoDigests"`, worker, string(worker)},
		"a digest of the scanner's":                 {"grype.json", `"repoDigests"`, worker, string(worker)},
		"a directory":                               {"grype.json", `"target"`, "", "it names no image digest: source.target has neither repoDigests nor manifestDigest"},
		"told one of many":                          {"inspector.json", "", api, "it has findings of " + string(worker) + ", and not only of " + string(api) + ", as --image says"},
		"an SBOM of a directory":                    {"grype.cdx.json", `"component"`, "", "it names no image digest: metadata.component has neither"},
		"SARIF of a directory":                      {"trivy.sarif.json", `"repoDigests"`, "", "it names no image digest: runs[0].properties.repoDigests is empty"},
		"SARIF of somebody else, though it is told": {"trivy.sarif.json", `"driver"`, worker, "runs[0]: it is not Trivy's"},
		"a scan of a tag":                           {"ecr-basic.json", `"imageDigest"`, "", "it names no image digest: imageId.imageDigest is missing"},
		"a directory, and it is told":               {"grype.json", `"target"`, worker, string(worker)},
	} {
		input := text(t, test.file)
		if test.without != "" {
			input = strings.Replace(input, test.without, `"leftOut"`, 1)
		}
		got, err := report.Read(strings.NewReader(input), test.told, report.Wanted{})
		said := fmt.Sprint(err)
		if err == nil {
			said = string(got.Images[0].Names[0])
		}
		if !strings.HasPrefix(said, test.want) {
			t.Errorf("%s: %s, want %s", what, said, test.want)
		}
		if strings.Contains(test.want, "names no image") && !strings.HasSuffix(said, "--image DIGEST tells of which image it is") {
			t.Errorf("%s: %s: it does not say what to do", what, said)
		}
	}
}

// What the scanner's user has found to be no finding is none.
func TestWhatDoesNotAffectTheImageIsPassedOver(t *testing.T) {
	input := changed(t, "grype.cdx.json", `"source": {},`, `"source": {}, "analysis": {"state": "not_affected"},`)
	got, err := report.Read(strings.NewReader(input), "", report.Wanted{})
	if err != nil || got.Read != 0 || len(got.Images[0].Findings) != 0 {
		t.Errorf("read %+v, error %v", got, err)
	}
}

// changed is a report in which one text is another.
func changed(t *testing.T, file, from, to string) string {
	t.Helper()
	content := text(t, file)
	if strings.Count(content, from) == 0 {
		t.Fatalf("%s has no %s", file, from)
	}
	return strings.Replace(content, from, to, 1)
}

func TestAFileThatIsNoWholeReportIsRefused(t *testing.T) {
	grype, trivy := text(t, "grype.json"), text(t, "trivy.json")
	for want, input := range map[string]string{
		"it is empty":                         "",
		"it ends in the middle, behind byte ": grype[:len(grype)/2],
		"it is not JSON, about byte ":         "NAME  INSTALLED  FIXED-IN\n",
		"it is no report that is known: want Grype JSON (field \"matches\"), ": `{"artifacts": [], "schema": {}}`,
		"it looks like Grype JSON, and has no field \"matches\": ":             `{"artifacts": [], "source": {"target": {}}}`,
		"\"[\": want \"{\"": "[" + trivy + "]",
		"something follows behind the report: want one report in a file":                                  grype + trivy,
		"field \"matches\" is there twice: want one report in a file":                                     changed(t, "grype.json", `"ignoredMatches"`, `"matches"`),
		"Results: it is of Trivy JSON, and other fields are of Grype JSON: ":                              changed(t, "grype.json", `"ignoredMatches"`, `"Results"`),
		"Metadata.RepoDigests: digest \"latest\": want sha256: and 64 digits":                             changed(t, "trivy.json", "111122223333.dkr.ecr.us-east-1.amazonaws.com/checkout-api@"+string(api), "latest"),
		"matches[1]: the finding has no id":                                                               changed(t, "grype.json", `"id": "CVE-2021-44228"`, `"id": ""`),
		"matches[1]: EPSS 9.4: want a probability, 0 to 1":                                                changed(t, "grype.json", "0.94358", "9.4"),
		"matches[0]: a number, and not what such a report has there":                                      changed(t, "grype.json", `"severity": "High"`, `"severity": 3`),
		"it looks like CycloneDX, and has no field \"vulnerabilities\": ":                                 changed(t, "grype.cdx.json", `"vulnerabilities"`, `"leftOut"`),
		"findings[0]: the finding has no findingArn: ":                                                    `{"findings": [{"id": "CVE-2025-1"}]}`,
		"findings[0].imageHash: digest \"\": ":                                                            changed(t, "inspector.json", `"imageHash"`, `"leftOut"`),
		"runs[0]: it is Grype's, which names no image digest":                                             changed(t, "trivy.sarif.json", `"name": "Trivy"`, `"name": "Grype"`),
		"runs[0].properties.repoDigests: digest \"prod\": ":                                               changed(t, "trivy.sarif.json", "111122223333.dkr.ecr.us-east-1.amazonaws.com/checkout-api@"+string(api), "prod"),
		"runs[1]: it is a second run: ":                                                                   `{"runs": [{"tool": {"driver": {"name": "Trivy"}}}, {}]}`,
		"imageScanStatus: status \"FAILED\" (":                                                            changed(t, "ecr-basic.json", `"COMPLETE"`, `"FAILED"`),
		"imageId.imageDigest: digest \"prod\": ":                                                          changed(t, "ecr-basic.json", string(api), "prod"),
		"Results[0].Vulnerabilities: \"all\": want \"[\"":                                                 `{"SchemaVersion": 2, "Results": [{"Vulnerabilities": "all"}]}`,
		"more: it is nested more than 1000 deep":                                                          `{"more": ` + strings.Repeat("[", 5000),
		"more: one value is longer than 16 MiB":                                                           `{"more": "` + strings.Repeat("x", 17<<20),
		"matches[1]: \"" + strings.Repeat("x", 40) + "\"…: want names and versions of at most 4096 bytes": changed(t, "grype.json", "log4j-core", strings.Repeat("x", 5000)),
	} {
		got, err := report.Read(strings.NewReader(input), "", report.Wanted{})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
		if diff := cmp.Diff(report.Report{}, got); diff != "" {
			t.Errorf("%s: something is said all the same:\n%s", want, diff)
		}
	}
}

// A report that is cut off anywhere is refused: half of the findings is no answer.
func TestAReportThatIsCutOffAnywhereIsRefused(t *testing.T) {
	for _, file := range []string{"grype.json", "trivy.json", "grype.cdx.json", "inspector.json", "ecr-basic.json", "trivy.sarif.json"} {
		whole := strings.TrimSpace(text(t, file))
		for end := range len(whole) {
			if _, err := report.Read(strings.NewReader(whole[:end]), "", report.Wanted{}); err == nil {
				t.Fatalf("%s is taken for whole after %d of %d bytes", file, end, len(whole))
			}
		}
	}
}

// long is a report of so many bytes, made as it is read; look is called now and then.
type long struct {
	head, again, tail string
	left              int
	look              func()
	rest              string
	sinceLook         int
}

func (l *long) Read(p []byte) (int, error) {
	if l.rest == "" {
		switch {
		case l.head != "":
			l.rest, l.head = l.head, ""
		case l.left > 0:
			l.rest, l.left = l.again, l.left-len(l.again)
		case l.tail != "":
			l.rest, l.tail = l.tail, ""
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	if l.sinceLook += n; l.sinceLook > 4<<20 {
		l.sinceLook = 0
		l.look()
	}
	return n, nil
}

// What is not kept takes no memory, however long the report is: neither findings nor what
// is skipped. Looked at after each 4 MiB, with all garbage collected.
func TestAReportIsReadWithinConstantMemory(t *testing.T) {
	const size, most = 16 << 20, 4 << 20
	vulnerability := `{"VulnerabilityID":"CVE-2025-1","PkgName":"libssl3","Severity":"LOW","Description":"` + strings.Repeat("long ", 2000) + `"}`
	for what, l := range map[string]*long{
		"findings": {
			head:  `{"SchemaVersion":2,"Metadata":{"RepoDigests":["a@` + string(api) + `"]},"Results":[{"Vulnerabilities":[` + vulnerability,
			again: "," + vulnerability, tail: `]}]}`,
		},
		"what is skipped": {
			head:  `{"SchemaVersion":2,"Metadata":{"RepoDigests":["a@` + string(api) + `"]},"Results":[{"Packages":[{}`,
			again: `,{"Name":"libssl3","Layer":["` + strings.Repeat("long ", 2000) + `"]}`, tail: `],"Vulnerabilities":[` + vulnerability + `]}]}`,
		},
	} {
		heap := func() int64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		before, looks := heap(), 0
		l.left = size
		l.look = func() {
			looks++
			if grown := heap() - before; grown > most {
				t.Errorf("%s: %d bytes are kept in the middle of it, want at most %d", what, grown, most)
			}
		}
		got, err := report.Read(l, "", report.Wanted{Severity: "high"})
		if err != nil || len(got.Images[0].Findings) != 0 || got.Read == 0 || looks < 3 {
			t.Errorf("%s: read %d findings, looked %d times, error %v", what, got.Read, looks, err)
		}
	}
}
