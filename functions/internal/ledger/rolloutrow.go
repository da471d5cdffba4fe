package ledger

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
	"github.com/tagalong-aws/tagalong/functions/internal/timeline"
)

// HistoryRow is one rollout.
type HistoryRow struct {
	Environment    string             `json:"environment"`
	Kind           tagalong.Kind      `json:"kind"`
	Account        string             `json:"account"`
	Region         string             `json:"region"`
	Cluster        string             `json:"cluster"`
	Service        string             `json:"service"`
	Deployment     string             `json:"deployment"`
	TaskDefinition string             `json:"taskDefinition"`
	State          timeline.State     `json:"state"`
	StartedAt      *time.Time         `json:"startedAt"`
	FinishedAt     *time.Time         `json:"finishedAt"`
	Until          *time.Time         `json:"until"`
	Rollback       bool               `json:"rollback"`
	Reason         string             `json:"reason"`
	Containers     []HistoryContainer `json:"containers"`
	Release        tagalong.Release   `json:"release"`
	// OvertakenAt is when one that is superseded was: nil if nobody knows. Answers leave it
	// out; whoever shows a rollout as it stood at a time needs it.
	OvertakenAt *time.Time `json:"-"`
}

// HistoryContainer is a container of a HistoryRow.
type HistoryContainer struct {
	Container  string            `json:"container"`
	Registry   string            `json:"registry"`
	Repository string            `json:"repository"`
	Digest     digest.Digest     `json:"digest"`
	Index      digest.Digest     `json:"index"`
	ImageTag   string            `json:"imageTag"`
	Evidence   tagalong.Evidence `json:"evidence"`
}

func (r Row) History() HistoryRow {
	release := r.Released()
	row := HistoryRow{
		Environment:    r.Environment,
		Kind:           r.Service.Kind(),
		Account:        r.Service.Account,
		Region:         r.Service.Region,
		Cluster:        r.Service.Cluster,
		Service:        r.Service.OwnName(),
		Deployment:     r.Deployment,
		TaskDefinition: r.TaskDefinition,
		State:          r.State,
		StartedAt:      tagalong.TimeOrNil(r.StartedAt),
		FinishedAt:     tagalong.TimeOrNil(r.FinishedAt),
		Until:          tagalong.TimeOrNil(r.Until),
		Rollback:       r.Rollback,
		Reason:         r.Reason,
		Containers:     make([]HistoryContainer, 0, len(r.Containers)),
		Release:        release.Of(r.Service, r.Containers),
		OvertakenAt:    tagalong.TimeOrNil(r.OvertakenAt),
	}
	for _, c := range r.Containers {
		row.Containers = append(row.Containers, HistoryContainer{
			Container: c.Name, Registry: c.Image.Registry, Repository: c.Image.Name,
			Digest: c.Digest, Index: c.Index, ImageTag: release.ImageTag(c), Evidence: c.Evidence,
		})
	}
	return row
}
