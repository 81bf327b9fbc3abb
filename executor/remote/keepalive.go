package remote

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// keepAlive tries the connection every interval until it ends, and ends it
// when the host has not answered for three intervals.
func (l *link) keepAlive(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-l.lost:
			return
		case <-tick.C:
		}
		silent := time.AfterFunc(3*every, func() {
			l.silent.Store(int64(3 * every))
			_ = l.client.Close()
		})
		_, _, err := l.client.SendRequest("keepalive@openssh.com", true, nil)
		silent.Stop()
		if err != nil {
			_ = l.client.Close()
			return
		}
	}
}

// loss says in brackets why the connection was lost, or nothing when the other
// side just closed it. It is called when the connection is known to be lost.
func (l *link) loss() string {
	<-l.lost
	if d := time.Duration(l.silent.Load()); d > 0 {
		return fmt.Sprintf(" (no answer for %s)", d)
	}
	if l.cause == nil || errors.Is(l.cause, io.EOF) || errors.Is(l.cause, net.ErrClosed) {
		return ""
	}
	return " (" + l.cause.Error() + ")"
}

// ending says what came in between when a remote sh ended under its work.
func (l *link) ending() string {
	if l.check(); l.alive() {
		return "the remote sh ended while it ran"
	}
	return "the connection was lost while it ran" + l.loss()
}
