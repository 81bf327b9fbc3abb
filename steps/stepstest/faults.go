package stepstest

import (
	"errors"
	"fmt"
	"testing"

	"lockstep/steps"
)

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
