package tlsprobe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// Capability flags of the MySQL protocol (MySQL source documentation,
// "Capabilities Flags").
const (
	clientLongPassword     = 1 << 0
	clientProtocol41       = 1 << 9
	clientSSL              = 1 << 11
	clientSecureConnection = 1 << 15
	clientPluginAuth       = 1 << 19
)

// maxGreeting bounds what is taken for a greeting; real ones have about 100
// bytes. Whatever is longer is another protocol read as a length.
const maxGreeting = 4096

// ServerError is the ERR packet a server sent instead of a greeting, such as
// 1129 (host is blocked), 1130 (host not allowed) or 1040 (too many connections).
// Callers look for it with errors.As to tell a server that answers from one
// that is down.
type ServerError struct {
	Code  uint16
	State string // SQLSTATE, often empty before the login
	Text  string
}

func (e *ServerError) Error() string {
	return fmt.Sprintf("the server refuses the connection: error %d: %s", e.Code, e.Text)
}

// MySQL probes a MySQL or MariaDB server as a client would: it reads the
// greeting, asks for TLS if the server offers it, and ends before the login,
// so it needs no account. A server without TLS gives OfferedTLS false and no
// error.
//
// Errors are: a *ServerError, a server of another kind, a broken connection,
// or the end of ctx (then errors.Is finds its cause). Protocol: MySQL source
// documentation, "Connection Phase"; MariaDB knowledge base, "Connection".
func MySQL(ctx context.Context, conn net.Conn, o Options) (Result, error) {
	g := guard(ctx, conn)
	defer g.release()
	var r Result
	err := mysql(ctx, conn, o, &r)
	return r, g.explain("MySQL", err)
}

func mysql(ctx context.Context, conn net.Conn, o Options, r *Result) error {
	hello, err := readGreeting(conn)
	if err != nil {
		return err
	}
	r.ServerVersion = hello.version
	r.OfferedTLS = hello.capabilities&clientSSL != 0
	if !r.OfferedTLS {
		return nil
	}
	if _, err := conn.Write(sslRequest(hello)); err != nil {
		return fmt.Errorf("ask for TLS: %w", err)
	}
	return handshake(ctx, conn, o, r)
}

type greeting struct {
	version      string
	capabilities uint32
	charset      byte
}

func readGreeting(r io.Reader) (greeting, error) {
	var head [4]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		return greeting{}, shortRead(n, len(head), err)
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size == 0 || size > maxGreeting || head[3] != 0 {
		return greeting{}, fmt.Errorf("not a MySQL server: it begins with %q; check the port", head[:])
	}
	body := make([]byte, size)
	if n, err := io.ReadFull(r, body); err != nil {
		return greeting{}, shortRead(len(head)+n, len(head)+size, err)
	}
	return parseGreeting(body)
}

func shortRead(got, want int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the server closed the connection after %d of at least %d bytes of its greeting", got, want)
	}
	return fmt.Errorf("read the greeting: %w", err)
}

// parseGreeting reads protocol version 10, or the ERR packet in its place.
func parseGreeting(b []byte) (greeting, error) {
	switch {
	case b[0] == 0xff:
		return greeting{}, parseError(b)
	case b[0] != 10:
		return greeting{}, fmt.Errorf("not a MySQL server we know: its protocol version is %d, wanted 10; check the port", b[0])
	}
	version, rest, ok := bytes.Cut(b[1:], []byte{0})
	// then: thread id 4, salt 8, filler 1, capabilities 2
	if !ok || len(rest) < 15 {
		return greeting{}, fmt.Errorf("the greeting is cut short: %d bytes", len(b))
	}
	g := greeting{version: serverVersion(version), capabilities: uint32(binary.LittleEndian.Uint16(rest[13:]))}
	// then, since MySQL 4.1: charset 1, status 2, upper capabilities 2
	if len(rest) >= 20 {
		g.charset = rest[15]
		g.capabilities |= uint32(binary.LittleEndian.Uint16(rest[18:])) << 16
	}
	return g, nil
}

// serverVersion drops the prefix that MariaDB 10 and later sends so that old
// replication clients do not stumble over a two-digit major version.
func serverVersion(raw []byte) string {
	v := printable(string(raw))
	if rest, ok := strings.CutPrefix(v, "5.5.5-"); ok && strings.Contains(rest, "MariaDB") {
		return rest
	}
	return v
}

func parseError(b []byte) error {
	if len(b) < 3 {
		return fmt.Errorf("the server sent an error packet that is cut short: %d bytes", len(b))
	}
	e := &ServerError{Code: binary.LittleEndian.Uint16(b[1:])}
	text := b[3:]
	if len(text) >= 6 && text[0] == '#' {
		e.State, text = printable(string(text[1:6])), text[6:]
	}
	e.Text = printable(string(text))
	return e
}

// printable makes a server's text safe for a log line and a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// sslRequest is the 32-byte payload that announces TLS, with its header
// (sequence 1): capabilities 4, largest packet 4, charset 1, zeros 23.
func sslRequest(g greeting) []byte {
	caps := uint32(clientLongPassword|clientProtocol41|clientSecureConnection|clientPluginAuth) & g.capabilities
	p := make([]byte, 4+32)
	p[0], p[3] = 32, 1
	binary.LittleEndian.PutUint32(p[4:], caps|clientSSL|clientProtocol41)
	binary.LittleEndian.PutUint32(p[8:], 1<<24-1)
	p[12] = g.charset
	return p
}
