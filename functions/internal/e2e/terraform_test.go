//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// terraform runs Terraform on a copy of infra/ and of the patterns that it
// reads, so that nothing is left behind in the repository.
type terraform struct {
	folder      string
	environment []string
	variables   []string
	cache       string // of the provider
}

func newTerraform(t *testing.T, folder string, environment []string, variables ...string) *terraform {
	t.Helper()
	scratch := t.TempDir()
	for _, part := range []string{"infra", "events/patterns"} {
		check(t, copySources(filepath.Join(scratch, part), filepath.Join(root, part)))
	}
	cache, err := filepath.Abs(filepath.Join(root, ".cache/terraform"))
	check(t, err)
	check(t, os.MkdirAll(cache, 0o755))
	return &terraform{folder: filepath.Join(scratch, folder), environment: environment, variables: variables, cache: cache}
}

// copySources copies a folder without what tools left in it under names with a dot.
func copySources(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), data, 0o644)
	})
}

// init fetches the provider from the registry, or takes it from the folder that
// TF_PLUGIN_DIR names, for machines that reach none.
func (tf *terraform) init(t *testing.T) {
	t.Helper()
	arguments := []string{"init", "-input=false", "-no-color"}
	if folder := os.Getenv("TF_PLUGIN_DIR"); folder != "" {
		arguments = append(arguments, "-plugin-dir="+folder)
	}
	if out, err := tf.command(t, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("terraform init: %v\n%s", err, out)
	}
}

// run runs apply, plan or destroy, and returns what it said and its exit status.
// The provider waits up to 25 s for each queue, whence the parallelism.
func (tf *terraform) run(t *testing.T, name string, more ...string) (output string, status int) {
	t.Helper()
	arguments := append([]string{name, "-input=false", "-no-color", "-parallelism=30"}, more...)
	for _, variable := range tf.variables {
		arguments = append(arguments, "-var="+variable)
	}
	out, err := tf.command(t, arguments...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("terraform %s: %v", name, err)
	}
	return string(out), 0
}

// outputs reads the outputs into a struct.
func (tf *terraform) outputs(t *testing.T, into any) {
	t.Helper()
	out, err := tf.command(t, "output", "-json", "-no-color").Output()
	if err != nil {
		t.Fatalf("terraform output: %v", err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("terraform output: %v", err)
	}
}

func (tf *terraform) command(t *testing.T, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(t.Context(), "terraform", arguments...)
	command.Dir = tf.folder
	// What a person has set up for Terraform shall not change the result.
	ours := slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "TF_") })
	command.Env = slices.Concat(ours, tf.environment, []string{
		"TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1",
		"TF_PLUGIN_CACHE_DIR=" + tf.cache, "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE=1",
	})
	return command
}
