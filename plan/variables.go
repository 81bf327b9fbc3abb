package plan

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/secret"
	"lockstep/internal/source"
	"lockstep/inventory"
)

// Variables resolves what an inventory and the command line say of hosts where
// no plan takes part: how hosts are reached, and what is shown of them. It is
// used by one goroutine at a time.
type Variables struct {
	world *world
	extra map[string]source.Value
}

// NewVariables returns a resolver under which extra, the variables of the
// command line, win over those of every host.
func NewVariables(extra map[string]source.Value) *Variables {
	return &Variables{newWorld(nil), extra}
}

// Resolve returns the variables of a host called names, those that are set, with
// their expressions resolved by the host's variables. What rests on a secret is
// marked as one. Until Unlock has read the references that it rests on, it is
// null with the tag source.SecretTag. All problems are in the one error; the
// variables that have none are returned beside it.
func (r *Variables) Resolve(host string, vars map[string]source.Value, names ...string) (map[string]source.Value, error) {
	s := &scope{world: r.world, host: host, vars: []map[string]source.Value{r.extra, vars}, known: ownNames(host)}
	resolved := map[string]source.Value{}
	var problems *multierror.Error
	for _, name := range names {
		raw, ok := s.written(name)
		if !ok {
			continue
		}
		v, err := s.variable(name, raw)
		if err != nil {
			problems = multierror.Append(problems, err)
			continue
		}
		resolved[name] = v
	}
	return resolved, problems.ErrorOrNil()
}

// Unlock reads the secrets that what was resolved so far rests on; see
// Plan.Unlock. Resolve then gives their values.
func (r *Variables) Unlock(ctx context.Context, home string, read func(context.Context, secret.Ref) (string, error), tell func(string)) error {
	return r.world.unlock(ctx, home, read, tell)
}

// longHost is the same as `host`, for inventories that Ansible reads too.
const longHost = "inventory_hostname"

// ownVariables are the names that nobody else can give a value to.
func ownVariables() []string { return []string{"host", "address", "hosts", factsName} }

// ownNames are the names of a host that are lockstep's own.
func ownNames(host string) map[string]any { return map[string]any{"host": host, longHost: host} }

// variable resolves one variable of an inventory.
func (s *scope) variable(name string, raw source.Value) (source.Value, error) {
	if text, _ := raw.Any.(string); strings.Contains(text, "{%") {
		return raw, raw.Errorf("write an expression: {{ condition ? a : b }}", "%s holds a block of Jinja, and there are none here", name)
	}
	s.open = append(s.open, name)
	defer func() { s.open = s.open[:len(s.open)-1] }()
	v, err := s.resolve(raw)
	if later, ok := err.(*laterError); ok && later.sealed && len(later.names) == 0 {
		v = raw.WithScalar(nil)
		v.Tag, v.Secret = secretTag, true
		return v, nil
	}
	if err != nil {
		return raw, early(raw, err, name)
	}
	if s.confidential(raw, map[string]bool{}) {
		v = v.Seal()
	}
	return v, nil
}

// early says that a variable is needed before what it rests on is known.
func early(v source.Value, err error, name string) error {
	if delayed(err) {
		return v.Errorf("use variables of the inventory", "%s is needed before the run: %v", name, err)
	}
	return err
}

// confidential tells whether a value rests on a secret or on a variable that has
// the name of one.
func (s *scope) confidential(v source.Value, seen map[string]bool) bool {
	switch {
	case v.Secret || v.Tag == secretTag:
		return true
	case v.Shape == source.Scalar:
		text, _ := v.Any.(string)
		return slices.ContainsFunc(s.uses(text), func(name string) bool {
			if seen[name] {
				return false
			}
			seen[name] = true
			used, ok := s.written(name)
			return ok && (secret.IsName(name) || s.confidential(used, seen))
		})
	}
	return slices.ContainsFunc(v.Items, func(item source.Value) bool { return s.confidential(item, seen) }) ||
		slices.ContainsFunc(v.Fields, func(f source.Field) bool { return s.confidential(f.Value, seen) })
}

// uses names the variables in the expressions of a text that was resolved.
func (s *scope) uses(text string) []string {
	if !strings.Contains(text, "{{") {
		return nil
	}
	var names []string
	parts, _ := split(text)
	for _, p := range parts {
		if !p.isExpr {
			continue
		}
		if e, err := s.exprs.get(p.text); err == nil {
			names = append(names, e.names...)
		}
	}
	return names
}

// refuseConnection refuses variables of a plan that would say how hosts are
// reached: that is settled before a plan is read.
func (c *compiler) refuseConnection(vars []source.Field) {
	for _, f := range vars {
		if slices.Contains(inventory.ConnectionVars(), f.Key) {
			c.fail(f.Value.ErrorAt(f.KeyPos, "set it in the inventory, or for one run with -e", "%s in a plan does not change how hosts are reached", f.Key))
		}
	}
}
