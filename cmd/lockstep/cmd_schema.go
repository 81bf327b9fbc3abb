package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"lockstep/inventory"
	"lockstep/plan"
	"lockstep/steps/all"
	"lockstep/steps/param"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema plan|inventory",
		Short: "Print the JSON Schema of plans or inventories, for editors",
		Long: `Prints the JSON Schema (draft 2020-12) of plan files, or of inventories in
YAML. An editor with a YAML language server completes and checks by it: save it,
and begin the file with

  # yaml-language-server: $schema=lockstep-plan.json

The schema sees structure. What takes the inventory, a variable's value or two
parameters at once is seen by "lockstep validate" alone. Write modes in quotes:
many editors read a bare 0640 as a decimal number.`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"plan", "inventory"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "inventory" {
				return writeSchema(a.stdout, inventory.Schema())
			}
			kinds, err := all.Registry()
			if err != nil {
				return err
			}
			return writeSchema(a.stdout, plan.Schema(kinds))
		},
	}
}

func writeSchema(w io.Writer, s param.Schema) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(s)
}
