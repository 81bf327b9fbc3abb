package stepstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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
	for _, p := range w.Peers {
		v.Peers = append(v.Peers, p)
	}
	return v
}

// Case is one situation of a kind that the conformance suite plays through.
type Case struct {
	Name string
	// YAML are the step's parameters.
	YAML string
	// Build prepares the world; it is called many times, on new worlds.
	Build func(w *World)
	// Secrets are texts from YAML or the world that nothing may show.
	Secrets []string
	// Holds: the world is as wanted already, so that the probe is empty. In
	// all other cases it must not be.
	Holds bool
	// Always: the step has something to do however often it was done.
	Always bool
	// Unforeseen: a dry run cannot tell the end; the preview is not compared.
	Unforeseen bool
}

// Conform plays kind through what every kind must keep (style.md, tests).
func Conform(t *testing.T, kind steps.Kind, cases ...Case) {
	t.Helper()
	t.Run("reference", func(t *testing.T) { conformReference(t, kind) })
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			p := &play{kind: kind, Case: c}
			t.Run("probe changes nothing and repeats", p.probe)
			t.Run("apply then probe is empty", p.apply)
			t.Run("preview equals run", p.preview)
			t.Run("cancel returns soon", p.cancel)
			t.Run("failed reads are told", p.readFaults)
			t.Run("failed writes are told", p.writeFaults)
			t.Run("failed commands are told", p.execFaults)
		})
	}
}

type play struct {
	kind steps.Kind
	Case
}

func (p *play) begin(t *testing.T) (*World, steps.Step) {
	t.Helper()
	w := NewWorld(p.kind)
	if p.Build != nil {
		p.Build(w)
	}
	return w, Decode(t, p.kind, p.YAML)
}

func (p *play) mustProbe(t *testing.T, step steps.Step, v steps.View) steps.Change {
	t.Helper()
	change, err := step.Probe(t.Context(), v)
	if err != nil {
		t.Fatalf("probe: %v", err)
	}
	p.noSecret(t, "change", showChange(change))
	return change
}

func (p *play) probe(t *testing.T) {
	w, step := p.begin(t)
	before := w.state()
	first := p.mustProbe(t, step, w.View())
	if first.Empty() != p.Holds {
		t.Errorf("empty probe: got %v, want %v\n%s", first.Empty(), p.Holds, showChange(first))
	}
	if after := w.state(); after != before {
		t.Errorf("the probe changed the world\nbefore:\n%s\nafter:\n%s", before, after)
	}
	second := p.mustProbe(t, step, w.View())
	third := p.mustProbe(t, Decode(t, p.kind, p.YAML), w.View())
	for _, again := range []steps.Change{second, third} {
		if again.Fingerprint() != first.Fingerprint() {
			t.Errorf("another probe of the same host differs\nfirst:  %s\nsecond: %s", showChange(first), showChange(again))
		}
	}
}

func (p *play) apply(t *testing.T) {
	w, step := p.begin(t)
	change := p.mustProbe(t, step, w.View())
	if err := step.Apply(t.Context(), w.Self, change); err != nil {
		t.Fatalf("apply: %v", err)
	}
	again := p.mustProbe(t, step, w.View())
	if again.Empty() == p.Always {
		t.Errorf("empty probe after apply: got %v, want %v\n%s", again.Empty(), !p.Always, showChange(again))
	}
	if verifier, ok := step.(steps.Verifier); ok {
		if err := verifier.Verify(t.Context(), w.View()); err != nil {
			t.Errorf("verify after apply: %v", err)
		}
	}
}

