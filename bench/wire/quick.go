package wire

import (
	"net"
	"syscall"
)

// QuickAck makes a connection that acknowledges at once. Otherwise the kernel's
// own delay of up to 40 ms would come on top of all others: sshd sends no small
// segment before the one before it is acknowledged.
func QuickAck(conn net.Conn) net.Conn {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return conn
	}
	return &quickAck{conn, raw}
}

type quickAck struct {
	net.Conn
	raw syscall.RawConn
}

// Read reads and asks for the next acknowledgement at once, too.
func (q *quickAck) Read(b []byte) (int, error) {
	n, err := q.Conn.Read(b)
	_ = q.raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
	return n, err
}
