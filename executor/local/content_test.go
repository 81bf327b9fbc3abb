package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/executor"
	"lockstep/steps"
)

func TestBigContentIsCopiedAsDescribed(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	text := strings.Repeat("x", steps.MaxRead+1)
	must(t, os.WriteFile(from, []byte(text), 0o600))
	c, err := m.Describe(t.Context(), from)
	must(t, err)
	if !c.Same(steps.NewContent([]byte(text), false)) {
		t.Errorf("got %+v", c)
	}
	var sent int64
	write := executor.Write{Op: executor.PutFile, Path: to, From: c, Sent: func(n int64) { sent = n }, Was: stat(t, to)}
	must(t, m.Commit(t.Context(), []executor.Write{write}))
	if got, err := os.ReadFile(to); err != nil || string(got) != text || sent != c.Size {
		t.Errorf("%d bytes were copied and %d told, %v", len(got), sent, err)
	}
	must(t, os.WriteFile(from, []byte("something else"), 0o600))
	write.Was = stat(t, to)
	if err := m.Commit(t.Context(), []executor.Write{write}); !errors.Is(err, steps.ErrDrifted) || !strings.Contains(err.Error(), "its source") {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(to); string(got) != text {
		t.Error("the target was changed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Describe(ctx, from); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := m.Describe(t.Context(), dir); err == nil {
		t.Error("a directory was described")
	}
}
