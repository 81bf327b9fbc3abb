package executor

import (
	"maps"
	"path"
	"slices"
	"sync"

	"lockstep/plan"
	"lockstep/steps"
)

// glimpse is what a step's probe found ahead of its turn.
type glimpse struct {
	step   steps.Step
	change steps.Change
	base   *cache
	age    int // of base
	looks  looks
}

// keepGlimpse notes a finding that can be used in its turn. A change is made by
// the step that found it, which a step may only do once, unless it says what it
// Expects.
func (w *worker) keepGlimpse(t *plan.Task, g glimpse) {
	if _, plain := g.step.(steps.Expecter); !g.change.Empty() && !plain || w.on(t) != w.overlay {
		return
	}
	w.ahead.Lock()
	defer w.ahead.Unlock()
	w.glimpses[t] = g
}

// glimpsed returns what was found ahead if a probe would find it again: nothing
// was read anew since, and nothing is pending of what the probe looked at.
func (w *worker) glimpsed(t *plan.Task) (glimpse, bool) {
	w.ahead.Lock()
	g, ok := w.glimpses[t]
	w.ahead.Unlock()
	o := w.on(t)
	return g, ok && o == w.overlay && o.base == g.base && g.base.now() == g.age && !o.affects(g.looks)
}

// looks are what a probe looked at. It may be used by many goroutines; a nil
// one notes nothing.
type looks struct {
	mu    *sync.Mutex
	paths map[string]bool
	dirs  map[string]bool // whose names were read
	rests []string        // what the answers of commands rest on
}

func newLooks() *looks {
	return &looks{mu: &sync.Mutex{}, paths: map[string]bool{}, dirs: map[string]bool{}}
}

func (l *looks) note(f func()) {
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		f()
	}
}

func (l *looks) at(p string)           { l.note(func() { l.paths[p] = true }) }
func (l *looks) in(dir string)         { l.note(func() { l.dirs[dir] = true }) }
func (l *looks) restOn(reads []string) { l.note(func() { l.rests = append(l.rests, reads...) }) }

// taken is a copy of what was looked at by now.
func (l *looks) taken() looks {
	l.mu.Lock()
	defer l.mu.Unlock()
	return looks{paths: maps.Clone(l.paths), dirs: maps.Clone(l.dirs), rests: slices.Clone(l.rests)}
}

// affects reports whether anything that is pending may be seen by who looks at
// the same things.
func (o *overlay) affects(l looks) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.acts) > 0 {
		return true
	}
	for p, f := range o.files {
		dir := path.Dir(p)
		appears := (f.was.Kind == steps.Absent) != (f.stat.Kind == steps.Absent)
		if l.paths[p] || l.dirs[dir] || appears && l.paths[dir] || intersects(l.rests, []string{p}) {
			return true
		}
	}
	return false
}
