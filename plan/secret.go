package plan

import (
	"context"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/secret"
	"lockstep/internal/source"
	"lockstep/inventory"
)

// secretTag marks a value that is kept elsewhere.
const secretTag = source.SecretTag

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
	ref, err := v.SecretRef()
	if err != nil {
		return v, err
	}
	w.vault.refs = append(w.vault.refs, reference{v, ref})
	return v, &laterError{sealed: true}
}

// Unlock reads the secrets that the plan refers to and checks the steps that use
// them. It is called once, after Compile and before the plan is used; read
// resolves a reference, and tell learns each value, so that nothing shows it.
// All problems are in the one error.
func (p *Plan) Unlock(ctx context.Context, home string, read func(context.Context, secret.Ref) (string, error), tell func(string)) error {
	if len(p.scopes) == 0 {
		return nil
	}
	if err := p.scopes[0].unlock(ctx, home, read, tell); err != nil {
		return err
	}
	return p.checkSealed()
}

func (w *world) unlock(ctx context.Context, home string, read func(context.Context, secret.Ref) (string, error), tell func(string)) error {
	w.derived.tell = tell
	var problems *multierror.Error
	for _, r := range w.vault.refs {
		value, err := read(ctx, r.ref.In(inventory.Folder(r.at.Pos.File), home))
		if err != nil {
			problems = multierror.Append(problems, r.at.Errorf("", "the secret cannot be read: %v", err))
			continue
		}
		tell(value)
		w.vault.values[r.at.Pos] = value
	}
	return problems.ErrorOrNil()
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
