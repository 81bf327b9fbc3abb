package sshserver

import (
	"errors"
	"net"
	"sync"
)

// errCut is what a cut connection answers on the server's side.
var errCut = errors.New("cut")

// Damage is what becomes of a connection.
type Damage string

// The damages. After a stall the connection stays open and nothing passes any
// more, as behind a firewall that forgot it; garbage is one byte that is wrong.
const (
	Cut    Damage = "cut"
	Stall  Damage = "stall"
	Garble Damage = "garble"
)

// Break is one damage that a Cutter does.
type Break struct {
	// At is the nth further byte. Those before it arrive.
	At int64
	// Down counts what the server sends, and else what clients send.
	Down bool
	How  Damage
	// Then is called once, just before the damage; it may be nil.
	Then func()
}

// Cutter is a Wire that damages a connection at any byte. The zero Cutter
// damages nothing. It also counts.
type Cutter struct {
	mu       sync.Mutex
	due      Break // none when its At is zero
	opened   int   // how many connections there were
	within   int   // damage comes to the first so many only
	up, down int64
	turns    int64
	last     bool // the server wrote last
}

// Arm damages the connection that brings the byte, once. Connections that are
// made later are left alone.
func (c *Cutter) Arm(b Break) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due, c.within = b, c.opened
}

// Seen returns how many bytes clients have sent, and in how many turns: how
// often they spoke again after the server had.
func (c *Cutter) Seen() (bytes, turns int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up, c.turns
}

// SeenDown returns how many bytes the server has sent.
func (c *Cutter) SeenDown() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.down
}

// Wire is for Faults.Wire.
func (c *Cutter) Wire(conn net.Conn) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened++
	return &cutConn{Conn: conn, cutter: c, number: c.opened, closed: make(chan struct{}), silent: make(chan struct{})}
}

// take counts n bytes of a connection. When the damage is due among them it returns what it is
// and the index of the byte.
func (c *Cutter) take(conn, n int, down bool) (b Break, at int, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if down {
		c.down, c.last = c.down+int64(n), true
	} else {
		if n > 0 && c.last {
			c.turns, c.last = c.turns+1, false
		}
		c.up += int64(n)
	}
	if c.due.At == 0 || c.due.Down != down || conn > c.within {
		return Break{}, 0, false
	}
	if c.due.At > int64(n) {
		c.due.At -= int64(n)
		return Break{}, 0, false
	}
	b, at = c.due, int(c.due.At-1)
	c.due = Break{}
	return b, at, true
}

// cutConn is one connection of a Cutter.
type cutConn struct {
	net.Conn
	cutter         *Cutter
	number         int
	close, quiet   sync.Once
	closed, silent chan struct{}
}

func (c *cutConn) Close() error {
	c.close.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.isSilent() {
		<-c.closed
		return 0, net.ErrClosed
	}
	b, at, due := c.cutter.take(c.number, n, false)
	if !due {
		return n, err
	}
	c.suffer(b)
	if b.How == Garble {
		p[at] ^= 0xff
		return n, err
	}
	return at, nil // the next read blocks or fails
}

func (c *cutConn) Write(p []byte) (int, error) {
	if c.isSilent() {
		return len(p), nil
	}
	b, at, due := c.cutter.take(c.number, len(p), true)
	if !due {
		return c.Conn.Write(p)
	}
	if b.How == Garble {
		p = append([]byte(nil), p...)
		p[at] ^= 0xff
		c.suffer(b)
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:at])
	c.suffer(b)
	switch {
	case err != nil:
		return n, err
	case b.How == Stall:
		return len(p), nil
	}
	return n, errCut
}

// suffer does the damage to the connection as a whole.
func (c *cutConn) suffer(b Break) {
	if b.Then != nil {
		b.Then()
	}
	switch b.How {
	case Cut:
		_ = c.Close()
	case Stall:
		c.quiet.Do(func() { close(c.silent) })
	}
}

func (c *cutConn) isSilent() bool {
	select {
	case <-c.silent:
		return true
	default:
		return false
	}
}
