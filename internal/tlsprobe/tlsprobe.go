// Package tlsprobe looks at a server from the wire: does it speak TLS, with
// which version, cipher and certificates, and whom does it let in.
//
// It knows the first packets of the MySQL protocol, plain TLS, and what an
// unencrypted Galera node says first. It refuses to dial, to log in, and to
// decide what a result means for a cluster. It believes nothing a
// configuration says: every answer comes from bytes the server sent.
//
// A probe takes over the connection it is given and always closes it. It needs
// no deadlines, which channels of an SSH connection do not have: when the
// context ends, the connection is closed, and that ends the probe. (A channel
// of an SSH connection whose peer is dead ends its reads only when the SSH
// connection itself is closed; that is the keepalive's work, not ours.) A probe
// of a MySQL server counts there as an aborted connection of the probing host
// (max_connect_errors), so probe once a gate, not in a loop.
package tlsprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"lockstep/internal/pki"
)

// Options say how to look. The zero value presents no certificate, sends no
// server name and verifies nothing.
type Options struct {
	// Certificate is presented whenever the server asks for one, also if the
	// server's list of accepted CAs does not name its issuer: whether it is
	// accepted is what the probe is to find out. Nil presents none.
	Certificate *tls.Certificate
	// Roots is the CA bundle the server's chain is verified against, by the
	// rules of OpenSSL (see pki.Verify). Empty: no verification.
	Roots []*x509.Certificate
	// Now is the time of verification; required with Roots.
	Now time.Time
	// Name is sent as server name and compared with the certificate. Galera
	// checks no names; leave it empty there. An IP address is compared, not sent.
	Name string
	// Settle is how long to wait after the handshake for the server to object.
	// In TLS 1.3 the client's handshake ends before the server has judged the
	// client certificate, so a refusal only shows in the next read (RFC 8446
	// section 2, figure 1: the last flight is the client's). Zero: one second.
	// It ends sooner when the server says anything, or sends a session ticket.
	Settle time.Duration
}

const defaultSettle = time.Second

// Outcome is how the server took the handshake.
type Outcome string

const (
	// OutcomeNone: no handshake was finished.
	OutcomeNone Outcome = ""
	// OutcomeAccepted: the server sent data inside TLS, or a session ticket of
	// TLS 1.3, so it let the probe in: a server that judges the client's
	// certificate has done so before (RFC 8446 section 4.6.1).
	OutcomeAccepted Outcome = "accepted"
	// OutcomeSilent: nothing came within Settle. For a server that waits for
	// the client to speak, such as MySQL, this is acceptance.
	OutcomeSilent Outcome = "silent"
	// OutcomeRefused: the server sent a TLS alert; Result.Alert has its text.
	OutcomeRefused Outcome = "refused"
	// OutcomeClosed: the server closed the connection, and no alert arrived. It
	// was not an acceptance: a reset can overtake the alert of a refusal.
	OutcomeClosed Outcome = "closed"
)

// Result is what a probe saw. It is filled as far as the probe came, also
// beside an error.
type Result struct {
	ServerVersion string              // MySQL only; without MariaDB's "5.5.5-" prefix
	OfferedTLS    bool                // MySQL: CLIENT_SSL is announced; TLS: the server answered in TLS
	Outcome       Outcome             // how the handshake ended
	Alert         string              // text of the TLS alert the server sent
	Version       uint16              // TLS version, crypto/tls constant; 0 without a handshake
	Cipher        uint16              // cipher suite, crypto/tls constant
	Chain         []*x509.Certificate // what the server presented, the leaf first
	AskedForCert  bool                // the server asked for a client certificate
	Verified      bool                // the chain verifies against Options.Roots, and carries Options.Name if given
	VerifyError   error               // why not; nil when Roots was empty and no Name was given
}

// VersionName is such as "TLS 1.3", empty without a handshake.
func (r Result) VersionName() string {
	if r.Version == 0 {
		return ""
	}
	return tls.VersionName(r.Version)
}

// CipherName is the suite's standard name, empty without a handshake.
func (r Result) CipherName() string {
	if r.Version == 0 {
		return ""
	}
	return tls.CipherSuiteName(r.Cipher)
}

