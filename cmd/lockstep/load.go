package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/internal/source"
	"lockstep/inventory"
	"lockstep/plan"
	"lockstep/steps/all"
)

// inventoryFlags declares -i.
func (a *app) inventoryFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&a.flags.inventory, "inventory", "i", nil, "inventory file, or `host,host`; repeatable (default $LOCKSTEP_INVENTORY, or inventory.yml beside the plan)")
	a.vaultFlags(cmd)
}

// planFlags declares what narrows a plan.
func (a *app) planFlags(cmd *cobra.Command) {
	a.inventoryFlags(cmd)
	f := cmd.Flags()
	f.StringVarP(&a.flags.limit, "limit", "l", "", "change only the hosts of this `pattern`; @FILE has one a line")
	f.StringSliceVarP(&a.flags.tags, "tags", "t", nil, "only steps with one of these `tags`")
	f.StringSliceVar(&a.flags.skip, "skip-tags", nil, "no steps with one of these `tags`")
	a.extraFlag(cmd)
}

// extraFlag declares -e.
func (a *app) extraFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&a.flags.extra, "extra-vars", "e", nil, "a variable as `name=value`, or @file; wins over all others")
}

// inventoryPaths are the inventories to read for a plan file.
func (a *app) inventoryPaths(planFile string) ([]string, error) {
	if len(a.flags.inventory) > 0 {
		return a.flags.inventory, nil
	}
	if env := a.getenv("LOCKSTEP_INVENTORY"); env != "" {
		return []string{env}, nil
	}
	beside := filepath.Join(filepath.Dir(planFile), "inventory.yml")
	if _, err := os.Stat(beside); err != nil {
		return nil, fmt.Errorf("no inventory: pass -i FILE, set LOCKSTEP_INVENTORY, or put inventory.yml beside %s", planFile)
	}
	return []string{beside}, nil
}

// readInventory reads inventories with the variables beside them and beside the
// plan, and learns their secrets, so that nothing shows them.
func (a *app) readInventory(ctx context.Context, paths []string, planFolder string, extra map[string]source.Value) (*fleet, error) {
	ring, err := a.keyring(ctx)
	if err != nil {
		return nil, err
	}
	inv, err := inventory.Load(ctx, inventory.Options{PlanFolder: planFolder, Vault: ring}, paths...)
	if err != nil {
		return nil, err
	}
	for _, s := range inv.Secrets() {
		a.redactor.Add(s)
	}
	a.pinned = pinnedBeside(paths)
	f := newFleet(inv, extra)
	for _, h := range inv.Hosts() { // what is wrong with one is said where it is needed
		for _, s := range f.reach(h).conn.Secrets() {
			a.redactor.Add(s)
		}
	}
	for _, w := range inv.Warnings() {
		a.log().Warn(w.Error())
	}
	return f, nil
}

// load reads the inventory and compiles the plan against it.
func (a *app) load(ctx context.Context, planFile string) (*fleet, *plan.Plan, error) {
	paths, err := a.inventoryPaths(planFile)
	if err != nil {
		return nil, nil, err
	}
	extra, err := a.extraVars()
	if err != nil {
		return nil, nil, err
	}
	inv, err := a.readInventory(ctx, paths, filepath.Dir(planFile), extra)
	if err != nil {
		return nil, nil, err
	}
	limit, err := inv.ReadLimit(a.flags.limit)
	if err != nil {
		return nil, nil, err
	}
	data, err := os.ReadFile(planFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: there is no such plan", planFile)
	}
	if err != nil {
		return nil, nil, err
	}
	kinds, err := all.Registry()
	if err != nil {
		return nil, nil, err
	}
	a.limit = limit
	p, err := plan.Compile(planFile, data, inv, kinds, plan.Options{
		Limit: limit, Tags: a.flags.tags, SkipTags: a.flags.skip, ExtraVars: extra, Tell: a.redactor.Add,
	})
	if err == nil {
		a.inputs, err = a.readFrom(inv, p)
	}
	return inv, p, err
}

// readFrom lists what decides on a run: the files of the plan, of the inventory
// and of -e.
func (a *app) readFrom(inv *fleet, p *plan.Plan) ([]source.File, error) {
	all := slices.Concat(p.Files, inv.Files())
	for _, arg := range a.flags.extra {
		if file, ok := strings.CutPrefix(arg, "@"); ok {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("-e: %w", err)
			}
			all = append(all, source.ReadFrom(file, data))
		}
	}
	for i := range all {
		all[i].Path = absolute(all[i].Path)
	}
	return all, nil
}

// absolute is path wherever the program runs.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// extraVars reads -e name=value and -e @file.
func (a *app) extraVars() (map[string]source.Value, error) {
	vars := map[string]source.Value{}
	for _, arg := range a.flags.extra {
		v, err := extraVar(arg)
		if err != nil {
			return nil, err
		}
		for _, f := range v.Fields {
			vars[f.Key] = f.Value
		}
	}
	return vars, nil
}

// extraVar reads one -e as a map.
func extraVar(arg string) (source.Value, error) {
	if file, ok := strings.CutPrefix(arg, "@"); ok {
		return extraFile(file)
	}
	key, value, ok := strings.Cut(arg, "=")
	if !ok || !variable.MatchString(key) {
		return source.Value{}, fmt.Errorf("-e %s: write name=value, or @file for a YAML file", arg)
	}
	if strings.HasPrefix(strings.TrimSpace(value), source.SecretTag) {
		return source.Value{}, fmt.Errorf("-e %s: a value of the command line cannot be a %s\n  do:  write it into a file, as `%s: %s`, and pass -e @FILE", key, source.SecretTag, key, strings.TrimSpace(value))
	}
	v, err := typed("-e "+key, value)
	return source.Value{Shape: source.Map, Fields: []source.Field{{Key: key, KeyPos: v.Pos, Value: v}}}, err
}

// extraFile reads the file of one -e.
func extraFile(file string) (source.Value, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return source.Value{}, fmt.Errorf("-e: %w", err)
	}
	v, err := source.ParseYAML(file, data, source.SecretTag)
	if err == nil && (v.Shape != source.Map || v.Tag != "") {
		err = fmt.Errorf("%s: variables are a map of names to values, but this is %s", file, v.Shape)
	}
	return v, err
}

// variable is how the names look that an expression can use.
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// typed is the value of -e name=value. It has its type by YAML's rules; what
// they would cut short, refuse or write in another way, such as 10.10, is a text
// as it stands, unless it begins as a list, a map or a text in quotes.
func typed(name, value string) (source.Value, error) {
	v, err := source.ParseYAML(name, []byte(value))
	plain := value == "" || !strings.Contains(`[{"'`, value[:1]) || strings.HasPrefix(value, "{{")
	if plain && (err != nil || v.Shape != source.Scalar || !strings.EqualFold(fmt.Sprint(v.Any), value)) && value != "null" && value != "~" {
		return source.Value{Pos: source.Pos{File: name}}.WithScalar(value), nil
	}
	return v, err
}
