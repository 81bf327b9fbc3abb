package executor

import (
	"context"
	"path"
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
	for _, t := range tasks {
		step, err := t.Step(w.host)
		base, unknown := w.base(w.on(t), t)
		if err != nil || unknown != nil {
			continue // the walk in order will meet it again
		}
		if e, ok := step.(steps.Expecter); ok {
			w.lookAhead(ctx, &wg, base, e.Expects())
		}
		wg.Go(func() {
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
		})
	}
	wg.Wait()
}

// prepare lets a machine get ready to be changed, if it soon will be.
func (w *worker) prepare(base *cache) {
	if p, ok := base.Machine.(Preparer); ok && (w.live || w.Eager) {
		p.Prepare()
	}
}

// lookAhead reads what a probe will look at; a dry run also asks for the room
// where it may want to write. Whatever fails here is met again in order.
func (w *worker) lookAhead(ctx context.Context, wg *sync.WaitGroup, base *cache, e steps.Expectation) {
	stat := func(p string) { wg.Go(func() { _, _ = base.Stat(ctx, path.Clean(p)) }) }
	query := func(c steps.Command) { wg.Go(func() { _, _ = base.Query(ctx, c) }) }
	above := map[string]bool{}
	for _, p := range e.Paths {
		above[path.Dir(p)] = true
	}
	for _, p := range e.Reads {
		stat(p)
	}
	asked := map[string]bool{}
	for _, p := range e.Paths {
		stat(p)
		if dir := path.Dir(p); !w.live && !above[p] && !asked[dir] {
			asked[dir] = true
			query(roomQuery(dir))
		}
	}
	for _, name := range e.Users {
		if !isNumber(name) {
			query(userQuery(name))
		}
	}
	for _, name := range e.Groups {
		if !isNumber(name) {
			query(groupQuery(name))
		}
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
