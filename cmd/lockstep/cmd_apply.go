package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/executor"
	"lockstep/executor/journal"
	"lockstep/plan"
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
	if err := a.mayAsk(); err != nil {
		return err
	}
	inv, p, err := a.loadUnlocked(ctx, file)
	if err != nil {
		return err
	}
	return a.approved(ctx, inv, p, journal.Header{Command: "apply"})
}

// approved shows what a plan would change, asks, and changes it.
func (a *app) approved(ctx context.Context, inv *fleet, p *plan.Plan, h journal.Header) error {
	a.view = a.newView()
	x, closeHosts, err := a.executor(ctx, inv, p, a.view.Event)
	if err != nil {
		return err
	}
	defer closeHosts()
	h.ID = newRun()
	x.Eager, x.Lease, x.Gone = true, lease(h.ID), ended
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
	x.Approval = &report.Shown
	return a.recorded(ctx, x, h)
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
	a.answered(question, err == nil && strings.TrimSpace(line) == "yes")
	if err != nil || strings.TrimSpace(line) != "yes" {
		return fmt.Errorf("%w: not approved: %s", executor.ErrInterrupted, question)
	}
	return nil
}
