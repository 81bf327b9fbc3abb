package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// outcomeOf is what a run of the program left behind.
type outcomeOf struct {
	code           int // -1: ended by a signal
	stdout, stderr string
}

// lastLine is the line on stderr that says code and reason.
func (o outcomeOf) lastLine() string {
	lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
	return lines[len(lines)-1]
}

// program prepares a run of lockstep in a process of its own, with a clean
// environment. It is killed when the test has waited far too long.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = []string{asProgram + "=1", "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(), "LOCKSTEP_STATE_DIR=" + stateOf(t)}
	return cmd
}

// stateOf is where the programs of a test keep their journals.
func stateOf(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("lockstep-test-%d-%s", os.Getpid(), strings.ReplaceAll(t.Name(), "/", "_")))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// lockstep runs the program to its end with stdin as its standard input.
func lockstep(t *testing.T, stdin string, args ...string) outcomeOf {
	t.Helper()
	cmd := program(t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	return outcomeOf{codeOf(t, cmd.Run()), stdout.String(), stderr.String()}
}

// exits gives o back, which must have ended with this code.
func exits(t *testing.T, want int, o outcomeOf) outcomeOf {
	t.Helper()
	if o.code != want {
		t.Fatalf("exit code: got %d, want %d\nstderr:\n%s\nend of stdout:\n%s", o.code, want, o.stderr, tail(o.stdout, 4000))
	}
	return o
}

func codeOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return 0
}

func tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}

// live is a run of the program whose events are read as they come.
type live struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    io.ReadCloser
	lines  *bufio.Reader
	seen   []event
	stderr transcript
}

// start runs the program, which must be asked for --json.
func start(t *testing.T, args ...string) *live {
	t.Helper()
	return begin(t, program(t, args...))
}

// begin starts a program that was prepared.
func begin(t *testing.T, cmd *exec.Cmd) *live {
	t.Helper()
	l := &live{t: t, cmd: cmd}
	l.cmd.Stderr = &l.stderr
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.out, l.lines = out, bufio.NewReader(out)
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return l
}

// until reads events up to the first of the run itself that is wanted.
func (l *live) until(what string, wanted func(event) bool) {
	l.t.Helper()
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			l.t.Fatalf("the program ended before %s came: %v\nstderr:\n%s", what, err, l.stderr.String())
		}
		e := parseEvent(l.t, line)
		l.seen = append(l.seen, e)
		if !e.DryRun && wanted(e) {
			return
		}
	}
}

// end reads the rest and returns how the program ended.
func (l *live) end() outcomeOf {
	l.t.Helper()
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			l.t.Fatal(err)
		}
		if strings.HasSuffix(line, "\n") { // half a line is what a kill leaves
			l.seen = append(l.seen, parseEvent(l.t, line))
		}
		if err != nil {
			break
		}
	}
	return outcomeOf{codeOf(l.t, l.cmd.Wait()), "", l.stderr.String()}
}

// kill ends the program as a power failure of the control machine would.
func (l *live) kill() {
	l.t.Helper()
	if err := l.cmd.Process.Kill(); err != nil {
		l.t.Fatal(err)
	}
	if o := l.end(); o.code != -1 {
		l.t.Fatalf("the program ended by itself with code %d before it was killed\nstderr:\n%s", o.code, o.stderr)
	}
}

// transcript keeps what is written to it and tells when something was.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

// Write keeps p.
func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return s.text.Write(p)
}

// String is all that was written so far.
func (s *transcript) String() string {
	text, _ := s.read()
	return text
}

// read gives the text, and a channel that is closed when there is more.
func (s *transcript) read() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.more == nil {
		s.more = make(chan struct{})
	}
	return s.text.String(), s.more
}

// wait returns when the text has these words.
func (s *transcript) wait(t *testing.T, words string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		text, more := s.read()
		if strings.Contains(text, words) {
			return
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("got on stderr\n%s\nwant %q in it", text, words)
		}
	}
}
