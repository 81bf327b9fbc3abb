package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"lockstep/executor"
	"lockstep/steps"
)

var (
	_ executor.Machine  = (*Conn)(nil)
	_ executor.Peeker   = (*Conn)(nil)
	_ executor.Preparer = (*Conn)(nil)
	_ executor.Remarker = (*Conn)(nil)
	_ executor.Surveyor = (*Conn)(nil)
)

// Conn is a host behind one SSH connection. It may be used by many goroutines,
// except that Run and Commit are called by one at a time.
type Conn struct {
	network *Network
	target  Target
	log     *slog.Logger

	hold   chan struct{} // one token: whoever has it may look at and change link
	link   *link
	closed bool
	ended  context.Context // ends with Close
	end    context.CancelFunc
	jobs   sync.WaitGroup // those that Close ends

	prepare sync.Once
	asides  chan struct{} // full while as many as may are under way

	cats     sync.Once     // that files go through cat is said
	telling  sync.Mutex    // guards remarks
	remarks  []string      // nobody was told yet
	inline   int           // payloads of a batch up to this many bytes go through the sh
	servers  []string      // where an sftp-server may be
	patience time.Duration // how long the moment of a commit may take
}

// errClosed is what a Conn answers after Close.
var errClosed = fmt.Errorf("the connection was closed: %w", steps.ErrUnreachable)

// Dial logs in to the host, becomes the wanted user and returns when commands
// can run. Errors wrap steps.ErrUnreachable when the host was not reached, and
// steps.ErrRefused when it or its host key does not let us in, which another
// try does not cure; see ErrHostKeyUnknown and ErrHostKeyChanged.
func (n *Network) Dial(ctx context.Context, t Target) (*Conn, error) {
	t = t.withDefaults()
	t.learnSecrets()
	if t.Become.Enabled && t.becomeWay().line == nil {
		return nil, fmt.Errorf("%s: become method %q is not known; there are %s", t.Name, t.Become.Method, strings.Join(BecomeMethods(), ", "))
	}
	l, err := n.connect(ctx, t)
	if err != nil {
		return nil, err
	}
	c := &Conn{
		network: n, target: t, log: n.log, link: l,
		hold:   make(chan struct{}, 1),
		asides: make(chan struct{}, asides),
		inline: 64 << 10, servers: sftpServers(), patience: commitPatience,
	}
	c.ended, c.end = context.WithCancel(context.Background())
	c.hold <- struct{}{}
	return c, nil
}

// Prepare implements executor.Preparer: the sh that writes is started while
// others still read.
func (c *Conn) Prepare() {
	c.prepare.Do(func() {
		c.jobs.Add(1)
		go func() {
			defer c.jobs.Done()
			_, _, _ = c.shell(c.ended, (*link).writeShell)
		}()
	})
}

// Remarks implements executor.Remarker.
func (c *Conn) Remarks() []string {
	c.telling.Lock()
	defer c.telling.Unlock()
	fresh := c.remarks
	c.remarks = nil
	return fresh
}

// Name is the host's name in the inventory.
func (c *Conn) Name() string { return c.target.Name }

// Address is the host name or IP address that was dialled.
func (c *Conn) Address() string { return c.target.Address }

// HostKey is the fingerprint of the key that the host has shown.
func (c *Conn) HostKey() string {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	return c.network.keys[c.target.keyName()]
}

// Close ends the connection and every process that it still has on the host,
// except what a Long command started. It may be called more than once.
func (c *Conn) Close() error {
	c.end()
	<-c.hold
	defer func() { c.hold <- struct{}{} }()
	if c.closed {
		return nil
	}
	c.closed = true
	c.jobs.Wait()
	c.link.close()
	return nil
}

// live returns the connection, made anew if it was lost.
func (c *Conn) live(ctx context.Context) (*link, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.ended.Done():
		return nil, errClosed
	case <-c.hold:
	}
	defer func() { c.hold <- struct{}{} }()
	if c.closed || c.ended.Err() != nil {
		return nil, errClosed
	}
	if c.link.alive() {
		return c.link, nil
	}
	c.log.Info("connecting again", "host", c.target.Name)
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(c.ended, cancel)()
	defer cancel()
	l, err := c.network.connect(ctx, c.target)
	if err != nil {
		return nil, err
	}
	c.link.close()
	c.link = l
	return l, nil
}

// ask runs a script that changes nothing. It is asked once more when the
// connection or the remote sh was lost under it.
func (c *Conn) ask(ctx context.Context, script string) (answer, error) {
	return c.askFor(ctx, func() *request { return &request{script: script} })
}

// askFor is ask for a request that is made anew for each try.
func (c *Conn) askFor(ctx context.Context, make func() *request) (answer, error) {
	var a answer
	var err error
	for range 3 {
		a, err = c.askOnce(ctx, make())
		if !errors.Is(err, errShellGone) {
			return a, err
		}
	}
	return a, lost(ctx, c.target, io.EOF)
}

func (c *Conn) askOnce(ctx context.Context, r *request) (answer, error) {
	l, s, err := c.shell(ctx, (*link).readShell)
	if err != nil {
		return answer{}, err
	}
	a, err := s.ask(ctx, r)
	if errors.Is(err, errShellGone) {
		l.check()
	}
	return a, err
}

// shell returns a remote sh that can be asked. When the connection turns out
// to be lost before anything was sent, it is made again, once.
func (c *Conn) shell(ctx context.Context, which func(*link, context.Context) (*shell, error)) (*link, *shell, error) {
	for again := false; ; again = true {
		l, err := c.live(ctx)
		if err != nil {
			return nil, nil, err
		}
		s, err := which(l, ctx)
		if err == nil || again || !errors.Is(err, steps.ErrUnreachable) {
			return l, s, err
		}
		l.check()
	}
}

// Query runs a command that promises not to change the host. It is run again
// when the connection is lost under it.
func (c *Conn) Query(ctx context.Context, cmd steps.Command) (steps.Output, error) {
	script, err := commandScript(cmd)
	if err != nil {
		return steps.Output{}, err
	}
	a, err := c.ask(ctx, script)
	return answered(cmd, a, err)
}

// answered is the answer of a query.
func answered(cmd steps.Command, a answer, err error) (steps.Output, error) {
	if err != nil {
		return steps.Output{}, fmt.Errorf("%s: %w", cmd, err)
	}
	return steps.Output{Stdout: a.out, Stderr: a.err, Code: a.code}, nil
}

// Dial opens a TCP connection from the host. Where its sshd forbids forwarding,
// socat or nc on the host make the connection, as the user that Become names.
// The connection has no deadlines and ends with c.
func (c *Conn) Dial(ctx context.Context, address string) (net.Conn, error) {
	l, err := c.live(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := l.dial(ctx, address)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !l.alive():
		return nil, lost(ctx, c.target, err)
	case errors.Is(err, steps.ErrRefused):
		return nil, err
	}
	return nil, fmt.Errorf("connect from %s to %s: %w", c.target.Address, address, err)
}
