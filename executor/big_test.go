package executor

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"lockstep/steps"
)

// bigSource is content on the control machine that is not taken into memory.
func bigSource(t *testing.T) *steps.Content {
	t.Helper()
	control := newMachine(t, "control")
	control.PutFile("/big", strings.Repeat("x", steps.MaxRead+1))
	c, err := control.Describe(t.Context(), "/big")
	must(t, err)
	return c
}

func TestOverlayKeepsAReferenceOfBigContent(t *testing.T) {
	for name, make := range map[string]func(*testing.T) (*machine, *overlay){"dry": dry, "live": live} {
		t.Run(name, func(t *testing.T) {
			ctx, from := t.Context(), bigSource(t)
			m, o := make(t)
			m.PutFile("/etc/old", "old")
			must(t, o.WriteContent(ctx, "/etc/old", from, steps.Attrs{}))
			must(t, o.SetAttrs(ctx, "/etc/old", steps.Attrs{Mode: mode(0o600)}))
			st, err := o.Stat(ctx, "/etc/old")
			must(t, err)
			if st.Size != from.Size || !st.Pending || st.Mode != 0o600 {
				t.Errorf("got %+v", st)
			}
			if got, err := o.Describe(ctx, "/etc/old"); err != nil || !got.Same(from) {
				t.Errorf("got %+v, %v", got, err)
			}
			if _, err := o.ReadFile(ctx, "/etc/old"); !errors.Is(err, steps.ErrTooBig) {
				t.Errorf("got %v", err)
			}
			if _, err := o.Describe(ctx, "/etc/none"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v", err)
			}
			must(t, o.flush(ctx))
			if got := int64(len(m.Content("/etc/old"))); o.live && got != from.Size || !o.live && got != 3 {
				t.Errorf("%d bytes are on the host", got)
			}
		})
	}
}

// holding is a machine that has a part of every big file.
type holding struct{ *machine }

func (holding) Held(context.Context, string, *steps.Content) (int64, error) { return 3 << 20, nil }

func TestRoomThatAPartTakesIsNotNeededAgain(t *testing.T) {
	m := newMachine(t, "db1")
	m.free = "2048" // KiB, and the file has a byte over 4 MiB
	for _, row := range []struct {
		machine Machine
		full    bool
	}{{m, true}, {holding{m}, false}} {
		o := newOverlay(newCache(row.machine), false)
		must(t, o.WriteContent(t.Context(), "/big", bigSource(t), steps.Attrs{}))
		if err := o.checkSpace(t.Context()); (err != nil) != row.full {
			t.Errorf("got %v, want full %v", err, row.full)
		}
	}
}

// TestContentIsHashedOnceForEachVersion: also when all that was read is
// forgotten in between.
func TestContentIsHashedOnceForEachVersion(t *testing.T) {
	m, o := live(t)
	m.PutFile("/big", "a")
	for range 3 {
		_, err := o.Describe(t.Context(), "/big")
		must(t, err)
		o.base.forget()
	}
	m.PutFile("/big", "b")
	again, err := o.Describe(t.Context(), "/big")
	must(t, err)
	if !again.Same(steps.NewContent([]byte("b"), false)) {
		t.Errorf("got %+v", again)
	}
	if hashed := m.reads["describe /big"]; hashed != 2 {
		t.Errorf("hashed %d times, want 2", hashed)
	}
}
