package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/internal/source"
	"lockstep/internal/spell"
	"lockstep/inventory"
)

func (a *app) varsCommand() *cobra.Command {
	var asJSON bool
	var planFile string
	cmd := &cobra.Command{
		Use:   "vars HOST [NAME...]",
		Short: "Show a host's variables, where each comes from, and what it overrode",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			inv, h, err := a.hostOf(cmd, args[0], planFile)
			if err != nil {
				return err
			}
			names, err := chosen(inv, h, args[1:])
			if err != nil {
				return err
			}
			if asJSON {
				return a.encode(originsJSON(inv, h, names))
			}
			return writeOrigins(a.masked(a.stdout), inv, h, names)
		},
	}
	a.inventoryFlags(cmd)
	a.extraFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON: name, value and the chain of places, the winner first")
	cmd.Flags().StringVar(&planFile, "plan", "plan.yml", "the plan `file` beside which group_vars/ and host_vars/ are read too")
	return cmd
}

func (a *app) hostOf(cmd *cobra.Command, name, planFile string) (*fleet, *inventory.Host, error) {
	paths, err := a.inventoryPaths(planFile)
	if err != nil {
		return nil, nil, err
	}
	extra, err := a.extraVars()
	if err != nil {
		return nil, nil, err
	}
	inv, err := a.readInventory(cmd.Context(), paths, filepath.Dir(planFile), extra)
	if err != nil {
		return nil, nil, err
	}
	h, err := findHost(inv, name)
	return inv, h, err
}

// chosen are the variables to show: those named, or all.
func chosen(inv *fleet, h *inventory.Host, names []string) ([]string, error) {
	known := slices.Sorted(maps.Keys(inv.written(h)))
	if len(names) == 0 {
		return known, nil
	}
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		hint := ""
		if near := spell.Nearest(name, known); near != "" {
			hint = fmt.Sprintf("\n  hint: did you mean %q?", near)
		}
		return nil, fmt.Errorf("%s has no variable %q%s", h.Name, name, hint)
	}
	return names, nil
}

// writeOrigins writes each variable with its value, the place it comes from,
// and below it what its expressions come to and what it overrode, nearest first.
func writeOrigins(to io.Writer, inv *fleet, h *inventory.Host, names []string) error {
	var text strings.Builder
	for _, name := range names {
		value, problem, has := comesTo(inv, h, name)
		for i, o := range inv.origins(h, name) {
			head := name + " = "
			if i > 0 {
				head = "    overrode "
			}
			fmt.Fprintf(&text, "%s%s  (%s, %s)\n", head, oneLine(name, o.Value), o.Layer, o.Value.Pos)
			switch {
			case i > 0 || !has:
			case problem != "":
				fmt.Fprintf(&text, "    does not resolve without a plan: %s\n", problem)
			default:
				fmt.Fprintf(&text, "    resolves to %s\n", oneLine(name, value))
			}
		}
	}
	_, err := io.WriteString(to, text.String())
	return err
}

// comesTo tells what a variable with expressions comes to, or why it does not;
// has is false where the value is as it is written.
func comesTo(inv *fleet, h *inventory.Host, name string) (value source.Value, problem string, has bool) {
	written := inv.written(h)[name]
	value, err := inv.resolved(h, name)
	var first *source.Error
	switch {
	case errors.As(err, &first):
		return value, first.Msg, true
	case err != nil:
		return value, err.Error(), true
	}
	return value, "", written.Tag == "" && fmt.Sprint(written.Plain()) != fmt.Sprint(value.Plain())
}

// oneLine is a value as compact JSON.
func oneLine(name string, v source.Value) string {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(inventory.Masked(name, v)); err != nil {
		return "(cannot be shown: " + err.Error() + ")"
	}
	return strings.TrimSuffix(text.String(), "\n")
}

type originJSON struct {
	Value any        `json:"value"`
	From  string     `json:"from"`
	At    source.Pos `json:"at"`
}

func originsJSON(inv *fleet, h *inventory.Host, names []string) []any {
	out := []any{}
	for _, name := range names {
		chain := []originJSON{}
		for _, o := range inv.origins(h, name) {
			chain = append(chain, originJSON{inventory.Masked(name, o.Value), o.Layer, o.Value.Pos})
		}
		one := map[string]any{"name": name, "value": chain[0].Value, "chain": chain}
		if value, problem, has := comesTo(inv, h, name); has && problem != "" {
			one["unresolved"] = problem
		} else if has {
			one["resolved"] = inventory.Masked(name, value)
		}
		out = append(out, one)
	}
	return out
}
