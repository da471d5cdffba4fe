package dev_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// papers are what people read: all Markdown of the repository, by its path.
func papers(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", ".cache", ".terraform", "dist"}, name):
			return filepath.SkipDir
		case filepath.Ext(name) == ".md":
			raw, err := os.ReadFile(path)
			all[filepath.Clean(path)] = string(raw)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("%d papers", len(all))
	}
	return all
}

var (
	makeTarget = regexp.MustCompile("(?m)(?:^|`)make ([a-z0-9-]+)")
	link       = regexp.MustCompile(`\]\(([^)#:]*)(?:#([^):]*))?\)`)
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

func TestThePapersNameWhatExists(t *testing.T) {
	makefile := read(t, "Makefile")
	all := papers(t)
	for path, text := range all {
		for _, target := range makeTarget.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(makefile, "\n"+target[1]+":") {
				t.Errorf("%s names make %s, which is no target", path, target[1])
			}
		}
		for _, l := range link.FindAllStringSubmatch(text, -1) {
			to := path
			if l[1] != "" {
				to = filepath.Join(filepath.Dir(path), l[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s: %v", path, l[1], err)
			}
			if l[2] != "" && !slices.Contains(anchors(all[to]), l[2]) {
				t.Errorf("%s links to %s#%s, which is no heading there", path, l[1], l[2])
			}
		}
	}
}

// anchors returns the names by which the headings of a paper are linked to, as GitHub
// makes them.
func anchors(text string) (names []string) {
	dropped := regexp.MustCompile("[^a-z0-9 _-]")
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		names = append(names, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return names
}

// TestTheReadmeIsShort keeps the first page one: what it would say more belongs into the
// README of the folder that it is about.
func TestTheReadmeIsShort(t *testing.T) {
	if lines := strings.Count(read(t, "README.md"), "\n"); lines > 200 {
		t.Errorf("README.md has %d lines, want 200 at most", lines)
	}
}

// TestTheWorkflowRunsWhatEveryCommitMustPass holds the steps of .ci/run against those
// that GitHub runs.
func TestTheWorkflowRunsWhatEveryCommitMustPass(t *testing.T) {
	all := regexp.MustCompile(`set -- ([a-z0-9 -]+)\n`).FindStringSubmatch(read(t, ".ci/run"))
	if all == nil {
		t.Fatal(".ci/run names no steps")
	}
	wanted := strings.Fields(all[1])
	var steps []string
	for _, matrix := range regexp.MustCompile(`step: \[(.*)\]`).FindAllStringSubmatch(read(t, ".github/workflows/test.yml"), -1) {
		steps = append(steps, strings.Split(matrix[1], ", ")...)
	}
	slices.Sort(wanted)
	slices.Sort(steps)
	if !slices.Equal(wanted, steps) {
		t.Errorf("test.yml runs %v, want the steps of .ci/run, %v", steps, wanted)
	}
}

// TestActionsArePinned: a tag of somebody else's repository may move.
func TestActionsArePinned(t *testing.T) {
	workflows, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	if err != nil || workflows == nil {
		t.Fatalf("%v, %v", workflows, err)
	}
	pinned := regexp.MustCompile(`uses: [\w/-]+@[0-9a-f]{40} # v[0-9.]+\n`)
	for _, path := range workflows {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if used, good := strings.Count(string(raw), "uses:"), len(pinned.FindAll(raw, -1)); used == 0 || used != good {
			t.Errorf("%s uses %d actions, %d of them by commit with the version beside it", path, used, good)
		}
	}
}

// TestTheImageIsBuiltByTheToolchain: what is in the image is what make release makes.
func TestTheImageIsBuiltByTheToolchain(t *testing.T) {
	toolchain := regexp.MustCompile(`(?m)^toolchain go(.*)$`).FindStringSubmatch(read(t, "go.mod"))
	image := regexp.MustCompile(`(?m)^FROM --platform=\S+ golang:(\S+) AS build$`).FindStringSubmatch(read(t, ".github/Dockerfile"))
	if toolchain == nil || image == nil || toolchain[1] != image[1] {
		t.Errorf("go.mod has toolchain %q, .github/Dockerfile %q", toolchain, image)
	}
}

// TestTheFunctionsReadmeNamesThemAndTheirVariables: neither is added in silence.
func TestTheFunctionsReadmeNamesThemAndTheirVariables(t *testing.T) {
	readme := read(t, "functions/README.md")
	mains, err := filepath.Glob(filepath.Join(root, "functions/*/main.go"))
	if err != nil || mains == nil {
		t.Fatalf("%v, %v", mains, err)
	}
	for _, path := range mains {
		if name := filepath.Base(filepath.Dir(path)); !strings.Contains(readme, "| [`"+name+"/`](") {
			t.Errorf("functions/README.md has no row for %s", name)
		}
	}
	variables := regexp.MustCompile(`"(TAGALONG_[A-Z_]+)"`).FindAllStringSubmatch(read(t, "functions/internal/boot/config.go"), -1)
	if variables == nil {
		t.Fatal("boot reads no variables")
	}
	for _, v := range variables {
		if !strings.Contains(readme, "| `"+v[1]+"` |") {
			t.Errorf("functions/README.md has no row for %s", v[1])
		}
	}
}

// TestTheMapNamesEveryFolder: a room that is not on the map is not found.
func TestTheMapNamesEveryFolder(t *testing.T) {
	readme := read(t, "functions/internal/README.md")
	entries, err := os.ReadDir(filepath.Join(root, "functions/internal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && !strings.Contains(readme, "`"+entry.Name()+"/`") {
			t.Errorf("functions/internal/README.md has no row for %s", entry.Name())
		}
	}
	for _, name := range regexp.MustCompile("(?m)^\\| \\[?`([a-z]+)/`").FindAllStringSubmatch(readme, -1) {
		if _, err := os.Stat(filepath.Join(root, "functions/internal", name[1])); err != nil {
			t.Errorf("functions/internal/README.md names a folder that is gone: %v", err)
		}
	}
}

// TestThePapersNameFilesThatAreThere looks for what CONTRIBUTING and the table of where to
// change what send people to, by the end of its path.
func TestThePapersNameFilesThatAreThere(t *testing.T) {
	var files []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		files = append(files, filepath.ToSlash(path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	invented := []string{"rollingout.go", "dynamo/approval.go"} // those of the worked examples
	named := 0
	for _, paper := range []string{".github/CONTRIBUTING.md", "functions/internal/README.md", "events/README.md"} {
		for _, name := range regexp.MustCompile("`([a-z0-9_/.-]+\\.(?:go|tf|json|hcl))`").FindAllStringSubmatch(read(t, paper), -1) {
			named++
			ends := func(path string) bool { return strings.HasSuffix(path, "/"+name[1]) }
			if !slices.ContainsFunc(files, ends) && !slices.ContainsFunc(invented, func(one string) bool { return strings.HasSuffix(name[1], one) }) {
				t.Errorf("%s names %s, which is nowhere", paper, name[1])
			}
		}
	}
	if named < 30 {
		t.Errorf("%d files are named", named)
	}
}

// TestTheSBOMHasTheFunctions: a release's SBOM is that of the command, which is made of all
// that the functions are made of.
func TestTheSBOMHasTheFunctions(t *testing.T) {
	modules := func(patterns ...string) (modules []string) {
		command := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-tags", "lambda.norpc,nethttpomithttp2", "-f", "{{with .Module}}{{.Path}}{{end}}"}, patterns...)...)
		command.Dir = root
		out, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		modules = strings.Fields(string(out))
		slices.Sort(modules)
		return slices.Compact(modules)
	}
	inCommand := modules("./functions/tagalong")
	for _, m := range modules("./functions/deployment", "./functions/pipeline", "./functions/sweep", "./functions/tagimage", "./functions/imagedefinitions", "./functions/history") {
		if !slices.Contains(inCommand, m) {
			t.Errorf("module %s is of a function and not of the command", m)
		}
	}
	if len(inCommand) < 20 {
		t.Errorf("%d modules", len(inCommand))
	}
}
