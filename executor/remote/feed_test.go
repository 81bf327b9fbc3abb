package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// listener keeps what a command says.
type listener struct {
	mu   sync.Mutex
	said [2]bytes.Buffer
	more chan struct{}
}

func newListener() *listener { return &listener{more: make(chan struct{}, 1)} }

func (l *listener) hear(stderr bool, piece []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buffer(stderr).Write(piece)
	select {
	case l.more <- struct{}{}:
	default:
	}
}

func (l *listener) buffer(stderr bool) *bytes.Buffer {
	if stderr {
		return &l.said[1]
	}
	return &l.said[0]
}

func (l *listener) heard(stderr bool) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer(stderr).String()
}

// await returns once the stream is what is wanted.
func (l *listener) await(t *testing.T, stderr bool, want string) {
	t.Helper()
	late := time.After(20 * time.Second)
	for l.heard(stderr) != want {
		select {
		case <-l.more:
		case <-late:
			got := l.heard(stderr)
			t.Fatalf("stderr %v: heard %d bytes, want %d: ...%q", stderr, len(got), len(want), got[max(0, len(got)-100):])
		}
	}
}

// judge wants that all of the output was said.
func (l *listener) judge(t *testing.T, out steps.Output) {
	t.Helper()
	for stderr, want := range map[bool][]byte{false: out.Stdout, true: out.Stderr} {
		if got := l.heard(stderr); got != string(want) {
			t.Errorf("stderr %v: said are %d bytes, the result has %d: %.200q", stderr, len(got), len(want), got)
		}
	}
}

// running is a Long command under way, which its script lets go on by steps.
type running struct {
	*listener
	release string
	done    chan struct{}
	out     steps.Output
	err     error
}

// talk runs a script that calls on to wait for the test.
func talk(t *testing.T, ctx context.Context, c *Conn, script string) *running {
	t.Helper()
	_, release := holdingFifo(t)
	r := &running{listener: newListener(), release: release, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.out, r.err = c.Run(ctx, steps.Command{
			Argv: []string{"sh", "-c", "on() { until read word <" + release + "; do :; done; }; " + script}, Long: true, Said: r.hear,
		})
	}()
	return r
}

func (r *running) goOn(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(r.release, []byte("go\n"), 0o600); err != nil {
		t.Error(err)
	}
}

// nobodyFollows returns when no process has a file of a job open.
func nobodyFollows(t *testing.T, c *Conn) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for open := followed(t, c); open != ""; open = followed(t, c) {
		if time.Now().After(deadline) {
			t.Fatalf("still open: %s", open)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func followed(t *testing.T, c *Conn) (open string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, _ := os.Readlink(link); strings.HasPrefix(to, c.target.RunDir) {
			open += link + " " + to + "; "
		}
	}
	return open
}

func TestLongIsHeardWhileItRuns(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		r := talk(t, t.Context(), c, `echo one; on; echo bad >&2; on; printf 'last without end'; exit 3`)
		r.await(t, false, "one\n")
		r.goOn(t)
		r.await(t, true, "bad\n")
		r.goOn(t)
		<-r.done
		if r.err != nil || r.out.Code != 3 || string(r.out.Stdout) != "one\nlast without end" || string(r.out.Stderr) != "bad\n" {
			t.Errorf("got %q %q %d, %v", r.out.Stdout, r.out.Stderr, r.out.Code, r.err)
		}
		r.judge(t, r.out)
		noJobs(t, c)
		nobodyFollows(t, c)
	})
}

func TestWhatIsHeardKeepsEveryByte(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		l := newListener()
		cmd := steps.Command{Argv: []string{"sh", "-c", "cat; cat /etc/passwd >&2; exit 9"}, Stdin: bytes.Repeat(everyByte(), 1000), Long: true, Said: l.hear}
		out, err := c.Run(t.Context(), cmd)
		if err != nil || !bytes.Equal(out.Stdout, cmd.Stdin) || out.Code != 9 {
			t.Errorf("got %d bytes, %d, %v", len(out.Stdout), out.Code, err)
		}
		l.judge(t, out)
	})
}

