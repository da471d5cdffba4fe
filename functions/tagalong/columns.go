package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/ledger"
	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// The tables of the questions. A column that says nothing but what was asked for
// is left out of narrow ones.

func runningColumns(v view, asked query.RunningQuery) []column[query.RunningRow] {
	type row = query.RunningRow
	columns := []column[row]{
		{head: "env", cell: func(r row) string { return r.Environment }, plain: asked.Environment},
		{head: "account", cell: func(r row) string { return r.Account }, detail: true},
		{head: "region", cell: func(r row) string { return r.Region }, detail: true},
		{head: "kind", cell: func(r row) string { return string(r.Kind) }, plain: string(tagalong.KindService)},
		{head: "service", cell: func(r row) string { return r.Cluster + "/" + r.Service }},
		{head: "container", cell: func(r row) string { return r.Container }},
		{head: "image", cell: func(r row) string { return v.image(r.Registry, r.Repository, r.ImageTag) }},
		{head: "digest", cell: func(r row) string { return v.digest(r.Digest) }},
		{head: "index", cell: func(r row) string { return v.digest(r.Index) }, detail: true},
		{head: "evidence", cell: func(r row) string { return string(r.Evidence) }},
		{head: "phase", cell: func(r row) string { return orDash(r.Phase) }, plain: string(ledger.PhaseRunning)},
		{head: "since", cell: func(r row) string { return v.time(r.Since) }},
		{head: "last ran", cell: func(r row) string { return v.time(r.LastRan) }, plain: "-"},
		{head: "deployment", cell: func(r row) string { return deploymentNumber(r.Deployment) }, detail: true},
		{head: "task definition", cell: func(r row) string { return taskDefinition(r.TaskDefinition) }, detail: true},
		{head: "pipeline", cell: func(r row) string { return orDash(r.Release.Pipeline) }, detail: true},
		{head: "execution", cell: func(r row) string { return orDash(r.Release.Execution) }, detail: true},
		{head: "stage", cell: func(r row) string { return orDash(r.Release.Stage) }, detail: true},
		{head: "commit", cell: func(r row) string { return v.revision(r.Release.Commit) }, plain: "-", spare: true},
		{head: "rollback", cell: func(r row) string { return map[bool]string{true: "yes", false: "-"}[r.Rollback] }, plain: "-", spare: true},
	}
	if !asked.At.IsZero() {
		return columns // nobody wrote down how tags stood
	}
	return append(columns,
		column[row]{head: "tag state", cell: func(r row) string { return string(r.TagState) }},
		column[row]{head: "rolling out", cells: rollingOut, plain: "-"},
	)
}

// rollingOut names the deployment beside what runs and, where ECS has shown it, how far that
// has come.
func rollingOut(r query.RunningRow) []string {
	lines := []string{orDash(deploymentNumber(r.RollingOut))}
	u, text := r.Rollout, ""
	if u.State != ledger.ProgressRollingOut {
		text = string(u.State)
	}
	if u.Weight != nil {
		text += " " + strconv.FormatFloat(*u.Weight, 'f', -1, 64) + " %"
	}
	if u.Until != nil && (u.State == ledger.ProgressBaking || u.State == ledger.ProgressPaused) {
		text += " until " + clock(u.Until)
	}
	if text = strings.TrimSpace(text); text != "" {
		lines = append(lines, text)
	}
	return lines
}

func historyColumns(v view, asked query.HistoryQuery) []column[ledger.HistoryRow] {
	type row = ledger.HistoryRow
	return slices.Concat(
		[]column[row]{
			{head: "started", cell: func(r row) string { return v.time(r.StartedAt) }},
			{head: "finished", cell: func(r row) string { return v.time(r.FinishedAt) }, spare: true},
			{head: "until", cell: func(r row) string { return v.time(r.Until) }},
			{head: "env", cell: func(r row) string { return r.Environment }, plain: asked.Environment},
			{head: "account", cell: func(r row) string { return r.Account }, detail: true},
			{head: "region", cell: func(r row) string { return r.Region }, detail: true},
			{head: "kind", cell: func(r row) string { return string(r.Kind) }, plain: string(tagalong.KindService)},
			{head: "service", cell: func(r row) string { return r.Cluster + "/" + r.Service }, plain: asked.Services.String()},
			{head: "deployment", cell: func(r row) string { return deploymentNumber(r.Deployment) }, detail: true},
			{head: "task definition", cell: func(r row) string { return taskDefinition(r.TaskDefinition) }, detail: true},
			{head: "state", cells: course},
			{head: "images", cells: func(r row) []string { return v.containers(r.Containers) }},
		},
		v.releaseColumns(),
		[]column[row]{{head: "reason", cell: failure, plain: "-"}},
	)
}

