package verify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	"lockstep/internal/pki"
	"lockstep/internal/tlsprobe"
	"lockstep/steps"
	"lockstep/steps/param"
)

// mysql is what the port for clients must do.
type mysql struct {
	port                  int
	ca, serverName        string
	serverCert            string
	clientCert, clientKey string
	plaintextRefused      bool
}

func (m *mysql) params(p *param.Set) {
	p.Int(&m.port, "port", "the server's port for clients")
	p.Path(&m.ca, "ca", "the CA file on the host against which the server's certificate must verify", param.Required())
	p.String(&m.serverName, "server_name", "the name or address that the certificate must carry; without it names are not compared")
	p.Path(&m.serverCert, "server_cert", "the certificate file on the host that the server must present, which proves that it has loaded it")
	p.Path(&m.clientCert, "client_cert", "the certificate file on the host to present as a client")
	p.Path(&m.clientKey, "client_key", "the key of client_cert")
	p.Bool(&m.plaintextRefused, "plaintext_refused", "whether logins without TLS must be refused")
}

func (m *mysql) checks() []check {
	checks := []check{m.handshake}
	if m.plaintextRefused {
		checks = append(checks, refusesPlaintext)
	}
	return checks
}

func (m *mysql) handshake(ctx context.Context, w world) error {
	o := tlsprobe.Options{Now: w.now, Name: m.serverName}
	var err error
	if o.Roots, err = w.certs(ctx, m.ca); err != nil {
		return err
	}
	if m.clientCert != "" {
		if o.Certificate, err = w.pair(ctx, m.clientCert, m.clientKey); err != nil {
			return err
		}
	}
	at := endpoint(w.address, m.port)
	conn, err := w.dial(ctx, at)
	if err != nil {
		return err
	}
	r, err := tlsprobe.MySQL(ctx, conn, o)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if !r.OfferedTLS {
		return &steps.Problem{What: at + " offers no TLS",
			Why: "the server runs without certificates, or could not load them and went on without",
			Do:  "check ssl-ca, ssl-cert and ssl-key under [mysqld], restart, and look for SSL in its log"}
	}
	if err := accepted(at, r); err != nil {
		return err
	}
	return w.presents(ctx, at, r, m.serverCert)
}

// accepted judges a finished handshake: the server let us in, its certificate
// verifies, and the protocol is one that is still safe (RFC 8996).
func accepted(at string, r tlsprobe.Result) error {
	switch {
	case r.Outcome == tlsprobe.OutcomeRefused:
		return &steps.Problem{What: fmt.Sprintf("%s refuses the certificate: %s", at, r.Alert),
			Why: "the server does not trust its issuer, or the certificate is not for this use or has expired",
			Do:  "compare the CA that the server has loaded with the certificate's issuer"}
	case r.Outcome == tlsprobe.OutcomeClosed, r.Outcome == tlsprobe.OutcomeNone:
		return &steps.Problem{What: at + " closed the connection at the end of the handshake", Do: "look at the server's log for the reason"}
	case r.VerifyError != nil:
		return &steps.Problem{What: fmt.Sprintf("%s presents a certificate that does not verify: %v", at, r.VerifyError),
			Why: "clients that check it, and other nodes, would refuse this server",
			Do:  "deploy a certificate of this CA, or reload the server if the file is right", Err: r.VerifyError}
	case r.Version < tls.VersionTLS12:
		return &steps.Problem{What: fmt.Sprintf("%s speaks only %s", at, r.VersionName()), Why: "it is broken and switched off in current clients", Do: "allow TLSv1.2 or newer (tls_version)"}
	}
	return nil
}

// presents compares the certificate on the wire with the one in a file.
func (w world) presents(ctx context.Context, at string, r tlsprobe.Result, file string) error {
	if file == "" {
		return nil
	}
	want, err := w.certs(ctx, file)
	if err != nil {
		return err
	}
	if len(r.Chain) == 0 || len(want) == 0 {
		return fmt.Errorf("%s: there is no certificate to compare with %s", at, file)
	}
	found := pki.Fingerprint(r.Chain[0])
	if wanted := pki.Fingerprint(want[0]); found != wanted {
		return &steps.Problem{What: fmt.Sprintf("%s presents the certificate %s, but %s holds %s", at, pki.Short(found), file, pki.Short(wanted)),
			Why: "the server has not loaded the file, and will surprise at its next restart", Do: "reload or restart it"}
	}
	return nil
}

// refusesPlaintext asks the server whether it refuses logins without TLS. The
// wire cannot tell without an account: MariaDB answers a login without TLS like
// one with a wrong password (1045).
func refusesPlaintext(ctx context.Context, w world) error {
	const sql = "SELECT @@GLOBAL.require_secure_transport"
	out, err := w.view.Self.Query(ctx, w.login.Query(sql, "*"))
	if err != nil {
		return err
	}
	text, err := answer(out, sql)
	if err != nil {
		return err
	}
	if found := strings.TrimSpace(text); found != "1" {
		return &steps.Problem{What: fmt.Sprintf("the server takes logins without TLS (require_secure_transport is %s)", found),
			Why: "a client that is not set up for TLS sends its data in the clear, and nobody notices",
			Do:  "set require_secure_transport = ON under [mysqld], or plaintext_refused: false while clients are being changed"}
	}
	return nil
}

// trusts reads a CA file and a pair for handshakes between nodes.
func (w world) trusts(ctx context.Context, ca, cert, key string) (roots []*x509.Certificate, pair *tls.Certificate, err error) {
	if roots, err = w.certs(ctx, ca); err != nil {
		return nil, nil, err
	}
	pair, err = w.pair(ctx, cert, key)
	return roots, pair, err
}
