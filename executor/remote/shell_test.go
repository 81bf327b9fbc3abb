package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

func TestRequestsThatArriveTogetherGoOutTogether(t *testing.T) {
	var cutter sshserver.Cutter
	wire := func(conn net.Conn) net.Conn { return cutter.Wire(conn) }
	_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{Wire: wire}})
	c := dial(t, target)
	l, err := c.live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.readShell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const n = 40
	_, before := cutter.Seen()
	s.mu.Lock() // nothing is sent while the callers queue up
	var callers sync.WaitGroup
	for i := range n {
		callers.Add(1)
		go func() {
			defer callers.Done()
			out, err := c.Query(t.Context(), steps.Command{Argv: []string{"echo", strconv.Itoa(i)}})
			if err != nil || string(out.Stdout) != fmt.Sprintln(i) {
				t.Errorf("%d: got %q, %v", i, out.Stdout, err)
			}
		}()
	}
	s.mu.Unlock()
	callers.Wait()
	// The window updates of the answers may count as a turn each.
	if _, after := cutter.Seen(); after-before > n/2 {
		t.Errorf("%d queries took %d turns", n, after-before)
	}
}

func TestScannerFindsFramesInAnyPieces(t *testing.T) {
	const mark = "MARKMARK"
	text := "noise MARK\n" + mark + " b 1\nMARK\x00\nMARKMAR" + mark + " e 1 7\nstray" + mark + " b 2\n" + mark + " e 2 0\n"
	for size := 1; size <= len(text); size++ {
		var got record
		s := newScanner(mark, &got)
		for rest := text; rest != ""; rest = rest[min(size, len(rest)):] {
			_, _ = s.Write([]byte(rest[:min(size, len(rest))]))
		}
		if want := "[1]MARK\x00\nMARKMAR[/1 7][2][/2 0]"; got.String() != want {
			t.Fatalf("in pieces of %d: got %q, want %q", size, got.String(), want)
		}
	}
}

type record struct{ strings.Builder }

func (r *record) begin(id int)         { fmt.Fprintf(r, "[%d]", id) }
func (r *record) data(_ int, b []byte) { r.Write(b) }
func (r *record) end(id int, code int) { fmt.Fprintf(r, "[/%d %d]", id, code) }

func TestTooMuchOutputIsAnErrorNotMemory(t *testing.T) {
	c := local(t)
	_, err := c.Query(t.Context(), steps.Command{Argv: []string{"yes"}})
	if !errors.Is(err, errTooMuch) {
		t.Errorf("got %v", err)
	}
	if out, err := c.Query(t.Context(), steps.Command{Argv: []string{"echo", "still here"}}); err != nil || string(out.Stdout) != "still here\n" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	big := steps.Command{Argv: []string{"head", "-c", "40000000", "/dev/zero"}}
	if out, err := c.Query(t.Context(), big); err != nil || len(out.Stdout) != 40000000 {
		t.Errorf("got %d bytes, %v", len(out.Stdout), err)
	}
}

// holder is a command that runs until it is ended: it writes its pid into a
// fifo and waits.
func holder(t *testing.T) (cmd steps.Command, pid func() int) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd = steps.Command{Argv: []string{"sh", "-c", "echo $$ >" + fifo + "; sleep 1000 & wait"}}
	return cmd, func() int {
		text, err := os.ReadFile(fifo)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// awaitDeath returns when the process is gone.
func awaitDeath(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for ; time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
	}
	t.Errorf("process %d is still there", pid)
}

func TestCancelEndsTheQueryOnTheHost(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		cmd, pid := holder(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := c.Query(ctx, cmd)
			done <- err
		}()
		id := pid()
		behind := make(chan error, 1)
		go func() { // waits for the same sh, and is none the worse
			_, err := c.Stat(t.Context(), "/")
			behind <- err
		}()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		awaitDeath(t, id)
		if err := <-behind; err != nil {
			t.Errorf("the read behind it: %v", err)
		}
	})
}

func TestCloseEndsWhatStillRuns(t *testing.T) {
	c := local(t)
	cmd, pid := holder(t)
	change, changePid := holder(t)
	var callers sync.WaitGroup
	callers.Add(2)
	go func() {
		defer callers.Done()
		_, _ = c.Query(t.Context(), cmd)
	}()
	go func() {
		defer callers.Done()
		_, _ = c.Run(t.Context(), change)
	}()
	first, second := pid(), changePid()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	awaitDeath(t, first)
	awaitDeath(t, second)
	callers.Wait()
	if _, err := c.Stat(t.Context(), "/"); !errors.Is(err, steps.ErrUnreachable) {
		t.Errorf("after Close: %v", err)
	}
}

func TestReadsComeBackAfterACut(t *testing.T) {
	server, target := serve(t, sshserver.Options{})
	c := dial(t, target)
	for range 3 {
		server.Cut()
		if _, err := c.ReadFile(t.Context(), "/etc/passwd"); err != nil {
			t.Fatal(err)
		}
	}
	_ = server.Close()
	if _, err := c.Stat(t.Context(), "/"); !errors.Is(err, steps.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}
