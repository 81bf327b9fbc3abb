package remote

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// noJobs wants that no job's directory is left on the host.
func noJobs(t *testing.T, c *Conn) {
	t.Helper()
	// The removal is sent behind the answer: a request behind it waits for it.
	l, err := c.live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := l.writeShell(t.Context()); err == nil {
		_, _ = s.do(t.Context(), ":")
	}
	left, _ := filepath.Glob(c.target.RunDir + "/*")
	if len(left) > 0 {
		t.Errorf("left on the host: %q", left)
	}
}

func TestRunKeepsEveryByteAndLeavesNothing(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		for _, long := range []bool{false, true} {
			out, err := c.Run(t.Context(), steps.Command{
				Argv: []string{"sh", "-c", `cat; pwd >&2; echo "$A" >&2; exit 9`}, Stdin: everyByte(),
				Env: []string{"A=x y"}, Dir: "/usr", Long: long,
			})
			if err != nil || !bytes.Equal(out.Stdout, everyByte()) || string(out.Stderr) != "/usr\nx y\n" || out.Code != 9 {
				t.Errorf("got %q %q %d, %v", out.Stdout, out.Stderr, out.Code, err)
			}
		}
		noJobs(t, c)
	})
}

func TestDaemonOfACommandDoesNotHoldItUp(t *testing.T) {
	c := local(t)
	cmd := steps.Command{Argv: []string{"sh", "-c", "sleep 3 & echo started"}}
	if out, err := c.Run(t.Context(), cmd); err != nil || string(out.Stdout) != "started\n" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
}

func TestCancelEndsTheRunOnTheHost(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		for _, long := range []bool{false, true} {
			cmd, pid := holder(t)
			cmd.Long = long
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := c.Run(ctx, cmd)
				done <- err
			}()
			id := pid()
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			awaitDeath(t, id)
			if out, err := c.Run(t.Context(), steps.Command{Argv: []string{"echo", "on"}}); err != nil || string(out.Stdout) != "on\n" {
				t.Errorf("the next command: %q, %v", out.Stdout, err)
			}
		}
		noJobs(t, c)
	})
}

func TestLongOutlivesACut(t *testing.T) {
	server, target := serve(t, sshserver.Options{})
	c := dial(t, target)
	fifo, release := holdingFifo(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		out, err := c.Run(t.Context(), steps.Command{
			Argv: []string{"sh", "-c", "echo ready >" + fifo + "; read word <" + release + "; echo $word; exit 4"}, Long: true,
		})
		if err != nil || string(out.Stdout) != "go\n" || out.Code != 4 {
			t.Errorf("got %q %d, %v", out.Stdout, out.Code, err)
		}
	}()
	readAll(t, fifo)
	server.Cut()
	if _, err := c.Stat(t.Context(), "/"); err != nil { // connected again
		t.Error(err)
	}
	if err := os.WriteFile(release, []byte("go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	<-done
	noJobs(t, c)
}

func TestShortRunAcrossACutIsUnknown(t *testing.T) {
	server, target := serve(t, sshserver.Options{})
	c := dial(t, target)
	fifo, release := holdingFifo(t)
	done := make(chan error, 1)
	go func() {
		_, err := c.Run(t.Context(), steps.Command{Argv: []string{"sh", "-c", "echo ready >" + fifo + "; read word <" + release}})
		done <- err
	}()
	readAll(t, fifo)
	server.Cut()
	err := <-done
	if !errors.Is(err, steps.ErrUnreachable) || !bytes.Contains([]byte(err.Error()), []byte("outcome is unknown")) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(release, []byte("go\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCloseWaitsForTheCleaning(t *testing.T) {
	_, target := serve(t, sshserver.Options{})
	c := dial(t, target)
	if _, err := c.Run(t.Context(), steps.Command{Argv: []string{"true"}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(target.RunDir + "/*"); len(left) > 0 {
		t.Errorf("left on the host: %q", left)
	}
}
