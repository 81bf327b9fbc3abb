package remote

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"lockstep/executor"
	"lockstep/steps"
)

func holdBy(run string) executor.Lease {
	return executor.Lease{Run: run, Owner: "o'wner of " + run + "\n$(id)", Place: "boot/pid:[1]/7/9"}
}

func TestOneRunHoldsAHost(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		ctx := t.Context()
		lease := filepath.Join(c.target.RunDir, "lease")
		if by, err := c.Holder(ctx); by != nil || err != nil {
			t.Fatalf("nobody holds it: %v, %v", by, err)
		}
		if _, err := os.Stat(c.target.RunDir); err == nil {
			t.Error("who only looks makes the directory")
		}
		for range 2 { // the second renews
			if err := c.Lock(ctx, holdBy("a"), ""); err != nil {
				t.Fatal(err)
			}
		}
		by, err := c.Holder(ctx)
		if err != nil || by.Run != "a" || by.Owner != "o'wner of a $(id)" || by.Place != "boot/pid:[1]/7/9" || by.Left <= executor.LeaseTime/2 || by.Left > executor.LeaseTime {
			t.Errorf("got %+v, %v", by, err)
		}
		var held *executor.HeldError
		if err := c.Lock(ctx, holdBy("b"), "c"); !errors.As(err, &held) || held.By.Run != "a" || !errors.Is(err, steps.ErrRefused) {
			t.Errorf("another run: got %v", err)
		}
		if err := c.Unlock(ctx, "b"); err != nil {
			t.Error(err)
		}
		if by, _ := c.Holder(ctx); by == nil || by.Run != "a" {
			t.Errorf("another run let it go: %v", by)
		}
		if err := c.Lock(ctx, holdBy("b"), "a"); err != nil {
			t.Errorf("in its place: %v", err)
		}
		if err := c.Unlock(ctx, "b"); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(c.target.RunDir); err == nil {
			t.Error("the directory is left")
		}
		for name, change := range map[string]func(lines []string){
			"over":         func(lines []string) { lines[1] = "1" },
			"another boot": func(lines []string) { lines[2] = "0000" },
			"not ours":     func(lines []string) { lines[1] = "x" },
		} {
			if err := c.Lock(ctx, holdBy("a"), ""); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(readAll(t, lease), "\n")
			change(lines)
			if err := os.WriteFile(lease, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := c.Lock(ctx, holdBy("b"), ""); err != nil {
				t.Errorf("%s: got %v", name, err)
			}
			_ = c.Unlock(ctx, "b")
		}
	})
}

func TestOfManyRunsOneHoldsTheHost(t *testing.T) {
	c := local(t)
	other := dial(t, c.target)
	var got atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			at := []*Conn{c, other}[i%2]
			err := at.Lock(t.Context(), holdBy(nonce()), "")
			var held *executor.HeldError
			switch {
			case err == nil:
				got.Add(1)
			case !errors.As(err, &held):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := got.Load(); n != 1 {
		t.Errorf("%d hold it", n)
	}
}

func TestAHoldThatCannotBeNotedIsRefused(t *testing.T) {
	c := local(t)
	if err := os.MkdirAll(filepath.Join(c.target.RunDir, "lease.busy"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := c.Lock(t.Context(), holdBy("a"), "")
	if !errors.Is(err, steps.ErrRefused) || !strings.Contains(err.Error(), "lease.busy") {
		t.Errorf("got %v", err)
	}
}