// releaseColumns are what put a rollout in place: in narrow tables the pipeline and
// the commit below it, since most rollouts have two images.
func (v view) releaseColumns() []column[ledger.HistoryRow] {
	type row = ledger.HistoryRow
	if !v.wide {
		return []column[row]{{head: "release", cells: func(r row) []string { return v.origin(r.Release) }, plain: "-", spare: true}}
	}
	return []column[row]{
		{head: "pipeline", cell: func(r row) string { return orDash(r.Release.Pipeline) }},
		{head: "execution", cell: func(r row) string { return orDash(r.Release.Execution) }},
		{head: "stage", cell: func(r row) string { return orDash(r.Release.Stage) }},
		{head: "commit", cell: func(r row) string { return v.revision(r.Release.Commit) }},
	}
}

// shippedColumns are the rollouts of one release: its stage says more than its
// pipeline.
func shippedColumns(v view) []column[ledger.HistoryRow] {
	type row = ledger.HistoryRow
	if v.wide {
		return historyColumns(v, query.HistoryQuery{})
	}
	columns := historyColumns(v, query.HistoryQuery{})
	at := slices.IndexFunc(columns, func(c column[row]) bool { return c.head == "release" })
	columns[at] = column[row]{head: "stage", cell: func(r row) string { return orDash(r.Release.Stage) }}
	return columns
}

// traitColumns have the release as their head.
func traitColumns(release string) []column[trait] {
	return []column[trait]{
		{head: "release", cell: func(t trait) string { return t.name }},
		{head: release, typed: true, cells: func(t trait) []string { return t.lines }},
	}
}

func findColumns(v view) []column[query.FindRow] {
	type row = query.FindRow
	return []column[row]{
		{head: "found", cell: func(r row) string { return string(r.Found) }},
		{head: "name", cell: func(r row) string { return v.found(r) }},
		{head: "env", cell: func(r row) string { return orDash(r.Environment) }},
		{head: "phase", cell: func(r row) string { return orDash(string(r.Phase)) }},
		{head: "since", cell: func(r row) string { return v.time(r.Since) }},
		{head: "until", cell: func(r row) string { return v.time(r.Until) }},
		{head: "services", cells: func(r row) []string { return r.Services }},
		{head: "images", cells: func(r row) []string { return v.references(r.Images) }},
	}
}

func gateColumns() []column[query.GateRow] {
	type row = query.GateRow
	return []column[row]{
		{head: "check", cell: func(r row) string { return string(r.Check) }},
		{head: "env", cell: func(r row) string { return r.Environment }},
		{head: "passed", cell: func(r row) string { return map[bool]string{true: "yes", false: "no"}[r.Passed] }},
		{head: "reason", cell: func(r row) string { return r.Reason }},
	}
}

func inUseColumns() []column[query.InUseRow] {
	type row = query.InUseRow
	return []column[row]{
		{head: "image", cell: row.Reference},
		{head: "phase", cell: func(r row) string { return r.Phase }},
		{head: "env", cell: func(r row) string { return r.Environment }},
		{head: "kind", cell: func(r row) string { return string(r.Kind) }, plain: string(tagalong.KindService)},
		{head: "account", cell: func(r row) string { return r.Account }},
		{head: "region", cell: func(r row) string { return r.Region }},
		{head: "service", cell: func(r row) string { return r.Cluster + "/" + r.Service }},
		{head: "container", cell: func(r row) string { return r.Container }},
	}
}

