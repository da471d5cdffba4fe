package codepipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Artifact is something that an action takes or makes, an object in S3.
type Artifact struct {
	Name     string
	Bucket   string
	Key      string
	Revision string // of the source that made it, "" for others
}

// Artifact gives the newest artifact of an execution with a name. ok is false if
// no action has begun to make one.
func (x *Execution) Artifact(name string) (a Artifact, ok bool) {
	defer x.pipeline.lock()()
	a, ok = x.artifacts[name]
	return a, ok
}

// takeArtifacts finds what the action takes and makes room for what it makes.
func (a *Action) takeArtifacts() error {
	x := a.stage.execution
	if len(a.options.Inputs) > 5 || len(a.options.Outputs) > 5 {
		return fmt.Errorf("%d input and %d output artifacts: want 5 of each at most", len(a.options.Inputs), len(a.options.Outputs))
	}
	for _, name := range a.options.Inputs {
		artifact, ok := x.artifacts[name]
		if !ok {
			return fmt.Errorf("input artifact %q: no earlier action made it", name)
		}
		a.inputs = append(a.inputs, artifact)
	}
	for _, name := range a.options.Outputs {
		if !artifactExpr.MatchString(name) {
			return fmt.Errorf("output artifact %q: want 1 to 100 of a-z, A-Z, 0-9, _ and -", name)
		}
		artifact := x.newArtifact(name)
		x.artifacts[name] = artifact
		a.outputs = append(a.outputs, artifact)
	}
	return nil
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// newArtifact names an object as CodePipeline does: by its pipeline and the
// artifact, both cut, and something random.
func (x *Execution) newArtifact(name string) Artifact {
	p := x.pipeline
	folder := []string{p.name[:min(20, len(p.name))], name[:min(10, len(name))], wire.Text(7, letters, p.service.ids.Seed("artifact", x.id, name)...)}
	artifact := Artifact{Name: name, Bucket: p.options.Bucket, Key: strings.Join(folder, "/")}
	if i := slices.IndexFunc(x.options.Revisions, func(r Revision) bool { return r.Name == name }); i >= 0 {
		artifact.Revision = x.options.Revisions[i].ID
	}
	return artifact
}
