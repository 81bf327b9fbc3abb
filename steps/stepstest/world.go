package stepstest

import (
	"fmt"
	"strings"

	"lockstep/steps"
)

// World is what a step sees in a test.
type World struct {
	Self    *Fake
	Peers   []*Fake
	Control *Fake
}

// NewWorld returns a host db1 without peers, and a control machine; for a kind
// with OnControl they are one.
func NewWorld(kind steps.Kind) *World {
	w := &World{Self: NewFake("db1"), Control: NewFake("control")}
	if kind.OnControl {
		w.Self = w.Control
	}
	return w
}

// AddPeer adds a host to the stage.
func (w *World) AddPeer(name string) *Fake {
	w.Peers = append(w.Peers, NewFake(name))
	return w.Peers[len(w.Peers)-1]
}

// View is the world as a probe sees it.
func (w *World) View() steps.View { return w.ViewOf(w.Self) }

// ViewOf is the world with self in the place of Self, such as a Preview.
func (w *World) ViewOf(self *Fake) steps.View {
	v := steps.View{Self: self, Control: w.Control}
	if w.Control == w.Self {
		v.Control = self
	}
	v.Others = func() (all []steps.Reader) {
		for _, p := range w.Peers {
			all = append(all, p)
		}
		return all
	}
	return v
}

func (w *World) each(do func(f *Fake)) {
	do(w.Self)
	if w.Control != w.Self {
		do(w.Control)
	}
	for _, p := range w.Peers {
		do(p)
	}
}

func (w *World) called(name string) *Fake {
	switch {
	case name == "self":
		return w.Self
	case name == "control" && w.Control != w.Self:
		return w.Control
	case name == "peer" && len(w.Peers) > 0:
		return w.Peers[0]
	}
	return nil
}

func (w *World) state() string {
	var b strings.Builder
	w.each(func(f *Fake) {
		fmt.Fprintf(&b, "%s (%d commands)\n%s\n", f.name, len(f.Execs()), f.State())
	})
	return b.String()
}

// masked is State without the content of some files.
func (f *Fake) masked(unsettled map[string]bool) string {
	hidden := map[*entry]bool{}
	for at, e := range f.files {
		hidden[e] = unsettled[at]
	}
	return f.state(func(e *entry) bool { return !hidden[e] })
}
