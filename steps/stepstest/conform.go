package stepstest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"lockstep/steps"
)

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
	t.Run("abilities", func(t *testing.T) { conformAbilities(t, kind) })
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