// TestHearingGoesOnAfterACut has more than one block before the cut, so that
// what was heard has to be passed over.
func TestHearingGoesOnAfterACut(t *testing.T) {
	const lines = "i=0; while [ $i -lt 9000 ]; do i=$((i+1)); echo line $i; done; "
	var many strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&many, "line %d\n", i+1)
	}
	server, target := serve(t, sshserver.Options{})
	c := dial(t, target)
	r := talk(t, t.Context(), c, lines+`echo e1 >&2; on; echo between; echo e2 >&2; on; echo end; exit 4`)
	r.await(t, false, many.String())
	r.await(t, true, "e1\n")
	server.Cut()
	r.goOn(t)
	r.await(t, false, many.String()+"between\n")
	r.await(t, true, "e1\ne2\n")
	r.goOn(t)
	<-r.done
	if r.err != nil || r.out.Code != 4 || string(r.out.Stdout) != many.String()+"between\nend\n" || string(r.out.Stderr) != "e1\ne2\n" {
		t.Errorf("got %d bytes %q %d, %v", len(r.out.Stdout), r.out.Stderr, r.out.Code, r.err)
	}
	r.judge(t, r.out)
	noJobs(t, c)
	nobodyFollows(t, c)
}

// TestDamageAtAnyByteLosesNoLine cuts and garbles the connection while a
// command is heard.
func TestDamageAtAnyByteLosesNoLine(t *testing.T) {
	const script = `echo begin; on; i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i; echo bad $i >&2; done; on; echo end`
	var stdout, stderr strings.Builder
	stdout.WriteString("begin\n")
	for i := range 400 {
		fmt.Fprintf(&stdout, "line %d\n", i+1)
		fmt.Fprintf(&stderr, "bad %d\n", i+1)
	}
	places := int64(12)
	if testing.Short() {
		places = 3
	}
	tune, random := impatient(t), seeded(t)
	for _, how := range []sshserver.Damage{sshserver.Cut, sshserver.Garble} {
		t.Run(string(how), func(t *testing.T) {
			every(8000, places, random, func(at int64) {
				rig := newRig(t, ways()["inline"], tune)
				r := talk(t, t.Context(), rig.conn, script)
				r.await(t, false, "begin\n")
				rig.cutter.Arm(sshserver.Break{At: at, Down: true, How: how})
				r.goOn(t)
				r.await(t, false, stdout.String())
				r.await(t, true, stderr.String())
				r.goOn(t)
				<-r.done
				if r.err != nil || string(r.out.Stdout) != stdout.String()+"end\n" || string(r.out.Stderr) != stderr.String() {
					t.Errorf("byte %d: got %d and %d bytes, %v", at, len(r.out.Stdout), len(r.out.Stderr), r.err)
				}
				r.judge(t, r.out)
				_ = rig.conn.Close()
				_ = rig.server.Close()
			})
		})
	}
}

func TestCancelEndsTheHearing(t *testing.T) {
	eachSh(t, func(t *testing.T, c *Conn) {
		ctx, cancel := context.WithCancel(t.Context())
		r := talk(t, ctx, c, "echo one; sleep 1000 & wait")
		r.await(t, false, "one\n")
		cancel()
		<-r.done
		if !errors.Is(r.err, context.Canceled) {
			t.Errorf("got %v", r.err)
		}
		if out, err := c.Run(t.Context(), steps.Command{Argv: []string{"echo", "on"}}); err != nil || string(out.Stdout) != "on\n" {
			t.Errorf("the next command: %q, %v", out.Stdout, err)
		}
		noJobs(t, c)
		nobodyFollows(t, c)
	})
}

func TestScannerHoldsBackOnlyWhatMayBeAMarker(t *testing.T) {
	var got record
	s := newScanner("MARKMARK", &got)
	for _, piece := range []string{"MARKMARK b 1\n", "done\n", "MA", "RX MARKM"} {
		_, _ = s.Write([]byte(piece))
	}
	if want := "[1]done\nMARX "; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
	s.flush()
	if want := "[1]done\nMARX MARKM"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

// TestSSHDLetsLongBeHeard is the same over OpenSSH.
func TestSSHDLetsLongBeHeard(t *testing.T) {
	c := dial(t, sshd(t))
	r := talk(t, t.Context(), c, "echo one; on; echo two")
	r.await(t, false, "one\n")
	r.goOn(t)
	<-r.done
	if r.err != nil || string(r.out.Stdout) != "one\ntwo\n" {
		t.Errorf("got %q, %v", r.out.Stdout, r.err)
	}
	r.judge(t, r.out)
}
