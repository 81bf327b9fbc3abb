package remote

import (
	"net"
	"syscall"
)

// quickAck answers each segment at once. OpenSSH's server leaves Nagle on, so
// its reply to the first channel-open waits for our delayed ACK: 40 ms. The
// kernel forgets the option, so it is set again after each read.
type quickAck struct {
	net.Conn
	raw syscall.RawConn
}

func withQuickAck(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	return &quickAck{Conn: conn, raw: raw}
}

func (q *quickAck) Read(p []byte) (int, error) {
	n, err := q.Conn.Read(p)
	_ = q.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
	return n, err
}
