package remote

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"lockstep/internal/sshserver"
)

// TestWaitForAnothersShellEndsWithTheCaller: who waits for a sh that another
// starts is not bound to that.
func TestWaitForAnothersShellEndsWithTheCaller(t *testing.T) {
	var armed atomic.Bool
	starting, release := make(chan struct{}), make(chan struct{})
	hang := func(string) error {
		if armed.CompareAndSwap(true, false) {
			close(starting)
			<-release
		}
		return nil
	}
	_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{Exec: hang}})
	c := dial(t, target)
	l, err := c.live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	first := make(chan error, 1)
	go func() {
		_, err := l.writeShell(t.Context())
		first <- err
	}()
	<-starting
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.writeShell(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}
