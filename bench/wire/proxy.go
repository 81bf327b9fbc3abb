package wire

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy forwards TCP connections with a delay, as a long line would: bytes
// arrive in order half a round trip after they were sent, and no bandwidth is
// lost. Opening a connection costs its round trip too.
type Proxy struct {
	Port      int
	Conns     atomic.Int64 // how many came
	Up, Down  atomic.Int64 // bytes to the server and from it
	to        string
	roundTrip time.Duration
	listener  net.Listener
}

// NewProxy listens on a free port of an address and forwards.
func NewProxy(listen, to string, roundTrip time.Duration) (*Proxy, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(listen, "0"))
	if err != nil {
		return nil, err
	}
	p := &Proxy{Port: l.Addr().(*net.TCPAddr).Port, to: to, roundTrip: roundTrip, listener: l}
	go p.serve()
	return p, nil
}

// Close takes no further connections.
func (p *Proxy) Close() { _ = p.listener.Close() }

func (p *Proxy) serve() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.Conns.Add(1)
		go p.forward(conn, time.Now())
	}
}

// forward keeps the times of a real line: the client's first byte could leave
// one round trip after its SYN, and the server learns of the connection half a
// round trip later.
func (p *Proxy) forward(client net.Conn, began time.Time) {
	defer func() { _ = client.Close() }()
	time.Sleep(time.Until(began.Add(p.roundTrip)))
	up := load(QuickAck(client), p.roundTrip/2, &p.Up)
	time.Sleep(time.Until(began.Add(p.roundTrip * 3 / 2)))
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	down := load(QuickAck(server), p.roundTrip/2, &p.Down)
	var both sync.WaitGroup
	both.Go(func() { unload(up, server) })
	both.Go(func() { unload(down, client) })
	both.Wait()
}

// parcel is what was read at one moment. The last one of a line is empty.
type parcel struct {
	due  time.Time
	data []byte
}

// inFlight bounds what is on the way in one direction, in parcels of up to
// 64 KiB. It is more than any window, and so no limit of the line.
const inFlight = 1024

func load(from io.Reader, delay time.Duration, count *atomic.Int64) <-chan parcel {
	line := make(chan parcel, inFlight)
	go func() {
		defer close(line)
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			count.Add(int64(n))
			line <- parcel{time.Now().Add(delay), append([]byte(nil), buf[:n]...)}
			if err != nil {
				return
			}
		}
	}()
	return line
}

// unload ends the one direction when the line does.
func unload(line <-chan parcel, to net.Conn) {
	broken := false
	for p := range line {
		time.Sleep(time.Until(p.due))
		if !broken && len(p.data) > 0 {
			_, err := to.Write(p.data)
			broken = err != nil
		}
	}
	_ = to.(*net.TCPConn).CloseWrite()
}
