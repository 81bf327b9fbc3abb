package sshserver

import (
	"errors"
	"net"
	"sync"
	"time"
)

// errCut is what a cut connection answers on the server's side.
var errCut = errors.New("cut")

// Cutter is a Wire that breaks connections in the middle of what the client
// sends. The zero Cutter breaks nothing. It also counts.
type Cutter struct {
	mu    sync.Mutex
	left  int64 // bytes until the cut; no cut when zero
	read  int64
	turns int64
	last  bool // the server wrote last
}

// After breaks the connection that brings the nth further byte, once.
func (c *Cutter) After(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = n
}

// Seen returns how many bytes clients have sent, and in how many turns: how
// often they spoke again after the server had.
func (c *Cutter) Seen() (bytes, turns int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read, c.turns
}

// Wire is for Faults.Wire.
func (c *Cutter) Wire(conn net.Conn) net.Conn { return &cutConn{conn, c} }

type cutConn struct {
	net.Conn
	cutter *Cutter
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n = c.cutter.take(n); n < 0 {
		_ = c.Close()
		return 0, errCut
	}
	return n, err
}

func (c *cutConn) Write(p []byte) (int, error) {
	c.cutter.mu.Lock()
	c.cutter.last = true
	c.cutter.mu.Unlock()
	return c.Conn.Write(p)
}

// take counts n bytes; it returns -1 when the cut is due.
func (c *Cutter) take(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 && c.last {
		c.turns, c.last = c.turns+1, false
	}
	c.read += int64(n)
	if c.left == 0 {
		return n
	}
	if c.left -= int64(n); c.left > 0 {
		return n
	}
	c.left = 0
	return -1
}

// Delay is a Wire that holds every byte back for d, each way, as a long line
// does; bytes do not wait for each other.
func Delay(d time.Duration) func(net.Conn) net.Conn {
	return func(conn net.Conn) net.Conn {
		far, near := net.Pipe()
		done := func() {
			_ = far.Close()
			_ = conn.Close()
		}
		go carry(conn, far, d, done)
		go carry(far, conn, d, done)
		return &delayed{Conn: near, real: conn}
	}
}

// delayed keeps the real addresses.
type delayed struct {
	net.Conn
	real net.Conn
}

func (c *delayed) RemoteAddr() net.Addr { return c.real.RemoteAddr() }
func (c *delayed) LocalAddr() net.Addr  { return c.real.LocalAddr() }

type parcel struct {
	data []byte
	due  time.Time
}

// carry reads at once and writes late.
func carry(from, to net.Conn, d time.Duration, done func()) {
	parcels := make(chan parcel, 1024)
	go func() {
		defer done()
		for p := range parcels {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				break
			}
		}
		for range parcels {
		}
	}()
	defer close(parcels)
	for {
		buf := make([]byte, 32<<10)
		n, err := from.Read(buf)
		if n > 0 {
			parcels <- parcel{buf[:n], time.Now().Add(d)}
		}
		if err != nil {
			return
		}
	}
}
