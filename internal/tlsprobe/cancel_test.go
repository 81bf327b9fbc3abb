package tlsprobe

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestCancelEndsEveryProbe: nobody answers, deadlines do not work, and the
// context ends once the probe waits in a read.
func TestCancelEndsEveryProbe(t *testing.T) {
	cause := errors.New("operator pressed ctrl-c")
	probes := map[string]func(context.Context, net.Conn) error{
		"MySQL":       func(ctx context.Context, c net.Conn) error { _, err := MySQL(ctx, c, Options{}); return err },
		"TLS":         func(ctx context.Context, c net.Conn) error { _, err := TLS(ctx, c, Options{}); return err },
		"SpeaksFirst": func(ctx context.Context, c net.Conn) error { _, err := SpeaksFirst(ctx, c, time.Hour); return err },
	}
	for name, probe := range probes {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			go io.Copy(io.Discard, far)
			ctx, cancel := context.WithCancelCause(context.Background())
			reading := &watched{Conn: bare{near}, onRead: func() { cancel(cause) }}
			err := probe(ctx, reading)
			if !errors.Is(err, cause) || !strings.Contains(errText(err), "probe of pipe gave up") {
				t.Errorf("got error %v, want one that wraps %q", err, cause)
			}
			if _, err := near.Write([]byte("x")); err == nil {
				t.Error("the connection is still open")
			}
		})
	}
}

// watched tells when somebody begins to read.
type watched struct {
	net.Conn
	onRead func()
}

func (w *watched) Read(b []byte) (int, error) {
	w.onRead()
	return w.Conn.Read(b)
}
