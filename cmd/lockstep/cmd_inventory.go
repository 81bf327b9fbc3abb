package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"lockstep/internal/source"
	"lockstep/internal/spell"
	"lockstep/inventory"
)

func (a *app) inventoryCommand() *cobra.Command {
	var list, graph, export, vars, asYAML bool
	var host string
	cmd := &cobra.Command{
		Use:   "inventory [GROUP]",
		Short: "Show the hosts, groups and variables of an inventory, as ansible-inventory does",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && !graph || vars && !graph || export && (graph || host != "") || asYAML && graph {
				return errors.New("a GROUP and --vars go with --graph, --export with --list, --yaml with --list and --host")
			}
			if len(a.flags.extra) > 0 && host == "" {
				return errors.New("-e goes with --host: it is for one host that its variables are put together")
			}
			inv, err := a.anyInventory(cmd)
			if err != nil {
				return err
			}
			switch {
			case graph:
				return a.showGraph(inv, append(args, "all")[0], vars)
			case host != "":
				return a.showHost(inv, host, asYAML)
			case asYAML:
				return a.encodeYAML(inv.Tree(export))
			case export:
				return a.encode(inv.Export())
			default:
				return a.encode(inv.List())
			}
		},
	}
	a.inventoryFlags(cmd)
	a.extraFlag(cmd)
	f := cmd.Flags()
	f.BoolVar(&list, "list", false, "all of it as JSON (the default)")
	f.BoolVar(&export, "export", false, "with --list: variables where they are set, not what each host sees")
	f.BoolVarP(&asYAML, "yaml", "y", false, "as YAML, which is an inventory again")
	f.BoolVar(&graph, "graph", false, "groups and hosts as a tree")
	f.BoolVar(&vars, "vars", false, "with --graph: variables too")
	f.StringVar(&host, "host", "", "the variables of one `host` as JSON")
	cmd.MarkFlagsMutuallyExclusive("list", "graph", "host")
	return cmd
}

// anyInventory reads the inventory without a plan, and so without the variables
// beside one.
func (a *app) anyInventory(cmd *cobra.Command) (*fleet, error) {
	paths, err := a.inventoryPaths("plan.yml")
	if err != nil {
		return nil, err
	}
	extra, err := a.extraVars()
	if err != nil {
		return nil, err
	}
	return a.readInventory(cmd.Context(), paths, "", extra)
}

func (a *app) showGraph(inv *fleet, group string, vars bool) error {
	g, ok := inv.Group(group)
	if !ok {
		var names []string
		for _, g := range inv.Groups() {
			names = append(names, g.Name)
		}
		return unknown("group", group, names)
	}
	_, err := fmt.Fprint(a.masked(a.stdout), inv.Graph(g, vars))
	return err
}

func (a *app) showHost(inv *fleet, name string, asYAML bool) error {
	h, err := findHost(inv, name)
	if err != nil {
		return err
	}
	vars := map[string]any{}
	for key, v := range inv.written(h) {
		if resolved, err := inv.resolved(h, key); err == nil {
			v = resolved // what a plan has to resolve stays as it is written
		}
		vars[key] = inventory.Masked(key, v)
	}
	if asYAML {
		return a.encodeYAML(source.Value{}.WithScalar(vars))
	}
	return a.encode(vars)
}

// findHost finds a host by its name, or tells what was probably meant.
func findHost(inv *fleet, name string) (*inventory.Host, error) {
	if h, ok := inv.Host(name); ok {
		return h, nil
	}
	var names []string
	for _, h := range inv.Hosts() {
		names = append(names, h.Name)
	}
	return nil, unknown("host", name, names)
}

func unknown(what, name string, known []string) error {
	hint := ""
	if near := spell.Nearest(name, known); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Errorf("there is no %s %q in the inventory%s", what, name, hint)
}

// encode writes v as indented JSON with secrets masked.
func (a *app) encode(v any) error {
	enc := json.NewEncoder(a.masked(a.stdout))
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func (a *app) encodeYAML(v source.Value) error {
	text, err := source.FormatYAML(v)
	if err != nil {
		return err
	}
	_, err = a.masked(a.stdout).Write(text)
	return err
}
