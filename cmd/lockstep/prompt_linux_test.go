package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"lockstep/internal/secret"
)

// terminal is a pseudo terminal with a program at its other end.
type terminal struct {
	near, far *os.File
	text      transcript
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { _ = near.Close() })
	must(t, unix.IoctlSetPointerInt(int(near.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(near.Fd()), unix.TIOCGPTN)
	must(t, err)
	far, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { _ = far.Close() })
	return &terminal{near: near, far: far}
}

// echoes reports whether the terminal shows what is typed.
func (x *terminal) echoes(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(x.far.Fd()), unix.TCGETS)
	must(t, err)
	return state.Lflag&unix.ECHO != 0
}

// run starts the program at the terminal and returns once it has asked.
func (x *terminal) run(t *testing.T, question string, args ...string) (end func() outcomeOf) {
	t.Helper()
	cmd := program(t, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = x.far, x.far, x.far
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t, cmd.Start())
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := x.near.Read(buf)
			if err != nil {
				return
			}
			_, _ = x.text.Write(buf[:n])
		}
	}()
	x.text.wait(t, question)
	return func() outcomeOf {
		code := codeOf(t, cmd.Wait())
		x.text.wait(t, "lockstep: exit ")
		return outcomeOf{code, "", x.text.String()}
	}
}

// TestInterruptIsHeardAtEveryQuestion, which leaves the terminal as it was.
func TestInterruptIsHeardAtEveryQuestion(t *testing.T) {
	p := newPause(t)
	for _, row := range []struct {
		question string
		args     []string
	}{
		{"Make these changes on 2 hosts?", nil},
		{"become password: ", []string{"-K"}},
		{"Passphrase of ", []string{"-i", lockedInventory(t, p)}},
	} {
		t.Run(row.question, func(t *testing.T) {
			x := newTerminal(t)
			end := x.run(t, row.question, append([]string{"apply", p.plan}, row.args...)...)
			_, err := x.near.Write([]byte{3}) // Ctrl-C
			must(t, err)
			o := exits(t, exitInterrupted, end())
			wantWords(t, o.stderr, "lockstep: exit 130: interrupted; nothing was changed")
			if !x.echoes(t) {
				t.Error("the terminal does not show any more what is typed")
			}
		})
	}
}

// TestTerminalIsHushedBeforeItAsks: the question cannot be written yet, and what
// is typed must not be shown by then.
func TestTerminalIsHushedBeforeItAsks(t *testing.T) {
	x := newTerminal(t)
	out, full := fullPipe(t)
	a := &app{console: console{stdin: x.far, stderr: full}, redactor: &secret.Redactor{}}
	answered := make(chan string, 1)
	go func() {
		text, err := a.ask(t.Context(), "become password: ")
		answered <- fmt.Sprint(text, err)
	}()
	for late := time.Now().Add(20 * time.Second); x.echoes(t); runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatal("the terminal shows what is typed although the question is about to come")
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	_, err := x.near.WriteString("open sesame\r")
	must(t, err)
	if got := <-answered; got != "open sesame<nil>" || !x.echoes(t) {
		t.Errorf("got %q, and the terminal echoes: %v", got, x.echoes(t))
	}
}

// fullPipe is a pipe that takes nothing before somebody reads from it.
func fullPipe(t *testing.T) (out, full *os.File) {
	t.Helper()
	out, full, err := os.Pipe()
	must(t, err)
	t.Cleanup(func() { _ = out.Close(); _ = full.Close() })
	raw, err := full.SyscallConn()
	must(t, err)
	var size int
	must(t, raw.Control(func(fd uintptr) { size, err = unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0) }))
	must(t, err)
	_, err = full.Write(make([]byte, size))
	must(t, err)
	return out, full
}

// lockedInventory is the hosts' inventory with their key behind a passphrase.
func lockedInventory(t *testing.T, p pause) string {
	t.Helper()
	plain, err := os.ReadFile(p.file("id_ed25519"))
	must(t, err)
	private, err := ssh.ParseRawPrivateKey(plain)
	must(t, err)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("open sesame"))
	must(t, err)
	must(t, os.WriteFile(p.file("locked"), pem.EncodeToMemory(block), 0o600))
	data, err := os.ReadFile(p.file("inventory.yml"))
	must(t, err)
	text := strings.ReplaceAll(string(data), filepath.Join(p.dir, "id_ed25519"), p.file("locked"))
	return write(t, "inventory.yml", text)
}