func releasesColumns(v view, asked query.ReleasesQuery) []column[query.ReleasesRow] {
	type row = query.ReleasesRow
	return []column[row]{
		{head: "started", cell: func(r row) string { return v.time(r.Since) }},
		{head: "latest", cell: func(r row) string { return v.time(r.Latest) }},
		{head: "release", cell: func(r row) string { return r.Pipeline + "/" + v.execution(r.Execution) }},
		{head: "commit", cell: func(r row) string { return v.revision(r.Commit) }, plain: "-"},
		{head: "envs", cells: func(r row) []string { return r.Environments }, plain: asked.Environment},
		{head: "services", cell: func(r row) string { return strconv.Itoa(r.Services) }},
		{head: "state", cell: func(r row) string { return string(r.State) }},
	}
}

func whereColumns(v view, asked tagalong.ImageQuery) []column[query.WhereRow] {
	type row = query.WhereRow
	var askedDigest, askedRepository string
	if asked.Digest != "" {
		askedDigest = v.digest(asked.Digest)
	}
	if asked.Repository != "" {
		askedRepository = v.image("", asked.Repository, "")
	}
	return []column[row]{
		{head: "env", cell: func(r row) string { return r.Environment }},
		{head: "account", cell: func(r row) string { return r.Account }, detail: true},
		{head: "region", cell: func(r row) string { return r.Region }, detail: true},
		{head: "kind", cell: func(r row) string { return string(r.Kind) }, plain: string(tagalong.KindService)},
		{head: "service", cell: func(r row) string { return r.Cluster + "/" + r.Service }},
		{head: "container", cell: func(r row) string { return r.Container }},
		{head: "image", cell: func(r row) string { return v.image(r.Registry, r.Repository, "") }, plain: askedRepository},
		{head: "digest", cell: func(r row) string { return v.digest(r.Digest) }, plain: askedDigest},
		{head: "index", cell: func(r row) string { return v.digest(r.Index) }, detail: true},
		{head: "evidence", cell: func(r row) string { return string(r.Evidence) }},
		{head: "phase", cell: func(r row) string { return string(r.Phase) }},
		{head: "since", cell: func(r row) string { return v.time(r.Since) }},
		{head: "until", cell: func(r row) string { return v.time(r.Until) }},
		{head: "last ran", cell: func(r row) string { return v.time(r.LastRan) }, plain: "-"},
		{head: "runs", cell: func(r row) string { return runs(r) }, plain: "-"},
	}
}

// runs are those of standalone tasks.
func runs(r query.WhereRow) string {
	if r.LastRan == nil {
		return "-"
	}
	return strconv.Itoa(r.Runs)
}

func matchColumns(v view) []column[query.MatchRow] {
	type row = query.MatchRow
	return []column[row]{
		{head: "finding", cell: func(r row) string { return r.ID }},
		{head: "severity", cell: func(r row) string { return string(r.Severity) }},
		{head: "exploited", cell: func(r row) string { return exploited(r.KnownExploited) }, plain: "-", spare: true},
		{head: "epss", cell: func(r row) string { return percent(r.EPSS) }, plain: "-", spare: true},
		{head: "package", cell: func(r row) string { return orDash(r.Package) }},
		{head: "installed", cell: func(r row) string { return orDash(r.Installed) }},
		{head: "fixed in", cell: func(r row) string { return orDash(r.FixedIn) }},
		{head: "env", cell: func(r row) string { return r.Environment }},
		{head: "account", cell: func(r row) string { return r.Account }, detail: true},
		{head: "region", cell: func(r row) string { return r.Region }, detail: true},
		{head: "service", cell: func(r row) string { return r.Cluster + "/" + r.Service }},
		{head: "container", cell: func(r row) string { return r.Container }, spare: true},
		{head: "image", cell: func(r row) string { return v.image(r.Registry, r.Repository, "") }, detail: true},
		{head: "digest", cell: func(r row) string { return v.digest(r.Digest) }, detail: true},
		{head: "phase", cell: func(r row) string { return string(r.Phase) }},
		{head: "since", cell: func(r row) string { return v.time(r.Since) }, spare: true},
	}
}

