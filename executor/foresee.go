package executor

import (
	"context"
	"path"
	"slices"

	"lockstep/steps"
)

type foreseenAnswer struct {
	reads  []string
	output steps.Output
}

// act is a command of a dry run, with what it may change.
type act struct {
	by     string
	writes []string
}

// unforeseen returns an error if an act of this dry run may have changed one of
// resources.
func (o *overlay) unforeseen(what string, resources ...string) error {
	return o.unforeseenSince(0, what, resources...)
}

// unforeseenSince is unforeseen without the first n acts.
func (o *overlay) unforeseenSince(n int, what string, resources ...string) error {
	if by, ok := o.spoilt(n, resources); ok {
		return &steps.Unforeseen{Resource: what, By: by}
	}
	return nil
}

// spoilt tells who did the last act of this dry run, the first n left out, that
// may have changed one of resources.
func (o *overlay) spoilt(n int, resources []string) (by string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range slices.Backward(o.acts[n:]) {
		if intersects(resources, a.writes) {
			return a.by, true
		}
	}
	return "", false
}

// Exec commits what is pending and runs the command, or remembers it.
func (o *overlay) Exec(ctx context.Context, c steps.Command) (steps.Output, error) {
	if o.live {
		if err := o.flush(ctx); err != nil {
			return steps.Output{}, err
		}
		return o.act(ctx, c)
	}
	o.foresee(c, o.found(ctx, c))
	o.keep()
	return steps.Output{}, ctx.Err()
}

// run runs a command and lets it be heard if it takes long.
func (o *overlay) run(ctx context.Context, c steps.Command) (steps.Output, error) {
	if !c.Long {
		return o.base.Run(ctx, c)
	}
	o.mu.Lock()
	step := o.step
	o.mu.Unlock()
	c, done := o.told(step, c)
	defer done()
	return o.base.Run(ctx, c)
}

// found returns what is at the paths that c foresees: an act that writes a file
// anew leaves its attributes.
func (o *overlay) found(ctx context.Context, c steps.Command) map[string]steps.Stat {
	out := map[string]steps.Stat{}
	for _, f := range c.Foresees {
		if f.Path == "" || f.Data == nil {
			continue
		}
		if st, err := o.Stat(ctx, f.Path); err == nil && st.Kind == steps.Regular {
			out[f.Path] = st
		}
	}
	return out
}

// foresee takes the effects of a command into the overlay.
func (o *overlay) foresee(c steps.Command, found map[string]steps.Stat) {
	o.mu.Lock()
	defer o.mu.Unlock()
	writes := c.Writes
	if len(writes) == 0 {
		writes = []string{"*"}
	}
	for key, a := range o.answers {
		if intersects(a.reads, writes) {
			delete(o.answers, key)
		}
	}
	o.acts = append(o.acts, act{o.actor, writes})
	for _, f := range c.Foresees {
		if f.Path == "" {
			o.answers[foreseenKey(f.Query)] = foreseenAnswer{f.Query.Reads, f.Output}
			continue
		}
		st := steps.Stat{Kind: steps.Absent, Pending: true}
		if f.Data != nil {
			st = after(found[f.Path], steps.Attrs{}, steps.Regular)
			st.Size = int64(len(f.Data))
		}
		o.files[path.Clean(f.Path)] = &pending{stat: st, data: f.Data, hasData: f.Data != nil, foreseen: true, since: len(o.acts)}
	}
}
