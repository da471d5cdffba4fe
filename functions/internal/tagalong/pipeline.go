package tagalong

import (
	"errors"

	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
)

// gitCommit is what the id of a Git source's revision looks like: an image's digest
// and a version of S3 do not.
var gitCommit = pattern.Run{Min: 7, Max: 64, Of: pattern.LowerHex}

// Commit returns the source revision, "" if the sources name none or several: then the
// images' own annotations must say it.
func (e Execution) Commit() string { return onlyOne(e.Commits()) }

// Commits returns the source revisions that are commits.
func (e Execution) Commits() (commits []string) {
	for _, r := range e.Revisions {
		if gitCommit.MatchString(r.ID) {
			commits = append(commits, r.ID)
		}
	}
	return commits
}

// Errors that Pipelines, CodeDeploy and Jobs give. Everything else is a failure to be
// tried again; ErrElsewhere says what it says of a Workload.
var (
	// ErrNoJob says that CodePipeline does not know the job.
	ErrNoJob = errors.New("job not found in CodePipeline")
	// ErrJobOver says that the job has had its answer.
	ErrJobOver = errors.New("job has had its answer")
)

// Pipeline names a pipeline. Its account and Region need not be those in which
// its actions act.
type Pipeline struct {
	Account string
	Region  string
	Name    string
}

// Execution is what is known of a pipeline's execution,
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecution.html.
type Execution struct {
	Revisions   []Revised // of its source actions
	Trigger     string    // such as CloudWatchEvent or ManualRollback
	TriggeredBy string    // the trigger's detail: the ARN of a rule or of a user, a branch
	Rollback    bool      // it rolls a stage back
	RollbackOf  string    // to the sources of this execution, "" if none is named
}

// Revised is a source revision,
// https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ArtifactRevision.html.
type Revised struct {
	Name    string // of the source's artifact
	ID      string // a commit of a Git source; an image's digest of ECR; a version of S3
	Summary string
	URL     string
}