// exposureColumns are those of match, and the end where something may have ended.
func exposureColumns(v view, wanted query.ExposureQuery) []column[query.ExposureRow] {
	type row = query.ExposureRow
	var columns []column[row]
	for _, c := range matchColumns(v) {
		cell := c.cell
		columns = append(columns, column[row]{head: c.head, plain: c.plain, detail: c.detail, cell: func(r row) string { return cell(r.MatchRow) }})
	}
	columns[0].cell = func(r row) string {
		if !r.Scanned {
			return "never scanned"
		}
		return r.ID
	}
	columns[1].cell = func(r row) string { return orDash(string(r.Severity)) }
	if !wanted.At.IsZero() || wanted.Ever {
		columns = append(columns, column[row]{head: "until", cell: func(r row) string { return v.time(r.Until) }})
	}
	return append(columns,
		column[row]{head: "known since", cell: func(r row) string { return v.time(r.FirstSeen) }, detail: true},
		column[row]{head: "reason", cell: func(r row) string { return orDash(r.Reason) }, detail: true},
	)
}

// diffColumns names the two sides as they were asked for.
func diffColumns(v view, from, to string) []column[query.DiffRow] {
	type row = query.DiffRow
	return []column[row]{
		{head: "kind", cell: func(r row) string { return string(r.Kind) }, plain: string(tagalong.KindService)},
		{head: "service", cell: func(r row) string { return r.Service }},
		{head: "container", cell: func(r row) string { return r.Container }},
		{head: from, typed: true, cells: func(r row) []string { return v.digests(r.From) }},
		{head: to, typed: true, cells: func(r row) []string { return v.digests(r.To) }},
	}
}

func tagColumns(v view) []column[query.TagRow] {
	type row = query.TagRow
	return []column[row]{
		{head: "env", cell: func(r row) string { return orDash(r.Environment) }},
		{head: "registry", cell: func(r row) string { return r.Registry }, detail: true},
		{head: "repository", cell: func(r row) string { return r.Repository }},
		{head: "tag", cell: func(r row) string { return r.Tag }},
		{head: "digest", cell: func(r row) string { return v.digest(r.Digest) }},
		{head: "actual", cell: func(r row) string { return v.digest(r.Actual) }},
		{head: "state", cell: func(r row) string { return string(r.State) }},
		{head: "since", cell: func(r row) string { return v.time(r.Since) }, spare: true},
		{head: "reason", cell: func(r row) string { return orDash(r.Reason) }, plain: "-"},
	}
}

func environmentColumns() []column[query.EnvironmentRow] {
	type row = query.EnvironmentRow
	return []column[row]{
		{head: "environment", cell: func(r row) string { return r.Environment }},
		{head: "services", cell: func(r row) string { return strconv.Itoa(r.Services) }},
		{head: "tasks", cell: func(r row) string { return strconv.Itoa(r.Tasks) }, plain: "0"},
		{head: "functions", cell: func(r row) string { return strconv.Itoa(r.Functions) }, plain: "0"},
	}
}

func driftColumns(v view) []column[sweep.Drift] {
	type row = sweep.Drift
	return []column[row]{
		{head: "kind", cell: func(r row) string { return string(r.Kind) }},
		{head: "healed", cell: func(r row) string { return map[bool]string{true: "yes", false: "no"}[r.Repaired] }},
		{head: "env", cell: func(r row) string { return orDash(r.Environment) }, plain: "-"},
		{head: "account", cell: func(r row) string { return orDash(r.Account) }, detail: true},
		{head: "region", cell: func(r row) string { return orDash(r.Region) }, detail: true},
		{head: "service", cell: driftSubject, plain: "-"},
		{head: "container", cell: func(r row) string { return orDash(r.Container) }, plain: "-"},
		{head: "image", cell: func(r row) string { return orDash(v.image(r.Registry, r.Repository, r.Tag)) }, plain: "-"},
		{head: "want", cell: func(r row) string { return v.digest(r.Want) }, plain: "-"},
		{head: "actual", cell: func(r row) string { return v.digest(r.Actual) }, plain: "-"},
		{head: "reason", cell: func(r row) string { return orDash(r.Reason) }, plain: "-"},
	}
}

// driftSubject says which service or cluster drift is of: that of tags is of none.
func driftSubject(d sweep.Drift) string {
	if d.Service == "" {
		return orDash(d.Cluster)
	}
	return d.Cluster + "/" + d.Service
}
