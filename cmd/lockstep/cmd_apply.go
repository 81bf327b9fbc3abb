package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lockstep/executor"
)

// gatePoll is how often a gate that waits is asked again.
const gatePoll = 500 * time.Millisecond

func (a *app) applyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply PLAN.yml",
		Short: "Show what a plan would change, ask, change it and verify",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.flags.check {
				return a.plan(cmd.Context(), args[0])
			}
			return a.apply(cmd.Context(), args[0])
		},
	}
	a.planFlags(cmd)
	a.connectFlags(cmd)
	a.detailedFlag(cmd)
	cmd.Flags().BoolVarP(&a.flags.yes, "auto-approve", "y", false, "do not ask before changing")
	cmd.Flags().BoolVarP(&a.flags.check, "check", "C", false, "the same as lockstep plan")
	return cmd
}

func (a *app) apply(ctx context.Context, file string) error {
	if !a.flags.yes && !term.IsTerminal(int(a.stdin.Fd())) {
		return fmt.Errorf("there is no terminal to ask for approval; pass --auto-approve (-y)")
	}
	x, closeHosts, err := a.prepare(ctx, file)
	if err != nil {
		return err
	}
	defer closeHosts()
	x.Eager, x.Lease, x.Gone = true, lease(), ended
	report, err := x.Preview(ctx)
	if err := judge(report, err, ""); err != nil {
		return err
	}
	if report.Changes+report.Unknown == 0 {
		return &outcome{exitDone, "nothing to change", nil}
	}
	if err := a.approve(ctx, len(x.Plan.Hosts)); err != nil {
		return err
	}
	x.Stop = a.gracefully()
	report, err = x.Apply(ctx)
	return applied(report, err)
}

// applied is the exit of a run.
func applied(report *executor.Report, err error) error {
	changed := ""
	if len(report.Touched) > 0 {
		changed = "; changed on " + strings.Join(report.Touched, ", ")
	}
	for _, service := range slices.Sorted(maps.Keys(report.Down)) {
		if hosts := report.Down[service]; len(hosts) > 0 {
			changed += fmt.Sprintf("; %s is DOWN on %s", service, strings.Join(hosts, ", "))
		}
	}
	if err := judge(report, err, changed); err != nil {
		return err
	}
	done := fmt.Sprintf("%d steps changed, %d verified", report.Changes, report.Verified)
	if report.Ignored > 0 {
		done += fmt.Sprintf("; %d FAILURES IGNORED or rescued, as the plan says", report.Ignored)
	}
	return &outcome{exitDone, done, nil}
}

// approve asks the person at the terminal.
func (a *app) approve(ctx context.Context, hosts int) error {
	return a.sure(ctx, fmt.Sprintf("\nMake these changes on %d hosts? Only \"yes\" does: ", hosts))
}

// goOn asks the person at the terminal whether a run that pauses is to go on.
func (a *app) goOn(ctx context.Context, question string) error {
	if a.flags.yes {
		return nil
	}
	a.sayPart(fmt.Sprintf("\n%s Only \"yes\" goes on: ", question))
	ctx, cancel := a.untilAsked(ctx)
	defer cancel()
	line, err := a.readLine(ctx)
	if err != nil || strings.TrimSpace(line) != "yes" {
		return fmt.Errorf("%w: not approved: %s", executor.ErrInterrupted, question)
	}
	return nil
}
