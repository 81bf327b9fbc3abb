package remote

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// TestStalledConnectionKeepsNobodyWaiting: who starts something on a connection
// that died without a word gets a new one long before a keepalive notices.
func TestStalledConnectionKeepsNobodyWaiting(t *testing.T) {
	var cutter sshserver.Cutter
	wire := func(conn net.Conn) net.Conn { return cutter.Wire(conn) }
	_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{Wire: wire}})
	target.Timeout, target.Keepalive = time.Second, time.Hour
	c := dial(t, target)
	old, err := c.live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cutter.Arm(sshserver.Break{At: 1, How: sshserver.Stall})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := c.Run(ctx, steps.Command{Argv: []string{"echo", "here"}})
	if err != nil || string(out.Stdout) != "here\n" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	if old.alive() {
		t.Fatal("the stalled connection was not given up")
	}
	if !strings.Contains(old.loss(), "no answer for 1s") {
		t.Errorf("lost%s; want that it did not answer", old.loss())
	}
}