func (p *play) preview(t *testing.T) {
	w, step := p.begin(t)
	preview := w.Self.Preview()
	before := w.state()
	foreseen := p.mustProbe(t, step, w.ViewOf(preview))
	if err := step.Apply(t.Context(), preview, foreseen); err != nil {
		t.Fatalf("apply to the preview: %v", err)
	}
	if after := w.state(); after != before {
		t.Fatalf("the preview changed the world\nbefore:\n%s\nafter:\n%s", before, after)
	}
	real := p.mustProbe(t, step, w.View())
	if real.Fingerprint() != foreseen.Fingerprint() {
		t.Errorf("the probe of the preview differs\npreview: %s\nrun:     %s", showChange(foreseen), showChange(real))
	}
	if p.Unforeseen {
		return
	}
	if again := p.mustProbe(t, step, w.ViewOf(preview)); again.Empty() == p.Always {
		t.Errorf("empty probe after apply to the preview: got %v, want %v\n%s", again.Empty(), !p.Always, showChange(again))
	}
	if err := step.Apply(t.Context(), w.Self, real); err != nil {
		t.Fatalf("apply: %v", err)
	}
	unsettled := map[string]bool{}
	for at, e := range preview.files {
		unsettled[at] = e.stat.Unsettled
	}
	want, got := preview.masked(unsettled), w.Self.masked(unsettled)
	if got != want {
		t.Errorf("the run did something else than the preview\npreview:\n%s\nrun:\n%s", want, got)
	}
}

func (p *play) cancel(t *testing.T) {
	w, step := p.begin(t)
	change := p.mustProbe(t, step, w.View())
	before := w.state()
	w.each(func(f *Fake) { f.hang = true })
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	start := time.Now()
	if _, err := step.Probe(ctx, w.View()); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("probe after its time was over: got %v, want an error that wraps the context's", err)
	}
	err := step.Apply(ctx, w.Self, change)
	if len(change.Edits) > 0 && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("apply after its time was over: got %v, want an error that wraps the context's", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v to notice", took)
	}
	if after := w.state(); after != before {
		t.Errorf("apply changed the world after its time was over")
	}
}

// readFaults lets each read of a probe fail in turn: the probe must say so.
func (p *play) readFaults(t *testing.T) {
	for _, name := range []string{"self", "control", "peer"} {
		for n := 1; ; n++ {
			w, step := p.begin(t)
			f := w.called(name)
			if f == nil {
				break
			}
			f.reads, f.failRead = 0, n
			_, err := step.Probe(t.Context(), w.View())
			if f.reads < n {
				break
			}
			p.wantUnreachable(t, fmt.Sprintf("probe whose read %d of %s failed", n, name), err)
		}
	}
}

// writeFaults lets each write of an apply fail in turn: apply must say so.
func (p *play) writeFaults(t *testing.T) {
	for n := 1; ; n++ {
		w, step := p.begin(t)
		change := p.mustProbe(t, step, w.View())
		w.Self.writes, w.Self.failWrite = 0, n
		err := step.Apply(t.Context(), w.Self, change)
		if w.Self.writes < n {
			return
		}
		p.wantUnreachable(t, fmt.Sprintf("apply whose write %d failed", n), err)
	}
}

// execFaults lets each command of an apply end with code 1 in turn.
func (p *play) execFaults(t *testing.T) {
	for n := 1; ; n++ {
		w, step := p.begin(t)
		change := p.mustProbe(t, step, w.View())
		w.Self.failExec = n
		err := step.Apply(t.Context(), w.Self, change)
		if len(w.Self.done) < n {
			return
		}
		if err == nil {
			t.Errorf("apply whose command %d ended with code 1: got no error", n)
			continue
		}
		p.noSecret(t, "apply with a failed command", err.Error())
	}
}

func (p *play) wantUnreachable(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, steps.ErrUnreachable) {
		t.Errorf("%s: got %v, want an error that wraps ErrUnreachable", what, err)
		return
	}
	p.noSecret(t, what, err.Error())
}

func (p *play) noSecret(t *testing.T, what, text string) {
	t.Helper()
	for i, secret := range p.Secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows secret %d", what, i)
		}
	}
}

func showChange(c steps.Change) string {
	data, err := json.Marshal(c)
	if err != nil {
		return err.Error()
	}
	return string(data)
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
