package executor

import (
	"context"
	"path"
	"slices"
	"sync"

	"lockstep/plan"
	"lockstep/steps"
)

// warm runs the probes of some tasks at the same time, so that what they read
// travels together and is then in the cache. Each goes on into a dry apply,
// which reads what a write would check. What the probes found is kept as a
// glimpse, which may still hold when the step's turn comes.
func (w *worker) warm(ctx context.Context, tasks []*plan.Task) {
	w.glimpses = map[*plan.Task]glimpse{}
	var wg sync.WaitGroup
	var probes []func()
	ahead := map[*cache]*asks{}
	for _, t := range tasks {
		step, err := t.Step(w.host)
		base, unknown := w.base(w.on(t), t)
		if err != nil || unknown != nil {
			continue // the walk in order will meet it again
		}
		if e, ok := step.(steps.Expecter); ok {
			if ahead[base] == nil {
				ahead[base] = newAsks()
			}
			w.expect(ahead[base], e.Expects())
		}
		probes = append(probes, func() { w.glimpse(ctx, t, step, base) })
	}
	for base, a := range ahead {
		base.ask(ctx, &wg, a)
	}
	for _, probe := range probes {
		wg.Go(probe)
	}
	wg.Wait()
}

// glimpse lets a step's probe and a dry apply run over a throw-away overlay.
func (w *worker) glimpse(ctx context.Context, t *plan.Task, step steps.Step, base *cache) {
	age, scratch := base.now(), newOverlay(base, false)
	scratch.looks = newLooks()
	v := w.view(w.host)
	v.Self = scratch
	_ = within(ctx, t, func(ctx context.Context) error { // what fails is met again in order
		c, err := step.Probe(ctx, v)
		if err != nil {
			return err
		}
		w.keepGlimpse(t, glimpse{step, c, base, age, scratch.looks.taken()})
		if c.Empty() {
			return nil
		}
		w.prepare(base)
		return step.Apply(ctx, scratch, c)
	})
}

// prepare lets a machine get ready to be changed, if it soon will be.
func (w *worker) prepare(base *cache) {
	if p, ok := base.Machine.(Preparer); ok && (w.live || w.Eager) {
		p.Prepare()
	}
}

// expect adds what a probe will look at; a dry run also asks for the room where
// it may want to write. Whatever fails there is met again in order.
func (w *worker) expect(a *asks, e steps.Expectation) {
	above := map[string]bool{}
	for _, p := range e.Paths {
		above[path.Dir(p)] = true
	}
	for _, p := range slices.Concat(e.Reads, e.Paths) {
		a.look(path.Clean(p))
	}
	for _, p := range e.Paths {
		if !w.live && !above[p] {
			a.query(roomQuery(path.Dir(p)))
		}
	}
	for _, name := range e.Users {
		if !isNumber(name) {
			a.query(userQuery(name))
		}
	}
	for _, name := range e.Groups {
		if !isNumber(name) {
			a.query(groupQuery(name))
		}
	}
	for _, c := range e.Queries {
		a.query(c)
	}
}

// tasks are the stage's steps of which the host's part is known before.
func (w *worker) tasks() []*plan.Task {
	var out []*plan.Task
	for _, t := range w.stage.Tasks {
		t.Walk(func(t *plan.Task) {
			if t.Block == nil && !t.Once && !t.Later() && t.Concerns(w.host) {
				out = append(out, t)
			}
		})
	}
	return out
}
