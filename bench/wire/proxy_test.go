package wire

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// echo is a server that sends back all it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().String()
}

func through(t *testing.T, rtt time.Duration) (*Proxy, net.Conn) {
	t.Helper()
	p, err := NewProxy("127.0.0.1", echo(t), rtt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	conn, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p.Port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return p, conn
}

func TestEachTurnCostsARoundTrip(t *testing.T) {
	const rtt, turns = 40 * time.Millisecond, 5
	start := time.Now()
	_, conn := through(t, rtt)
	for range turns {
		if _, err := conn.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if took, want := time.Since(start), (turns+1)*rtt; took < want {
		t.Errorf("opening and %d turns took %s, less than %s", turns, took, want)
	}
}

func TestBytesArriveWholeAndInOrder(t *testing.T) {
	p, conn := through(t, 10*time.Millisecond)
	sent := make([]byte, 8<<20)
	if _, err := rand.Read(sent); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := conn.Write(sent)
		wrote <- errors.Join(err, conn.(*net.TCPConn).CloseWrite())
	}()
	got, err := io.ReadAll(conn)
	if err := errors.Join(err, <-wrote); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back, not the %d that were sent", len(got), len(sent))
	}
	if n := int64(len(sent)); p.Up.Load() != n || p.Down.Load() != n || p.Conns.Load() != 1 {
		t.Errorf("counted %d up, %d down, %d connections", p.Up.Load(), p.Down.Load(), p.Conns.Load())
	}
}
