package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/boot"
	sweepwiring "github.com/tagalong-aws/tagalong/functions/internal/boot/wiring/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/ratelimit"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/ecr"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
)

// The story's last chapter: something critical is found in most images, and few of them
// matter.

// log4shell is what is found, as ECR's basic scans tell it.
var log4shell = ecr.ScanFinding{Name: "CVE-2021-44228", Severity: "CRITICAL", Attributes: []ecr.Attribute{
	{Key: "package_name", Value: "log4j-core"}, {Key: "package_version", Value: "2.14.1"}, {Key: "patched_version", Value: "2.15.0"},
}}

// find tells how it is found, and who burns.
func (st *stage) find(ctx context.Context) error {
	fmt.Fprint(st.w, "\nThe last chapter. ECR's scans find CVE-2021-44228 in builds 41, 42 and 43 of checkout-api and in both of the worker's: five images in the registry have it. The sweep fetches what was found in those that are in use.\n")
	st.clock.set(at(10, 52, 0, 0))
	for _, build := range []string{"build-41", "build-42", "build-43"} {
		if err := st.scan(st.images, build, log4shell); err != nil {
			return err
		}
	}
	for _, build := range []string{"build-41", "build-42"} {
		if err := st.scan(st.worker.images, build, log4shell); err != nil {
			return err
		}
	}
	if err := st.sweep(ctx, at(10, 55, 0, 0)); err != nil {
		return err
	}
	return st.askAll(ctx,
		question{"Which services burn, and since when? The builds 41 lie in the registry and run nowhere: they have no line, however bad they are. Into the sidecar, which lies in a public registry, nobody has looked, and that is said.", "tagalong exposure --cve CVE-2021-44228"},
		question{"And who in prod has ever run it? Build 43 did, while its rollout failed.", "tagalong exposure prod --cve CVE-2021-44228 --ever"},
	)
}

// fix tells how a fixed build goes to prod, and what that changes.
func (st *stage) fix(ctx context.Context) error {
	fmt.Fprint(st.w, "\nBuild 44 of checkout-api has the fix. It is pushed, scanned, and rolled out to staging; the next sweep fetches that nothing was found in it.\n")
	st.clock.set(at(10, 58, 0, 0))
	err := push(st.images, "", "build-44")
	if err == nil {
		err = st.scan(st.images, "build-44")
	}
	if err == nil {
		err = st.play(ctx, step{happens: []happening{func() ([]byte, error) {
			return st.rollOut(st.staging, "build-44", at(10, 59, 0, 0), at(11, 2, 4, 0))
		}}})
	}
	if err == nil {
		err = st.sweep(ctx, at(11, 3, 0, 0))
	}
	if err != nil {
		return err
	}
	if err := st.askAll(ctx, question{"May it go on to prod?", "tagalong gate checkout-api:build-44 --ran-in staging --no-new high --against prod"}); err != nil {
		return err
	}
	fmt.Fprint(st.w, "\nIt goes on.\n")
	if err := st.play(ctx, step{happens: []happening{func() ([]byte, error) {
		return st.rollOut(st.prod, "build-44", at(11, 4, 0, 0), at(11, 7, 41, 0))
	}}}); err != nil {
		return err
	}
	return st.askAll(ctx,
		question{"Who burns now? The worker alone, as soon as the rollout has completed.", "tagalong exposure prod --cve CVE-2021-44228"},
		question{"From when to when did prod?", "tagalong exposure prod --cve CVE-2021-44228 --ever"},
	)
}

// scan has a build scanned: its index as a whole is not, but each of its platforms.
func (st *stage) scan(images *ecr.Repository, build string, found ...ecr.ScanFinding) error {
	platforms := images.Platforms(images.Tag(build))
	if len(platforms) == 0 {
		return fmt.Errorf("image %s:%s has no platforms to scan", images.URI(), build)
	}
	for _, d := range platforms {
		images.SetScan(d, "COMPLETE", found...)
	}
	return nil
}

// sweep runs the sweep's own code, which asks ECR for findings.
func (st *stage) sweep(ctx context.Context, at time.Time) error {
	st.clock.set(at)
	settings := st.settings
	settings.Findings = boot.FindingsECR
	sweeper, err := sweepwiring.Sweeper(ctx, settings, st.cfg, slog.New(slog.DiscardHandler), ratelimit.New())
	if err != nil {
		return err
	}
	sweeper.Reactor.Now = st.clock.now
	report, err := sweeper.Sweep(ctx, sweep.Options{Findings: true})
	if err == nil {
		_, err = fmt.Fprintf(st.w, "   %s  sweep: %s\n", at.Format(time.TimeOnly), summary(report, false))
	}
	return err
}
