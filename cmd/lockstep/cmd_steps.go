package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lockstep/steps"
	"lockstep/steps/all"
	"lockstep/steps/param"
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
			return explainKind(a.stdout, k)
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

func explainKind(w io.Writer, k steps.Kind) error {
	var set param.Set
	k.New().Params(&set)
	if _, err := fmt.Fprintf(w, "%s\n\nParameters:\n\n", strings.TrimSpace(k.Doc)); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	listParams(tw, &set, "  ")
	return tw.Flush()
}

func listParams(w io.Writer, set *param.Set, indent string) {
	for _, f := range set.Fields() {
		var notes []string
		if f.Required {
			notes = append(notes, "required")
		}
		if f.Default != "" {
			notes = append(notes, "default "+f.Default)
		}
		if len(f.Enum) > 0 {
			notes = append(notes, "one of "+strings.Join(f.Enum, ", "))
		}
		note := ""
		if len(notes) > 0 {
			note = " (" + strings.Join(notes, "; ") + ")"
		}
		fmt.Fprintf(w, "%s%s\t%s\t%s%s\n", indent, f.Name, f.Type, f.Doc, note)
		if f.Sub != nil {
			listParams(w, f.Sub, indent+"  ")
		}
	}
}
