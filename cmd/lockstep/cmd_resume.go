package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lockstep/executor/journal"
	"lockstep/internal/secret"
	"lockstep/internal/source"
)

func (a *app) resumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume RUN",
		Short: "Go on with a run that did not come to its end",
		Long: `Applies the plan of a run once more: with the same files, --limit, tags and -e, as
its journal has them. All hosts are looked at first; what holds is skipped, and the
rest is shown and asked for, as apply does. RUN may be cut short, and "last" is the
last run.

If a file of the plan or the inventory has changed meanwhile, nothing is done:
apply is for that. Secrets are in no journal. What was a secret of -e, and how a
vault is opened, is to be given again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.resume(cmd.Context(), args[0]) },
	}
	a.vaultFlags(cmd)
	a.connectFlags(cmd)
	cmd.Flags().StringArrayVarP(&a.flags.extra, "extra-vars", "e", nil, "a secret variable of the run, as `name=value`")
	cmd.Flags().BoolVarP(&a.flags.yes, "auto-approve", "y", false, "do not ask before changing")
	return cmd
}

func (a *app) resume(ctx context.Context, id string) error {
	if err := a.mayAsk(); err != nil {
		return err
	}
	run, err := journal.Open(a.runsDir(), id)
	if err != nil {
		return err
	}
	if end := run.End(); end != nil && end.Code == exitDone {
		a.say("the run %s came to its end: there is nothing to go on with", run.ID)
		return nil
	}
	if err := a.again(run.Args, a.flags.extra); err != nil {
		return err
	}
	inv, p, err := a.loadUnlocked(ctx, run.Args.Plan)
	if err != nil {
		return err
	}
	if changed := changedInputs(run.Inputs, a.inputs); len(changed) > 0 {
		return &outcome{exitRefused, "refused before anything was changed: the run had other files", fmt.Errorf(
			"since the run %s:\n  %s\n  do:  lockstep apply, which shows what the files as they are now would change", run.ID, strings.Join(changed, "\n  "))}
	}
	return a.approved(ctx, inv, p, journal.Header{Command: "resume", Of: run.ID}, a.byHand)
}

// mayAsk refuses where nobody could say yes.
func (a *app) mayAsk() error {
	if !a.flags.yes && !term.IsTerminal(int(a.stdin.Fd())) {
		return fmt.Errorf("there is no terminal to ask for approval; pass --auto-approve (-y)")
	}
	return nil
}

// again takes the choices of a run for those of the command line. given are the
// secrets among its -e.
func (a *app) again(args journal.Args, given []string) error {
	a.flags.inventory, a.flags.limit, a.flags.tags, a.flags.skip = args.Inventory, args.Limit, args.Tags, args.SkipTags
	a.flags.extra, a.flags.become = nil, a.flags.become || args.Become
	if a.flags.user == "" {
		a.flags.user = args.User
	}
	if a.flags.key == "" {
		a.flags.key = args.Key
	}
	named := func(arg string) string { name, _, _ := strings.Cut(arg, "="); return name }
	for _, arg := range args.Extra {
		name, hidden := strings.CutSuffix(arg, "="+secret.Mask)
		if !hidden {
			a.flags.extra = append(a.flags.extra, arg)
			continue
		}
		at := slices.IndexFunc(given, func(g string) bool { return named(g) == name })
		if at < 0 {
			return fmt.Errorf("the run had a secret -e %s=..., which no journal keeps: pass it again", name)
		}
		a.flags.extra = append(a.flags.extra, given[at])
		given = slices.Delete(given, at, at+1)
	}
	if len(given) > 0 {
		return fmt.Errorf("-e %s: the run had no such secret variable; use apply for other variables", named(given[0]))
	}
	return nil
}

// changedInputs says which files are not what they were.
func changedInputs(was, now []source.File) []string {
	var out []string
	has := func(list []source.File, path string) int {
		return slices.IndexFunc(list, func(f source.File) bool { return f.Path == path })
	}
	for _, f := range was {
		switch at := has(now, f.Path); {
		case at < 0:
			out = append(out, f.Path+" is not read any more")
		case now[at].SHA256 != f.SHA256:
			out = append(out, f.Path+" has changed")
		}
	}
	for _, f := range now {
		if has(was, f.Path) < 0 {
			out = append(out, f.Path+" is new")
		}
	}
	return out
}
