package tlsprobe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Kind says what a server's first bytes look like.
type Kind string

const (
	// KindSilent: nothing came. The server may speak TLS, or any protocol in
	// which the client begins.
	KindSilent Kind = "silent"
	// KindClosed: the server closed the connection without a byte.
	KindClosed Kind = "closed"
	// KindGalera: a Galera group handshake in plain text.
	KindGalera Kind = "galera"
	// KindMySQL: a MySQL greeting, or the error packet in its place.
	KindMySQL Kind = "mysql"
	// KindOther: something else.
	KindOther Kind = "other"
)

// First is what a server said unasked.
type First struct {
	Kind  Kind
	Bytes int // how many bytes came in the first piece, at most 512
}

// Plaintext tells whether the server spoke without being asked, which a TLS
// server never does.
func (f First) Plaintext() bool { return f.Bytes > 0 }

// SpeaksFirst waits for the server to speak before the client does. A Galera
// node without socket.ssl sends its group handshake as soon as it accepts a
// connection; with socket.ssl it waits for the TLS ClientHello (Galera source,
// gmcast). With socket.dynamic it takes both, and speaks in plain text only
// when no ClientHello came for a while (0.75 s, measured with Galera 26.4.23):
// a shorter wait would report such a node as silent. Zero means two seconds.
//
// Silence for wait is a result. Errors are a broken connection and the end of
// ctx (errors.Is finds its cause).
func SpeaksFirst(ctx context.Context, conn net.Conn, wait time.Duration) (First, error) {
	g := guard(ctx, conn)
	defer g.release()
	if wait <= 0 {
		wait = defaultWait
	}
	up := newAlarm(ctx, wait, conn)
	buf := make([]byte, 512)
	n, err := io.ReadAtLeast(conn, buf, enough)
	late := up.stop()
	switch {
	case n > 0:
		return First{Kind: kindOf(buf[:n]), Bytes: n}, nil
	case ctx.Err() != nil:
		return First{}, g.explain("first-word", ctx.Err())
	case late:
		return First{Kind: KindSilent}, nil
	case errors.Is(err, io.EOF):
		return First{Kind: KindClosed}, nil
	}
	return First{}, g.explain("first-word", fmt.Errorf("wait for the server to speak: %w", err))
}

const defaultWait = 2 * time.Second

// enough bytes tell the kinds apart; a server that sends fewer is heard out
// until the wait is over.
const enough = 10

func kindOf(b []byte) Kind {
	switch {
	case len(b) < enough:
		return KindOther
	case looksGalera(b):
		return KindGalera
	case b[3] == 0 && (b[4] == 10 || b[4] == 0xff) && b[0]|b[1] != 0 && b[2] == 0:
		return KindMySQL
	}
	return KindOther
}

// looksGalera knows a message of Galera's transport: 4 bytes little endian with
// the length in the lower 24 bits and flags above, 4 bytes checksum, then the
// gmcast message, whose second byte is its type: 1 is the handshake (Galera
// source, gcomm/src/protonet.hpp and gmcast_message.hpp).
func looksGalera(b []byte) bool {
	length := binary.LittleEndian.Uint32(b) & 0xffffff
	return length >= 16 && length < 1024 && b[8] <= 4 && b[9] == 1
}
