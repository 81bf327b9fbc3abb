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
		Long: `Shows what a plan would change, asks, changes that and nothing else, and verifies.

In place of a plan it takes the file of ` + "`lockstep plan -o`" + `, which is the approval: all
hosts are looked at again, what is done already counts as done, and if anything else
is not as planned, nothing is changed. Secrets, such as how a vault is opened, are to
be given again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, data, err := savedPlan(args[0])
			switch {
			case err != nil:
				return err
			case p != nil:
				if err := checkSavedFlags(cmd); err != nil {
					return err
				}
				return a.applySaved(cmd.Context(), args[0], p, data)
			case len(a.flags.allowDrift) > 0:
				return fmt.Errorf("--allow-drift goes with a saved plan, and %s is none", args[0])
			case a.flags.verify != "":
				return fmt.Errorf("--verify goes with a saved plan, and %s is none", args[0])
			case a.flags.check:
				return a.plan(cmd.Context(), args[0])
			}
			return a.apply(cmd.Context(), args[0])
		},
	}
	a.planFlags(cmd)
	a.connectFlags(cmd)
	a.detailedFlag(cmd)
	cmd.Flags().BoolVarP(&a.flags.yes, "auto-approve", "y", false, "do not ask before changing")
	cmd.Flags().BoolVarP(&a.flags.check, "check", "C", false, "the same as lockstep plan; of a saved plan: whether it could be carried out now")
	cmd.Flags().StringVar(&a.flags.approve, "approve", "", "do not ask, but change only what a dry run with this `fingerprint` has shown")
	cmd.Flags().StringVar(&a.flags.verify, "verify", "", "with a saved plan: only if it is signed by one of the allowed signers in this `file`, as ssh-keygen(1) has it")
	cmd.Flags().StringArrayVar(&a.flags.allowDrift, "allow-drift", nil, "with a saved plan: what was planned for `HOST:STEP` may be done although it is another change by now; repeatable")
	return cmd
}

func (a *app) apply(ctx context.Context, file string) error {
	agree := consent(a.byHand)
	if a.flags.approve != "" {
		agree = a.fingerprinted
	} else if err := a.mayAsk(); err != nil {
		return err
	}
	inv, p, err := a.loadUnlocked(ctx, file)
	if err != nil {
		return err
	}
	if err := a.mayPause(p); err != nil {
		return err
	}
	return a.approved(ctx, inv, p, journal.Header{Command: "apply"}, agree)
}

// approved shows what a plan would change, and changes it if somebody agrees.
func (a *app) approved(ctx context.Context, inv *fleet, p *plan.Plan, h journal.Header, agree consent) error {
	a.view = a.newView()
	x, closeHosts, err := a.executor(ctx, inv, p, a.view.Event)
	if err != nil {
		return err
	}
	defer closeHosts()
	h.ID = newRun()
	x.Eager, x.Lease, x.Gone = !a.flags.check, lease(h.ID), ended
	report, err := x.Preview(ctx)
	if err := judge(report, err, ""); err != nil {
		return err
	}
	if report.Changes+report.Unknown == 0 {
		return &outcome{exitDone, "nothing to change", nil}
	}
	if err := agree(ctx, x, report); err != nil {
		return err
	}
	if a.flags.check {
		return a.pending(report, nil)
	}
	x.Approval, h.Approved = &report.Shown, report.Shown.Fingerprint()
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
