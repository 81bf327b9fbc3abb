package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/executor"
)

func (a *app) unlockCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "unlock PLAN.yml",
		Short: "Take away the hold that a run has on a plan's hosts",
		Long: `While a run changes hosts it holds them, so that no other does the same. A run
that ends lets them go; one that was killed is not waited for on the machine where
it ran, and nowhere longer than ten minutes. This command is for those ten minutes.

It says who holds which host, and asks. Be sure that the other run is gone: two
runs at the same time can stop a whole cluster.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.unlockHosts(cmd.Context(), args[0]) },
	}
	a.planFlags(cmd)
	a.connectFlags(cmd)
	cmd.Flags().BoolVarP(&a.flags.yes, "auto-approve", "y", false, "do not ask")
	return cmd
}

func (a *app) unlockHosts(ctx context.Context, file string) error {
	inv, p, err := a.loadUnlocked(ctx, file)
	if err != nil {
		return err
	}
	up, err := a.connect(ctx, inv, p)
	if err != nil {
		return err
	}
	defer up.close()
	held := map[string]executor.Lease{}
	for _, h := range p.Peers {
		l, ok := up.machines[h.Name].(executor.Locker)
		if !ok {
			continue
		}
		by, err := l.Holder(ctx)
		if err != nil {
			return &outcome{exitFailed, h.Name + ": who holds it could not be learned", err}
		}
		if by != nil {
			held[h.Name] = *by
			a.say("%s is held by %s", h.Name, by.Owner)
		}
	}
	if len(held) == 0 {
		a.say("no run holds any of the hosts")
		return nil
	}
	if err := a.sure(ctx, fmt.Sprintf("\nTake the hold on %d hosts away? Only \"yes\" does: ", len(held))); err != nil {
		return err
	}
	for name, by := range held {
		if err := up.machines[name].(executor.Locker).Unlock(ctx, by.Run); err != nil {
			return &outcome{exitFailed, name + ": it could not be let go", err}
		}
	}
	a.say("%d hosts are free", len(held))
	return nil
}

// sure asks the person at the terminal.
func (a *app) sure(ctx context.Context, question string) error {
	if a.flags.yes {
		return nil
	}
	a.sayPart(question)
	line, err := a.readLine(ctx)
	if ctx.Err() != nil {
		a.say("")
		return ctx.Err()
	}
	if err != nil || strings.TrimSpace(line) != "yes" {
		return &outcome{exitRefused, "not approved, and nothing was changed", nil}
	}
	return nil
}
