package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"lockstep/internal/source"
	"lockstep/inventory"
)

func (a *app) inventoryCommand() *cobra.Command {
	var list, graph bool
	var host string
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "Show the hosts, groups and variables of an inventory",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := a.inventoryPaths("plan.yml")
			if err != nil {
				return err
			}
			inv, err := a.readInventory(paths)
			if err != nil {
				return err
			}
			switch {
			case graph:
				_, err = fmt.Fprint(a.stdout, inv.Graph())
				return err
			case host != "":
				return a.showHost(inv, host)
			default:
				return a.encode(inv.List())
			}
		},
	}
	a.inventoryFlags(cmd)
	cmd.Flags().BoolVar(&list, "list", false, "all of it as JSON (the default)")
	cmd.Flags().BoolVar(&graph, "graph", false, "groups and hosts as a tree")
	cmd.Flags().StringVar(&host, "host", "", "the variables of one `host` as JSON")
	cmd.MarkFlagsMutuallyExclusive("list", "graph", "host")
	return cmd
}

func (a *app) showHost(inv *inventory.Inventory, name string) error {
	h, ok := inv.Host(name)
	if !ok {
		return noHost(inv, name)
	}
	vars := map[string]any{}
	for key, v := range h.Vars() {
		vars[key] = v.Plain()
	}
	return a.encode(vars)
}

func noHost(inv *inventory.Inventory, name string) error {
	var names []string
	for _, h := range inv.Hosts() {
		names = append(names, h.Name)
	}
	hint := ""
	if near := source.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Errorf("there is no host %q in the inventory%s", name, hint)
}

// encode writes v as indented JSON with secrets masked.
func (a *app) encode(v any) error {
	enc := json.NewEncoder(a.masked(a.stdout))
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
