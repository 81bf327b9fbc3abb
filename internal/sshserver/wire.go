package sshserver

import (
	"net"
	"time"
)

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
