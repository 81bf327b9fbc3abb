package remote

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// keepAlive tries the connection at each interval until it ends, and ends it
// when the host has not answered for as many intervals as the target allows;
// silent is told how long that was.
func keepAlive(client *ssh.Client, t Target, ended <-chan struct{}, silent func(time.Duration)) {
	tick := time.NewTicker(t.Keepalive)
	defer tick.Stop()
	patience := time.Duration(t.KeepaliveCount) * t.Keepalive
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		if !answers(client, patience, silent) {
			return
		}
	}
}

// answers reports whether the host answers a question that costs it nothing.
// When it does not within patience, the connection is ended and silent is told.
func answers(client *ssh.Client, patience time.Duration, silent func(time.Duration)) bool {
	timer := time.AfterFunc(patience, func() {
		silent(patience)
		_ = client.Close()
	})
	defer timer.Stop()
	_, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
	if err != nil {
		_ = client.Close()
	}
	return err == nil
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
