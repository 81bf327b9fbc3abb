package executor

import (
	"context"
	"path"
	"sync"

	"lockstep/plan"
	"lockstep/steps"
)

// glimpse is what a step's probe found ahead of its turn: nothing to do.
type glimpse struct {
	step   steps.Step
	change steps.Change
	base   *cache
	age    int // of base
}

// warm runs the probes of some tasks at the same time, so that what they read
// travels together and is then in the cache. Each goes on into a dry apply,
// which reads what a write would check. Their results are thrown away, save
// that there is nothing to do, which may still hold when the step's turn comes.
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
			v := w.view(w.host)
			v.Self = scratch
			_ = within(ctx, t, func(ctx context.Context) error { // only its reads matter
				c, err := step.Probe(ctx, v)
				if err == nil && !c.Empty() {
					w.prepare(base)
					return step.Apply(ctx, scratch, c)
				}
				if err == nil && w.on(t) == w.overlay {
					w.ahead.Lock()
					defer w.ahead.Unlock()
					w.glimpses[t] = glimpse{step, c, base, age}
				}
				return err
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

// glimpsed returns what was found ahead if a probe would find it again: on the
// host nothing was read anew since, and nothing is pending.
func (w *worker) glimpsed(t *plan.Task) (glimpse, bool) {
	w.ahead.Lock()
	g, ok := w.glimpses[t]
	w.ahead.Unlock()
	o := w.on(t)
	return g, ok && o == w.overlay && o.base == g.base && g.base.now() == g.age && o.untouched()
}

// lookAhead reads what a probe will look at; a dry run also asks for the room
// where it may want to write. Whatever fails here is met again in order.
func (w *worker) lookAhead(ctx context.Context, wg *sync.WaitGroup, base *cache, e steps.Expectation) {
	query := func(c steps.Command) { wg.Go(func() { _, _ = base.Query(ctx, c) }) }
	above := map[string]bool{}
	for _, p := range e.Paths {
		above[path.Dir(p)] = true
	}
	asked := map[string]bool{}
	for _, p := range e.Paths {
		wg.Go(func() { _, _ = base.Stat(ctx, path.Clean(p)) })
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
