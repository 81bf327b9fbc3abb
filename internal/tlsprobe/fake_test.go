package tlsprobe

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lockstep/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// certs are one CA and what it issued, and a CA nobody trusts.
type certs struct {
	ca, strange          *pki.Pair
	server, node, client *pki.Pair
	stranger             *pki.Pair
}

func newCerts(t *testing.T) certs {
	t.Helper()
	c := certs{ca: newCA(t), strange: newCA(t)}
	c.server = issue(t, c.ca, pki.RoleServer, "db1", "127.0.0.1")
	c.node = issue(t, c.ca, pki.RoleServer, "node")
	c.client = issue(t, c.ca, pki.RoleClient)
	c.stranger = issue(t, c.strange, pki.RoleServer)
	return c
}

func newCA(t *testing.T) *pki.Pair {
	t.Helper()
	ca, err := pki.NewCA(rand.Reader, time.Now(), pki.CARequest{Name: "lab", Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func issue(t *testing.T, ca *pki.Pair, r pki.Role, names ...string) *pki.Pair {
	t.Helper()
	p, err := ca.Issue(rand.Reader, time.Now(), pki.LeafRequest{CommonName: "lab " + string(r), Names: names, Role: r, Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func tlsCert(p *pki.Pair) *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{p.Cert.Raw}, PrivateKey: p.Key}
}

func roots(ps ...*pki.Pair) []*x509.Certificate {
	var cs []*x509.Certificate
	for _, p := range ps {
		cs = append(cs, p.Cert)
	}
	return cs
}

// serverConfig is a node that wants a certificate of its CA, as Galera does.
func (c certs) serverConfig(version uint16, auth tls.ClientAuthType) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(c.ca.Cert)
	return &tls.Config{
		Certificates: []tls.Certificate{*tlsCert(c.server)}, ClientCAs: pool, ClientAuth: auth,
		MinVersion: version, MaxVersion: version,
	}
}

// serve plays the server on the other end of a connection; the test waits
// until it is done.
func serve(t *testing.T, play func(net.Conn)) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		l.Close() // not before: a connection still in the backlog would be reset
		if err != nil {
			return
		}
		defer conn.Close()
		play(conn)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		l.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); <-done })
	return conn
}

// say writes and then waits for the client to leave.
func say(b []byte) func(net.Conn) {
	return func(c net.Conn) {
		c.Write(b)
		io.Copy(io.Discard, c)
	}
}

// bare is a connection without deadlines, like a channel of an SSH connection.
type bare struct{ net.Conn }

func (bare) SetDeadline(time.Time) error      { return errNoDeadline }
func (bare) SetReadDeadline(time.Time) error  { return errNoDeadline }
func (bare) SetWriteDeadline(time.Time) error { return errNoDeadline }

const errNoDeadline = textError("deadline not supported")

type textError string

func (e textError) Error() string { return string(e) }

func packet(seq byte, body []byte) []byte {
	head := []byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), seq}
	return append(head, body...)
}

// helloPacket is a greeting as a server sends it.
func helloPacket(version string, caps uint32) []byte {
	b := append([]byte{10}, version...)
	b = append(b, 0)
	b = append(b, 7, 0, 0, 0)
	b = append(b, "saltsalt\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(caps))
	b = append(b, 45, 2, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(caps>>16))
	b = append(b, 21)
	b = append(b, make([]byte, 10)...)
	b = append(b, "saltsaltsalt\x00mysql_native_password\x00"...)
	return packet(0, b)
}

// mysqlServer greets in small pieces, checks the request for TLS and goes on
// in TLS.
func mysqlServer(t *testing.T, cfg *tls.Config) func(net.Conn) {
	return func(c net.Conn) {
		for _, b := range helloPacket("5.5.5-10.11.19-MariaDB-log", 0x81bffffe) {
			c.Write([]byte{b})
		}
		req := make([]byte, 36)
		if _, err := io.ReadFull(c, req); err != nil {
			t.Errorf("read request for TLS: %v", err)
			return
		}
		caps := binary.LittleEndian.Uint32(req[4:])
		if req[0] != 32 || req[3] != 1 || caps&clientSSL == 0 || caps&clientProtocol41 == 0 || caps&^uint32(0x81bffffe) != 0 {
			t.Errorf("request for TLS %x: wanted 32 bytes, sequence 1, SSL and protocol 4.1, nothing the server lacks", req)
		}
		tlsServer(cfg, "")(c)
	}
}

// tlsServer shakes hands, says what it has to say, and waits.
func tlsServer(cfg *tls.Config, words string) func(net.Conn) {
	return func(c net.Conn) {
		s := tls.Server(c, cfg)
		if s.Handshake() != nil {
			io.Copy(io.Discard, c) // let the client read the alert
			return
		}
		io.WriteString(s, words)
		io.Copy(io.Discard, s)
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
