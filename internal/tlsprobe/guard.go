package tlsprobe

import (
	"context"
	"fmt"
	"net"
	"time"
)

// guarded closes a connection when its context ends and when the probe does.
type guarded struct {
	ctx  context.Context
	conn net.Conn
	up   *alarm
}

func guard(ctx context.Context, conn net.Conn) *guarded {
	return &guarded{ctx: ctx, conn: conn, up: newAlarm(ctx, never, conn)}
}

func (g *guarded) release() {
	g.up.stop()
	_ = g.conn.Close() // the probe is over
}

// explain names the probe and, when the context ended it, that cause instead
// of the "use of closed connection" it shows as.
func (g *guarded) explain(probe string, err error) error {
	switch {
	case err == nil:
		return nil
	case g.ctx.Err() != nil:
		return fmt.Errorf("%s probe of %s gave up: %w", probe, peer(g.conn), context.Cause(g.ctx))
	}
	return fmt.Errorf("%s probe of %s: %w", probe, peer(g.conn), err)
}

func peer(conn net.Conn) string {
	if a := conn.RemoteAddr(); a != nil {
		return a.String()
	}
	return "unknown address"
}

// never is a wait that does not end.
const never time.Duration = -1

// alarm closes a connection when ctx ends or after a wait, unless that is never.
// Closing is the one way to end a read that works on every net.Conn.
type alarm struct {
	parent context.Context
	cancel context.CancelFunc
	off    func() bool
	done   chan struct{} // closed after the connection
}

func newAlarm(parent context.Context, wait time.Duration, conn net.Conn) *alarm {
	a := &alarm{parent: parent, done: make(chan struct{})}
	ctx := parent
	a.cancel = func() {}
	if wait != never {
		ctx, a.cancel = context.WithTimeout(parent, wait)
	}
	a.off = context.AfterFunc(ctx, func() {
		_ = conn.Close() // it only ends what waits on it
		close(a.done)
	})
	return a
}

// stop ends the alarm, waits for a close under way, and tells whether the
// wait, and not the parent context, rang it.
func (a *alarm) stop() (rang bool) {
	if !a.off() {
		<-a.done
		rang = a.parent.Err() == nil
	}
	a.cancel()
	return rang
}
