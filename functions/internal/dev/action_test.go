package dev_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const action = ".github/actions/gate/"

// release serves a release of a command that prints how it was called and ends with 3.
func release(t *testing.T) (url, checksum string) {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: "tagalong"}
	header.SetMode(0o755)
	f, err := w.CreateHeader(header)
	if err == nil {
		_, err = f.Write([]byte("#!/bin/sh\nfor word; do echo \"[$word]\"; done\necho \"[$TAGALONG_TABLE]\"\nexit 3\n"))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	checksum = fmt.Sprintf("%x", sha256.Sum256(archive.Bytes()))
	const name = "tagalong_v1.2.3_linux_amd64.zip"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1.2.3/" + name, "/v1.2.4/tagalong_v1.2.4_linux_amd64.zip":
			_, _ = w.Write(archive.Bytes())
		case "/v1.2.3/SHA256SUMS":
			fmt.Fprintf(w, "%064d  other.zip\n%s  %s\n", 0, checksum, name)
		case "/v1.2.4/SHA256SUMS": // of other bytes
			fmt.Fprintf(w, "%064d  tagalong_v1.2.4_linux_amd64.zip\n", 0)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, checksum
}

// TestTheActionInstallsWhatWasReleasedAndAsksGate runs the action's script as a runner does.
func TestTheActionInstallsWhatWasReleasedAndAsksGate(t *testing.T) {
	url, checksum := release(t)
	asked := "[gate]\n[--ran-in=staging]\n[--for=4h]\n[--no-new=critical]\n[--against=prod]\n[--report=a b.json]\n[--report=$(id).json]\n[--]\n[shop:v1; exit 0]\n[ledger]\n"
	for name, test := range map[string]struct {
		with   []string
		status int
		want   string
	}{
		"a release":                     {[]string{"VERSION=v1.2.3"}, 3, asked + "::error title=tagalong gate::the image may not go on: the lines above say why\n"},
		"one that is pinned":            {[]string{"VERSION=v1.2.4", "CHECKSUM=" + checksum}, 3, asked},
		"other bytes":                   {[]string{"VERSION=v1.2.4"}, 1, "has the checksum " + checksum + ": want 0000"},
		"other bytes than pinned":       {[]string{"VERSION=v1.2.3", "CHECKSUM=" + strings.Repeat("0", 64)}, 1, "has the checksum " + checksum},
		"a release that is not":         {[]string{"VERSION=v9.9.9"}, 1, "tagalong_v9.9.9_linux_amd64.zip of release v9.9.9 could not be fetched"},
		"no version":                    {[]string{"VERSION=main"}, 1, "the input version: want a release such as v1.2.3"},
		"a checksum that is none":       {[]string{"VERSION=v1.2.3", "CHECKSUM=abc"}, 1, "the input checksum: want 64 hexadecimal digits"},
		"a platform that has none":      {[]string{"VERSION=v1.2.3", "RUNNER_ARCH=X86"}, 1, "there is no release for Linux on X86"},
		"no image":                      {[]string{"VERSION=v1.2.3", "IMAGE="}, 1, "the input image: want a digest"},
		"a platform SHA256SUMS has not": {[]string{"VERSION=v1.2.3", "RUNNER_ARCH=ARM64"}, 1, "could not be fetched"},
	} {
		t.Run(name, func(t *testing.T) {
			temporary := t.TempDir()
			command := exec.CommandContext(t.Context(), "bash", filepath.Join(root, action+"gate"))
			command.Env = append([]string{
				"PATH=" + os.Getenv("PATH"), "RUNNER_OS=Linux", "RUNNER_ARCH=X64", "RUNNER_TEMP=" + temporary, "TAGALONG_RELEASES=" + url, "TAGALONG_TABLE=ledger",
				"IMAGE=shop:v1; exit 0", "RAN_IN=staging", "FOR=4h", "NOT_RUNNING=", "NO_NEW=critical", "AGAINST=prod", "REPORTS=a b.json\n\n$(id).json\n",
			}, test.with...)
			out, err := command.CombinedOutput()
			if status := command.ProcessState.ExitCode(); status != test.status || !strings.Contains(string(out), test.want) {
				t.Errorf("exit status %d, %v, want %d and %q:\n%s", status, err, test.status, test.want, out)
			}
			if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestTheActionPassesItsInputsByTheEnvironment keeps texts of others out of the script, and
// inputs and script alike.
func TestTheActionPassesItsInputsByTheEnvironment(t *testing.T) {
	described, script := read(t, action+"action.yml"), read(t, action+"gate")
	inputs, steps, _ := strings.Cut(described, "\nruns:\n")
	_, run, _ := strings.Cut(steps, "run: ")
	if strings.Contains(run, "${{") {
		t.Errorf("the script has expressions in it: %s", run)
	}
	passed := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^        ([A-Z_]+): \$\{\{ inputs\.([a-z-]+) \}\}$`).FindAllStringSubmatch(steps, -1) {
		passed[m[2]] = m[1]
	}
	all := regexp.MustCompile(`(?m)^  ([a-z-]+):$`).FindAllStringSubmatch(inputs, -1)
	if len(all) != len(passed) || len(all) < 8 {
		t.Errorf("%d inputs, %d passed on", len(all), len(passed))
	}
	for _, input := range all {
		if variable := passed[input[1]]; variable == "" || variable != "TAGALONG_TABLE" && !strings.Contains(script, "{"+variable+":-") {
			t.Errorf("input %s, in the variable %q, reaches nothing", input[1], variable)
		}
	}
}
