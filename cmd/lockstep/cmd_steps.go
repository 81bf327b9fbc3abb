package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lockstep/steps"
	"lockstep/steps/all"
)

func (a *app) stepsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "steps [KIND]",
		Short: "List the kinds of steps, or explain one",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kinds, err := all.Registry()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return listKinds(a.stdout, kinds)
			}
			k, nearest, ok := kinds.Lookup(args[0])
			if !ok {
				hint := ""
				if nearest != "" {
					hint = fmt.Sprintf("; did you mean %q?", nearest)
				}
				return fmt.Errorf("there is no step kind %q%s", args[0], hint)
			}
			_, err = io.WriteString(a.stdout, page(k))
			return err
		},
	}
}

func listKinds(w io.Writer, kinds *steps.Registry) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, k := range kinds.Kinds() {
		fmt.Fprintf(tw, "%s\t%s\n", k.Name, k.Summary)
	}
	return tw.Flush()
}
