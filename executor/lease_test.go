package executor

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/steps"
)

// lockable is a machine that can be held.
type lockable struct {
	*machine
	mu     sync.Mutex
	by     *Lease
	locked int
	onLock func() error
}

func (m *lockable) Lock(_ context.Context, l Lease, instead string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locked++
	if m.onLock != nil {
		if err := m.onLock(); err != nil {
			return err
		}
	}
	if m.by != nil && m.by.Run != l.Run && m.by.Run != instead {
		return &HeldError{By: *m.by}
	}
	m.by = &l
	return nil
}

func (m *lockable) Unlock(_ context.Context, run string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by != nil && m.by.Run == run {
		m.by = nil
	}
	return nil
}

func (m *lockable) Holder(context.Context) (*Lease, error) { return m.by, nil }

// lockableWorld writes a file on each of three hosts that can be held.
func lockableWorld(t *testing.T, d deed) (*world, []*lockable) {
	w := newWorld(t, 3, "- {serial: 1, steps: [{plain: {do: f}}]}\n", map[string]deed{"f": d})
	var all []*lockable
	for _, name := range []string{"db1", "db2", "db3"} {
		m := &lockable{machine: w.hosts[name]}
		w.x.Machines[name] = m
		all = append(all, m)
	}
	w.x.Lease = Lease{Run: "ours", Owner: "me", Place: "here"}
	return w, all
}

func TestARunHoldsItsHosts(t *testing.T) {
	var hosts []*lockable
	probe := file("/etc/f", "x").probe
	w, hosts := lockableWorld(t, deed{probe: probe, apply: func(ctx context.Context, h steps.Host, c steps.Change) error {
		for _, m := range hosts {
			m.mu.Lock()
			if h.(*overlay).live && (m.by == nil || m.by.Run != "ours") {
				t.Errorf("%s is not held", m.Name())
			}
			m.mu.Unlock()
		}
		return steps.ApplyFiles(ctx, h, c)
	}})
	if w.preview(); hosts[0].locked > 0 {
		t.Error("a dry run holds hosts")
	}
	if r, err := w.apply(); err != nil || r.Changes != 3 {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, m := range hosts {
		if m.by != nil {
			t.Errorf("%s is held behind the run", m.Name())
		}
	}
}

func TestHostsOfAnotherRunAreLeftAlone(t *testing.T) {
	w, hosts := lockableWorld(t, file("/etc/f", "x"))
	hosts[1].by = &Lease{Run: "theirs", Owner: "eve@laptop", Left: 3 * time.Minute}
	w.x.Gone = func(l Lease) bool { return l.Place == "dead" }
	r, _ := w.apply()
	if r.Acted || len(r.Failures) == 0 || !errors.Is(r.Failures[0], steps.ErrRefused) || !strings.Contains(r.Failures[0].Error(), "eve@laptop holds it") || !strings.Contains(r.Failures[0].Error(), "db2") {
		t.Fatalf("got %+v", r)
	}
	for _, m := range hosts {
		if m.acts() != "" {
			t.Errorf("%s: %s", m.Name(), m.acts())
		}
		if (m.by != nil) != (m == hosts[1]) {
			t.Errorf("%s is held by %v", m.Name(), m.by)
		}
	}
	hosts[1].by.Place = "dead"
	if r, err := w.apply(); err != nil || r.Changes != 3 {
		t.Errorf("with the other gone: got %+v, %v", r, err)
	}
}

// Whoever asks for the first host first and is refused asks for no other.
func TestOneOfTwoRunsGetsAll(t *testing.T) {
	w, hosts := lockableWorld(t, file("/etc/f", "x"))
	hosts[0].by = &Lease{Run: "theirs", Owner: "eve@laptop"}
	if r, _ := w.apply(); r.Acted || hosts[1].locked+hosts[2].locked > 0 {
		t.Errorf("got %+v; asked %d and %d times", r, hosts[1].locked, hosts[2].locked)
	}
}

func TestALostHoldEndsTheRunBeforeItsNextAct(t *testing.T) {
	w, hosts := lockableWorld(t, file("/etc/f", "x"))
	h := w.x.hold(t.Context())
	if err := h.firm(t.Context()); err != nil {
		t.Fatal(err)
	}
	asleep := func() {
		h.mu.Lock()
		h.renewed = h.renewed.Add(-LeaseTime)
		h.mu.Unlock()
	}
	asleep()
	if err := h.firm(t.Context()); err != nil {
		t.Errorf("behind a sleep, with the hosts still ours: %v", err)
	}
	asleep()
	hosts[2].onLock = func() error { return steps.ErrUnreachable }
	if err := h.firm(t.Context()); !errors.Is(err, steps.ErrUnreachable) || !strings.Contains(err.Error(), "could not be renewed") {
		t.Errorf("behind a sleep, with a host that does not answer: %v", err)
	}
	h.release(t.Context())

	h = w.x.hold(t.Context())
	if err := h.firm(t.Context()); err == nil {
		t.Error("the first answer was a failure, and it is let through")
	}
	h.release(t.Context())
	hosts[2].onLock = nil
	h = w.x.hold(t.Context())
	if err := h.firm(t.Context()); err != nil {
		t.Fatal(err)
	}
	hosts[2].mu.Lock()
	hosts[2].by = &Lease{Run: "theirs", Owner: "eve@laptop"}
	hosts[2].mu.Unlock()
	h.mu.Lock()
	h.renewed = h.renewed.Add(-LeaseTime)
	h.mu.Unlock()
	var held *HeldError
	if err := h.firm(t.Context()); !errors.As(err, &held) {
		t.Errorf("with a host that another has taken: %v", err)
	}
	h.release(t.Context())
	if hosts[2].by == nil {
		t.Error("another's hold was taken away")
	}
}
