package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"

	"lockstep/executor"
	"lockstep/executor/local"
	"lockstep/internal/secret"
	"lockstep/plan"
)

func (a *app) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan PLAN.yml",
		Short: "Show what a plan would change, and change nothing",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range []string{"expires", "sign"} {
				if a.flags.out == "" && cmd.Flags().Changed(name) {
					return fmt.Errorf("--%s goes with -o FILE", name)
				}
			}
			return a.plan(cmd.Context(), args[0])
		},
	}
	a.planFlags(cmd)
	a.connectFlags(cmd)
	a.detailedFlag(cmd)
	cmd.Flags().StringVarP(&a.flags.out, "out", "o", "", "save the plan in this `file`, for lockstep apply FILE; see docs/saved-plans.md")
	cmd.Flags().DurationVar(&a.flags.expires, "expires", 24*time.Hour, "with -o: how long the file is good for")
	cmd.Flags().StringVar(&a.flags.sign, "sign", "", "with -o: sign the file with this SSH `key`, in FILE.sig, for apply --verify")
	return cmd
}

func (a *app) detailedFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.flags.detailed, "detailed-exitcode", false, "exit with 2 when changes are pending")
}

func (a *app) plan(ctx context.Context, file string) error {
	inv, p, err := a.loadUnlocked(ctx, file)
	if err != nil {
		return err
	}
	if a.flags.out != "" {
		if err := a.storable(p); err != nil {
			return err
		}
	}
	sign, err := a.signer(ctx)
	if err != nil {
		return err
	}
	a.view = a.newView()
	x, closeHosts, err := a.executor(ctx, inv, p, a.view.Event)
	if err != nil {
		return err
	}
	defer closeHosts()
	var preview *bytes.Buffer
	if a.flags.out != "" {
		preview, x.Emit = a.drawing(x.Emit)
	}
	report, err := x.Preview(ctx)
	if a.flags.out != "" && judge(report, err, "") == nil {
		if err := a.save(x, report, preview.String(), sign); err != nil {
			return err
		}
	}
	return a.pending(report, err)
}

// pending is the exit of a dry run.
func (a *app) pending(report *executor.Report, err error) error {
	if err := judge(report, err, ""); err != nil {
		return err
	}
	n := report.Changes + report.Unknown
	switch {
	case n == 0:
		return &outcome{exitDone, "nothing to change", nil}
	case a.flags.detailed:
		return &outcome{exitFailed, fmt.Sprintf("changes are pending (%d steps)", n), nil}
	default:
		return &outcome{exitDone, fmt.Sprintf("planned (%d steps to change)", n), nil}
	}
}

// unlock reads the secrets that the plan and the way to its hosts take, each
// once. All that cannot be read is in the one error.
func (a *app) unlock(ctx context.Context, inv *fleet, p *plan.Plan) error {
	var store secret.Store
	var problems *multierror.Error
	for _, err := range []error{
		p.Unlock(ctx, a.getenv("HOME"), store.Resolve, a.redactor.Add),
		inv.unlock(ctx, a.needs(inv, p), a.getenv("HOME"), store.Resolve, a.redactor.Add),
	} {
		if err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	return problems.ErrorOrNil()
}

// loadUnlocked is load with the plan's secrets read.
func (a *app) loadUnlocked(ctx context.Context, file string) (*fleet, *plan.Plan, error) {
	inv, p, err := a.load(ctx, file)
	if err != nil {
		return nil, nil, err
	}
	return inv, p, a.unlock(ctx, inv, p)
}

// executor connects to the hosts; the returned function ends the connections.
func (a *app) executor(ctx context.Context, inv *fleet, p *plan.Plan, emit func(executor.Event)) (*executor.Executor, func(), error) {
	up, err := a.connect(ctx, inv, p)
	if err != nil {
		return nil, nil, err
	}
	x := &executor.Executor{
		Plan: p, Machines: up.machines, As: up.as, Control: local.Machine{}, Redactor: a.redactor,
		Emit: emit, Approve: a.goOn, Poll: gatePoll, Log: a.log(),
	}
	return x, up.close, nil
}
