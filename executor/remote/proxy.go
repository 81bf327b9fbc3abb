package remote

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"lockstep/steps"
)

// proxyConn speaks over a command's stdin and stdout, as ssh's ProxyCommand.
type proxyConn struct {
	cmd   *exec.Cmd
	in    *os.File
	out   *os.File
	said  *tap
	ended chan struct{}
	once  sync.Once
	done  atomic.Bool // it has closed its stdout
}

// proxyGrace is how long a proxy command has to end by itself.
const proxyGrace = 2 * time.Second

// lastWords is how long one may go on that has closed its stdout.
const lastWords = time.Second

// startProxy runs the command in a session of its own: it has no terminal to
// ask at, and no interrupt from there ends it before we do.
func startProxy(t Target) (net.Conn, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		_, _ = theirIn.Close(), in.Close()
		return nil, err
	}
	c := &proxyConn{in: in, out: out, said: &tap{}, ended: make(chan struct{})}
	c.cmd = exec.Command("/bin/sh", "-c", "exec "+t.ProxyCommand)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = theirIn, theirOut, c.said
	c.cmd.WaitDelay = proxyGrace // something it left behind may hold its stderr
	err = c.cmd.Start()
	_, _ = theirIn.Close(), theirOut.Close()
	if err != nil {
		_, _ = in.Close(), out.Close()
		return nil, err
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// Close ends the command with all that it started, and waits for its end.
func (c *proxyConn) Close() error {
	c.once.Do(func() {
		_, _ = c.in.Close(), c.out.Close()
		if c.done.Load() { // it is about to end, and may say why
			select {
			case <-c.ended:
			case <-time.After(lastWords):
			}
		}
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGTERM)
		kill := time.AfterFunc(proxyGrace, func() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) })
		<-c.ended
		kill.Stop()
	})
	return nil
}

func (c *proxyConn) Read(b []byte) (int, error) {
	n, err := c.out.Read(b)
	if errors.Is(err, io.EOF) {
		c.done.Store(true)
	}
	return n, err
}

func (c *proxyConn) Write(b []byte) (int, error) { return c.in.Write(b) }

// LocalAddr is no address, since the command has it.
func (c *proxyConn) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

// RemoteAddr is no address, either.
func (c *proxyConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

// SetDeadline is for reads and writes.
func (c *proxyConn) SetDeadline(at time.Time) error {
	return errors.Join(c.in.SetDeadline(at), c.out.SetDeadline(at))
}

// SetReadDeadline is for reads.
func (c *proxyConn) SetReadDeadline(at time.Time) error { return c.out.SetDeadline(at) }

// SetWriteDeadline is for writes.
func (c *proxyConn) SetWriteDeadline(at time.Time) error { return c.in.SetDeadline(at) }

// proxyProblem adds what the command said to what went wrong over it.
func proxyProblem(t Target, conn net.Conn, err error) error {
	c, ok := conn.(*proxyConn)
	if !ok {
		return err
	}
	_ = c.Close() // so that all is said
	problem, ok := asProblem(err)
	if words, _ := c.said.words(); ok && errors.Is(err, steps.ErrUnreachable) {
		name, _, _ := strings.Cut(t.ProxyCommand, " ") // the rest may hold a password
		problem.Why = fmt.Sprintf("%s; the proxy command %s said: %s", problem.Why, name, orElse(words, "nothing"))
		problem.Do = "run the command by hand; it has no terminal here, so it must not ask anything"
		return &problem
	}
	return err
}