// TLS probes a server that speaks TLS from the first byte, such as a Galera
// node on its group port with socket.ssl. Galera refuses clients without a
// certificate of its CA: to prove that, probe once without one and want
// OutcomeRefused.
//
// A refusal is a result, not an error. Errors are: the server does not speak
// TLS, the connection broke, or ctx ended (then errors.Is finds its cause).
func TLS(ctx context.Context, conn net.Conn, o Options) (Result, error) {
	g := guard(ctx, conn)
	defer g.release()
	var r Result
	err := handshake(ctx, conn, o, &r)
	return r, g.explain("TLS", err)
}

// handshake runs TLS over conn, waits for a late refusal and fills r.
func handshake(ctx context.Context, conn net.Conn, o Options, r *Result) error {
	t := &tickets{conn: conn}
	cfg := config(o, r)
	cfg.ClientSessionCache = t
	c := tls.Client(conn, cfg)
	err := c.HandshakeContext(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return handshakeError(err, r)
	}
	r.OfferedTLS = true
	t.finished = r.Version >= tls.VersionTLS13
	settle(ctx, t, c, o, r)
	return ctx.Err()
}

// tickets ends the connection at the first session ticket after the handshake:
// there is nothing more to wait for. It is used from one goroutine.
type tickets struct {
	conn     net.Conn
	finished bool // the handshake of TLS 1.3
	came     bool
}

// Get knows no session, so that each probe sees a whole handshake.
func (*tickets) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// Put is told of every ticket.
func (t *tickets) Put(string, *tls.ClientSessionState) {
	if t.finished {
		t.came = true
		_ = t.conn.Close() // it only ends the read
	}
}

// handshakeError turns a refusal into a result and leaves other errors.
func handshakeError(err error, r *Result) error {
	var header tls.RecordHeaderError
	switch text, ok := alert(err); {
	case ok:
		r.OfferedTLS, r.Outcome, r.Alert = true, OutcomeRefused, text
		return nil
	case errors.As(err, &header):
		return fmt.Errorf("the server answers in plain text, not in TLS (first bytes %q)", header.RecordHeader[:])
	case len(r.Chain) > 0 && brokenOff(err):
		r.OfferedTLS, r.Outcome = true, OutcomeClosed
		return nil
	case brokenOff(err):
		return fmt.Errorf("the server closed the connection before it presented a certificate; does this port speak TLS? (%w)", err)
	}
	return fmt.Errorf("the TLS handshake fails: %w", err)
}

// settle reads until the server says something, goes away, or time is up.
func settle(ctx context.Context, t *tickets, c *tls.Conn, o Options, r *Result) {
	wait := o.Settle
	if wait <= 0 {
		wait = defaultSettle
	}
	up := newAlarm(ctx, wait, t.conn)
	n, err := c.Read(make([]byte, 1))
	late := up.stop()
	text, refused := alert(err)
	switch {
	case n > 0 || t.came:
		r.Outcome = OutcomeAccepted
	case refused:
		r.Outcome, r.Alert = OutcomeRefused, text
	case late:
		r.Outcome = OutcomeSilent
	default:
		r.Outcome = OutcomeClosed
	}
}

// config accepts every server, remembers what it presents and judges it aside,
// so that an audit sees weak and wrong servers too.
func config(o Options, r *Result) *tls.Config {
	c := &tls.Config{
		InsecureSkipVerify: true, // verified in record, reported and not fatal
		ServerName:         o.Name,
		MinVersion:         tls.VersionTLS10,
		CipherSuites:       allSuites(),
		VerifyConnection:   func(s tls.ConnectionState) error { record(s, o, r); return nil },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			r.AskedForCert = true
			if o.Certificate != nil {
				return o.Certificate, nil
			}
			return new(tls.Certificate), nil
		},
	}
	return c
}

func allSuites() []uint16 {
	var ids []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, s.ID)
	}
	return ids
}

func record(s tls.ConnectionState, o Options, r *Result) {
	r.Version, r.Cipher, r.Chain = s.Version, s.CipherSuite, s.PeerCertificates
	if len(o.Roots) > 0 {
		r.VerifyError = pki.Verify(r.Chain, o.Roots, pki.Rules{Now: o.Now, Purpose: pki.PurposeServer})
	}
	if r.VerifyError == nil && o.Name != "" && len(r.Chain) > 0 {
		r.VerifyError = r.Chain[0].VerifyHostname(o.Name)
	}
	r.Verified = len(o.Roots) > 0 && r.VerifyError == nil
}

// alert finds the TLS alert in an error, if the other side sent one.
// crypto/tls marks those with this operation and has no exported type for it.
func alert(err error) (string, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return "", false
	}
	return op.Err.Error(), true
}

func brokenOff(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.As(err, &op)
}
