package plan

import (
	"context"
	"path/filepath"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/secret"
	"lockstep/internal/source"
)

// secretTag marks a value that is kept elsewhere.
const secretTag = "!secret"

// vault are the secrets that a plan refers to.
type vault struct {
	refs   []reference
	values map[source.Pos]string // once they were read, by where they stand
}

// reference is a place in a file that stands for a secret.
type reference struct {
	at  source.Value
	ref secret.Ref
}

// secret resolves a reference. While compiling it only checks how it is written.
func (w *world) secret(v source.Value) (source.Value, error) {
	if value, ok := w.vault.values[v.Pos]; ok {
		w.derived.add(value)
		return v.WithScalar(value).Seal(), nil
	}
	for _, r := range w.vault.refs {
		if r.at.Pos == v.Pos {
			return v, &laterError{sealed: true}
		}
	}
	plain, ok := v.Plain().(map[string]any)
	if !ok {
		return v, v.Errorf("write !secret {env: NAME}, or with file, command or age", "a secret is a map that says where it is kept, but this is %s", v.Shape)
	}
	ref, err := secret.ParseRef(plain)
	if err != nil {
		return v, misplaced(v, err)
	}
	w.vault.refs = append(w.vault.refs, reference{v, ref})
	return v, &laterError{sealed: true}
}

// misplaced gives each problem with a reference its place.
func misplaced(v source.Value, err error) error {
	list, ok := err.(*multierror.Error)
	if !ok {
		return v.Errorf("", "%v", err)
	}
	var out []error
	for _, e := range list.Errors {
		out = append(out, v.Errorf("", "%v", e))
	}
	return joined(out)
}

// Unlock reads the secrets that the plan refers to and checks the steps that use
// them. It is called once, after Compile and before the plan is used; read
// resolves a reference, and tell learns each value, so that nothing shows it.
// All problems are in the one error.
func (p *Plan) Unlock(ctx context.Context, home string, read func(context.Context, secret.Ref) (string, error), tell func(string)) error {
	if len(p.scopes) == 0 {
		return nil
	}
	v := &p.scopes[0].vault
	p.scopes[0].derived.tell = tell
	var problems *multierror.Error
	for _, r := range v.refs {
		value, err := read(ctx, r.ref.In(filepath.Dir(r.at.Pos.File), home))
		if err != nil {
			problems = multierror.Append(problems, r.at.Errorf("", "the secret cannot be read: %v", err))
			continue
		}
		tell(value)
		v.values[r.at.Pos] = value
	}
	if problems != nil {
		return problems
	}
	return p.checkSealed()
}

// checkSealed decodes the parameters that hold secrets, on each host.
func (p *Plan) checkSealed() error {
	c := &compiler{plan: p, seen: map[string]*problem{}}
	p.Walk(func(_ *Stage, t *Task) {
		if t.bound == nil || !t.sealed || t.later {
			return
		}
		for i, h := range p.Hosts {
			if t.takes(i) {
				_, err := t.Step(h.Name)
				c.failOn(h.Name, err)
			}
		}
	})
	if len(c.problems) == 0 {
		return nil
	}
	return c.said()
}
