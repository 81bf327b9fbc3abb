package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// counter is a Wire that counts connections and drops the first ones.
type counter struct {
	drop  int64
	count atomic.Int64
}

func (c *counter) wire(conn net.Conn) net.Conn {
	if c.count.Add(1) <= c.drop {
		_ = conn.Close()
	}
	return conn
}

// counted serves a host that counts its connections.
func counted(t *testing.T, drop int64) (*counter, *sshserver.Server, Target) {
	t.Helper()
	c := &counter{drop: drop}
	server, target := serve(t, sshserver.Options{Faults: sshserver.Faults{Wire: c.wire}})
	return c, server, target
}

// echoes wants a connection that works.
func echoes(t *testing.T, c *Conn) {
	t.Helper()
	out, err := c.Query(t.Context(), steps.Command{Argv: []string{"echo", "hi"}})
	if err != nil || string(out.Stdout) != "hi\n" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
}

func dialBy(t *testing.T, n *Network, target Target) *Conn {
	t.Helper()
	c, err := n.Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestTargetsShareTheJumpsOfAChain(t *testing.T) {
	first, _, outer := counted(t, 0)
	second, _, inner := counted(t, 0)
	outer.Name, inner.Name, inner.Via = "outer", "inner", &outer
	n := network(t)
	var work sync.WaitGroup
	for i := range 5 {
		_, target := serve(t, sshserver.Options{})
		work.Go(func() {
			via := inner // a copy: what counts is where it leads
			target.Via, target.Name = &via, fmt.Sprintf("db%d", i)
			c, err := n.Dial(t.Context(), target)
			if err != nil {
				t.Error(err)
				return
			}
			echoes(t, c)
			_ = c.Close()
		})
	}
	work.Wait()
	if first.count.Load() != 1 || second.count.Load() != 1 {
		t.Errorf("the jump hosts had %d and %d connections", first.count.Load(), second.count.Load())
	}
}

func TestLostJumpIsMadeAgain(t *testing.T) {
	_, server, jump := counted(t, 0)
	_, target := serve(t, sshserver.Options{})
	target.Via = &jump
	c := dialBy(t, network(t), target)
	for range 3 {
		echoes(t, c)
		server.Cut()
	}
	echoes(t, c)
}

// TestJumpThatRefusesIsAskedOnce: not once for each host behind it.
func TestJumpThatRefusesIsAskedOnce(t *testing.T) {
	seen, _, jump := counted(t, 0)
	jump.Name = "bastion"
	jump.Keys[0], _ = newKey(t)
	n := network(t)
	for i := range 3 {
		_, target := serve(t, sshserver.Options{})
		target.Via, target.Name = &jump, fmt.Sprintf("db%d", i)
		_, err := n.Dial(t.Context(), target)
		want := fmt.Sprintf("ssh to root@127.0.0.1:%d goes through bastion: ssh to root@127.0.0.1:%d: the host does not accept", target.Port, jump.Port)
		if !errors.Is(err, steps.ErrRefused) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	if seen.count.Load() != 1 {
		t.Errorf("%d logins were tried", seen.count.Load())
	}
}

func TestChangedKeyOfAJumpIsRefused(t *testing.T) {
	_, _, jump := counted(t, 0)
	_, _, other := counted(t, 0)
	_, target := serve(t, sshserver.Options{})
	text := strings.ReplaceAll(readAll(t, other.KnownHosts[0]), fmt.Sprint(other.Port), fmt.Sprint(jump.Port))
	put(t, jump.KnownHosts[0], text)
	target.Via = &jump
	refusal(t, target, ErrHostKeyChanged, "goes through", "CHANGED")
}

func TestSilentHostBehindAJumpIsUnreachableInTime(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never speaks
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, _, jump := counted(t, 0)
	_, target := serve(t, sshserver.Options{})
	jump.Name, target.Via = "bastion", &jump
	target.Port, target.Timeout = listener.Addr().(*net.TCPAddr).Port, 50*time.Millisecond
	refusal(t, target, steps.ErrUnreachable, "no connection through bastion", "no answer within 50ms")
}

func TestCancelEndsTheDialThroughAJump(t *testing.T) {
	reached := make(chan struct{})
	_, jump := serve(t, sshserver.Options{Faults: sshserver.Faults{Wire: func(c net.Conn) net.Conn {
		close(reached)
		return silentConn{c}
	}}})
	_, target := serve(t, sshserver.Options{})
	target.Via, jump.Timeout = &jump, time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reached
		cancel()
	}()
	if _, err := network(t).Dial(ctx, target); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// silentConn takes everything and says nothing.
type silentConn struct{ net.Conn }

func (c silentConn) Write(b []byte) (int, error) { return len(b), nil }

func TestJumpThatForbidsForwardingIsNamed(t *testing.T) {
	_, jump := serve(t, sshserver.Options{Faults: sshserver.Faults{NoForward: true}})
	_, target := serve(t, sshserver.Options{})
	jump.Name, target.Via = "bastion", &jump
	refusal(t, target, steps.ErrRefused, "goes through bastion", "AllowTcpForwarding")
}

func TestClosedPortBehindAJumpIsUnreachable(t *testing.T) {
	_, _, jump := counted(t, 0)
	server, target := serve(t, sshserver.Options{})
	_ = server.Close()
	jump.Name, target.Via = "bastion", &jump
	refusal(t, target, steps.ErrUnreachable, "goes through bastion: it cannot connect to 127.0.0.1:", "refused")
}

func TestDroppedConnectionIsTriedAgain(t *testing.T) {
	seen, _, target := counted(t, 2)
	echoes(t, dial(t, target))
	if seen.count.Load() != 3 {
		t.Errorf("there were %d connections", seen.count.Load())
	}
	seen, _, target = counted(t, 9)
	refusal(t, target, steps.ErrUnreachable, "no connection")
	if seen.count.Load() != 3 {
		t.Errorf("there were %d connections", seen.count.Load())
	}
}

func TestRefusalIsNotTriedAgain(t *testing.T) {
	_, other := newKey(t)
	for name, spoil := range map[string]func(*Target){
		"login":       func(target *Target) { target.Keys[0], _ = newKey(t) },
		"host key":    func(target *Target) { target.KnownHosts[0] = filepath.Join(t.TempDir(), "none") },
		"changed key": func(target *Target) { put(t, target.KnownHosts[0], knownLine(*target, other)) },
	} {
		t.Run(name, func(t *testing.T) {
			seen, _, target := counted(t, 0)
			spoil(&target)
			refusal(t, target, steps.ErrRefused)
			if seen.count.Load() != 1 {
				t.Errorf("there were %d connections", seen.count.Load())
			}
		})
	}
}

func knownLine(target Target, key ssh.PublicKey) string {
	return fmt.Sprintf("[127.0.0.1]:%d %s %s\n", target.Port, key.Type(), encoded(key))
}

// TestLoginsAtOneAddressAreBounded: sshd would begin to drop them.
func TestLoginsAtOneAddressAreBounded(t *testing.T) {
	var now, most atomic.Int64
	_, target := serve(t, sshserver.Options{Interview: func(ask ssh.KeyboardInteractiveChallenge) bool {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		answers, err := ask("", "", []string{"Code: "}, []bool{true})
		return err == nil && answers[0] == "7"
	}})
	target.Keys = nil
	all := make(chan struct{})
	var waiting atomic.Int64
	target.Answer = func(Question) (string, error) {
		if waiting.Add(1) == loginsAtAddress {
			close(all)
		}
		<-all // as many as may, wait here at the same time
		return "7", nil
	}
	n := network(t)
	var work sync.WaitGroup
	for range 3 * loginsAtAddress {
		work.Go(func() {
			c, err := n.Dial(t.Context(), target)
			if err != nil {
				t.Error(err)
				return
			}
			_ = c.Close()
		})
	}
	work.Wait()
	if most.Load() != loginsAtAddress {
		t.Errorf("%d logins went on at the same time", most.Load())
	}
}

// TestRealSSHDTakesManyNamesOfOneAddress: MaxStartups is 10:30:100 there.
func TestRealSSHDTakesManyNamesOfOneAddress(t *testing.T) {
	target := sshd(t)
	target.Timeout = time.Minute
	n := network(t)
	var work sync.WaitGroup
	for range 25 {
		work.Go(func() {
			client, err := n.login(t.Context(), target.withDefaults())
			if err != nil {
				t.Error(err)
				return
			}
			_ = client.Close()
		})
	}
	work.Wait()
}

func TestRealSSHDAsAJump(t *testing.T) {
	outer, inner, target := sshd(t), sshd(t), sshd(t)
	inner.Via, target.Via = &outer, &inner
	c := dial(t, target)
	echoes(t, c)
	if _, err := c.Run(t.Context(), steps.Command{Argv: []string{"true"}}); err != nil {
		t.Error(err)
	}
}

func TestRealSSHDThatForbidsForwardingAsAJump(t *testing.T) {
	jump, target := sshd(t, "AllowTcpForwarding no"), sshd(t)
	target.Via = &jump
	refusal(t, target, steps.ErrRefused, "AllowTcpForwarding")
}

func TestRealSSHDThatHasSeenTooManyKeys(t *testing.T) {
	target := sshd(t, "MaxAuthTries 3")
	var keys []string
	for range 4 {
		file, _ := newKey(t)
		keys = append(keys, file)
	}
	target.Keys = append(keys, target.Keys...)
	refusal(t, target, steps.ErrRefused, "too many keys", "5 keys", "IdentitiesOnly")
}
