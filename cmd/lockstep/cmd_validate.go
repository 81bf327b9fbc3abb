package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate PLAN.yml",
		Short: "Check a plan and its inventory without connecting anywhere",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, p, err := a.load(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			n := 0
			for _, s := range p.Stages {
				n += len(s.Tasks)
			}
			_, err = fmt.Fprintf(a.stdout, "%s is valid: %d steps in %d stages on %d hosts\n", args[0], n, len(p.Stages), len(p.Hosts))
			return err
		},
	}
	a.planFlags(cmd)
	return cmd
}
