package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"lockstep/plan"

	"lockstep/internal/source"
	"lockstep/plan/adopt"
	"lockstep/steps/all"
)

func (a *app) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate PLAN.yml",
		Short: "Check a plan and its inventory without connecting anywhere",
		Long: `Checks a plan against its inventory, all of it and for every host, and connects
nowhere.

A playbook of Ansible's is told from a plan by being a list. For one, validate
says line by line what stays as it is, what has another spelling in a plan, and
what has no counterpart; it needs no inventory then. The exit code is 0 when all
of it can be said in a plan, and 2 when something has no counterpart.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			playbook, is, err := readPlaybook(args[0])
			if is && err == nil {
				return a.adopt(playbook)
			} else if is {
				return err
			}
			_, p, err := a.load(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			n := 0
			p.Walk(func(_ *plan.Stage, t *plan.Task) {
				if t.Block == nil {
					n++
				}
			})
			_, err = fmt.Fprintf(a.stdout, "%s is valid: %d steps in %d stages on %d hosts\n", args[0], n, len(p.Stages), len(p.Hosts))
			return err
		},
	}
	a.planFlags(cmd)
	return cmd
}

// readPlaybook tells whether a file is a playbook. What cannot be read is none:
// the loader of plans says why.
func readPlaybook(file string) (playbook source.Value, is bool, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return playbook, false, nil
	}
	return adopt.Parse(file, data)
}

// adopt says what becomes of a playbook.
func (a *app) adopt(playbook source.Value) error {
	kinds, err := all.Registry()
	if err != nil {
		return err
	}
	report := adopt.Read(playbook, adopt.Of(kinds))
	if _, err := fmt.Fprint(a.stdout, report); err != nil {
		return err
	}
	if n := report.Count(adopt.Missing); n > 0 {
		return &outcome{exitFailed, fmt.Sprintf("%s is a playbook, and %d of its lines have no counterpart in a plan", report.File, n), nil}
	}
	return nil
}
