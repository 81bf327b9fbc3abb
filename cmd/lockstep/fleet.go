package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/secret"
	"lockstep/internal/source"
	"lockstep/inventory"
	"lockstep/plan"
)

// fleet is an inventory with what the command line says over it. It knows how
// each host is reached.
type fleet struct {
	*inventory.Inventory
	extra   map[string]source.Value
	vars    *plan.Variables
	reached map[string]reach
}

// reach is how a host is reached, without passwords that are secrets, or why it
// cannot be.
type reach struct {
	conn     inventory.Connection
	resolved map[string]source.Value // the connection variables
	vars     map[string]source.Value // all of the host, with these in place
	err      error
}

func newFleet(inv *inventory.Inventory, extra map[string]source.Value) *fleet {
	return &fleet{inv, extra, plan.NewVariables(extra), map[string]reach{}}
}

// reach is worked out once for each host.
func (f *fleet) reach(h *inventory.Host) reach {
	r, known := f.reached[h.Name]
	if known {
		return r
	}
	var problems *multierror.Error
	r.vars = h.Vars()
	var err error
	if r.resolved, err = f.vars.Resolve(h.Name, r.vars, inventory.ConnectionVars()...); err != nil {
		problems = multierror.Append(problems, err)
	}
	if r.conn, err = f.connection(h, r.resolved); err != nil {
		problems = multierror.Append(problems, err)
	}
	for name, v := range r.resolved {
		if _, extra := f.extra[name]; !extra && v.Tag != source.SecretTag {
			r.vars[name] = v
		}
	}
	r.err = problems.ErrorOrNil()
	f.reached[h.Name] = r
	return r
}

// connection reads the connection variables of a host, those about whose values
// there is no doubt.
func (f *fleet) connection(h *inventory.Host, resolved map[string]source.Value) (inventory.Connection, error) {
	vars, over := h.Vars(), maps.Clone(f.extra)
	for _, name := range inventory.ConnectionVars() {
		_, extra := over[name]
		v, ok := resolved[name]
		switch {
		case !ok:
			delete(vars, name)
			delete(over, name)
		case extra:
			over[name] = v
		default:
			vars[name] = v
		}
	}
	return h.Connection(vars, over)
}

// Match finds the pattern's hosts for the compiler, with their addresses and
// variables.
func (f *fleet) Match(pattern string) ([]plan.Target, error) {
	hosts, err := f.Inventory.Match(pattern)
	if err != nil {
		return nil, flat(err) // the compiler says where it stands, in front of them all
	}
	var out []plan.Target
	for _, h := range hosts {
		r := f.reach(h)
		out = append(out, plan.Target{Host: plan.Host{Name: h.Name, Address: r.conn.Address}, Vars: r.vars, Err: r.err})
	}
	return out, nil
}

// written are the variables of a host as they are written, with those of the
// command line over them.
func (f *fleet) written(h *inventory.Host) map[string]source.Value {
	vars := h.Vars()
	maps.Copy(vars, f.extra)
	return vars
}

// origins are all places that set a variable of a host, the winner first.
func (f *fleet) origins(h *inventory.Host, name string) []inventory.Origin {
	chain := h.Origins(name)
	if v, ok := f.extra[name]; ok {
		if strings.HasPrefix(v.Pos.File, "-e ") {
			v.Pos = source.Pos{File: v.Pos.File} // it is all on one line
		}
		chain = append([]inventory.Origin{{Layer: "the command line", Value: v}}, chain...)
	}
	return chain
}

// resolved is one variable of a host with its expressions resolved.
func (f *fleet) resolved(h *inventory.Host, name string) (source.Value, error) {
	out, err := f.vars.Resolve(h.Name, h.Vars(), name)
	return out[name], err
}

// need is a host with the names of the passwords that reaching it takes.
type need struct {
	host  *inventory.Host
	names []string
}

// unlock reads the passwords that are kept as secrets, of the hosts that need
// them and no others. tell learns each.
func (f *fleet) unlock(ctx context.Context, needs []need, home string, read func(context.Context, secret.Ref) (string, error), tell func(string)) error {
	vars := plan.NewVariables(f.extra) // knows of no secrets but theirs
	for _, n := range needs {
		if _, err := vars.Resolve(n.host.Name, n.host.Vars(), n.names...); err != nil {
			return err
		}
	}
	if err := vars.Unlock(ctx, home, read, tell); err != nil {
		return err
	}
	var problems *multierror.Error
	for _, n := range needs {
		r := f.reach(n.host)
		passwords, err := vars.Resolve(n.host.Name, n.host.Vars(), n.names...)
		if err == nil {
			resolved := maps.Clone(r.resolved)
			maps.Copy(resolved, passwords)
			r.conn, err = f.connection(n.host, resolved)
		}
		if err != nil {
			problems = multierror.Append(problems, err)
		}
		for _, password := range r.conn.Secrets() {
			tell(password)
		}
		f.reached[n.host.Name] = r
	}
	return problems.ErrorOrNil()
}

// needs lists the passwords that the plan's connections take: that of sudo only
// where somebody else is to be become.
func (a *app) needs(f *fleet, p *plan.Plan) []need {
	var out []need
	for _, d := range dials(p) {
		h, ok := f.Host(d.Name)
		if !ok || f.reach(h).err != nil {
			continue // said where it is dialled
		}
		at := slices.IndexFunc(out, func(n need) bool { return n.host == h })
		if at < 0 {
			at = len(out)
			out = append(out, need{h, inventory.LoginPasswords()})
		}
		if a.becomes(f.reach(h).conn, p, d).Enabled {
			out[at].names = slices.Concat(out[at].names, inventory.BecomePasswords())
		}
	}
	return out
}
