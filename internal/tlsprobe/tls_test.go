package tlsprobe

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestTLSWithAndWithoutClientCertificate(t *testing.T) {
	c := newCerts(t)
	tests := []struct {
		name    string
		cert    *tls.Certificate
		words   string
		outcome Outcome
		alert   string
	}{
		{"own node, server talks", tlsCert(c.node), "hello", OutcomeAccepted, ""},
		{"own node, server waits", tlsCert(c.node), "", OutcomeSilent, ""},
		{"client certificate", tlsCert(c.client), "hello", OutcomeAccepted, ""},
		{"none", nil, "hello", OutcomeRefused, "tls: "},
		{"of another CA", tlsCert(c.stranger), "hello", OutcomeRefused, "unknown certificate authority"},
	}
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tt := range tests {
			t.Run(tls.VersionName(v)+"/"+tt.name, func(t *testing.T) {
				cfg := c.serverConfig(v, tls.RequireAndVerifyClientCert)
				cfg.SessionTicketsDisabled = true
				conn := serve(t, tlsServer(cfg, tt.words))
				o := Options{Certificate: tt.cert, Roots: roots(c.ca), Now: time.Now(), Settle: time.Minute}
				if tt.outcome == OutcomeSilent {
					o.Settle = 10 * time.Millisecond
				}
				r, err := TLS(within(t), bare{conn}, o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Outcome != tt.outcome || !strings.Contains(r.Alert, tt.alert) || !r.OfferedTLS || !r.AskedForCert {
					t.Errorf("result %+v", r)
				}
				if len(r.Chain) != 1 || !r.Verified || r.Version != v {
					t.Errorf("chain %d long, verified %v (%v), version %s", len(r.Chain), r.Verified, r.VerifyError, r.VersionName())
				}
			})
		}
	}
}

// TestTicketIsAcceptance: a server that waits for the client says nothing, but
// the ticket comes after it has judged the certificate.
func TestTicketIsAcceptance(t *testing.T) {
	c := newCerts(t)
	for name, tt := range map[string]struct {
		cert    *tls.Certificate
		outcome Outcome
	}{"own": {tlsCert(c.client), OutcomeAccepted}, "of another CA": {tlsCert(c.stranger), OutcomeRefused}, "none": {nil, OutcomeRefused}} {
		conn := serve(t, tlsServer(c.serverConfig(tls.VersionTLS13, tls.RequireAndVerifyClientCert), ""))
		r, err := TLS(within(t), bare{conn}, Options{Certificate: tt.cert, Settle: time.Hour})
		if err != nil || r.Outcome != tt.outcome {
			t.Errorf("%s: got %q, %v; want %q", name, r.Outcome, err, tt.outcome)
		}
	}
}

func TestTLSAgainstOtherServers(t *testing.T) {
	c := newCerts(t)
	abrupt := func(v uint16) func(net.Conn) {
		return func(conn net.Conn) {
			cfg := c.serverConfig(v, tls.NoClientCert)
			cfg.SessionTicketsDisabled = true
			tls.Server(conn, cfg).Handshake()
		}
	}
	tests := []struct {
		name    string
		play    func(net.Conn)
		outcome Outcome
		err     string
	}{
		{"plain text first", say(helloPacket("8.0.36", 0xffffffff)), OutcomeNone, "answers in plain text"},
		{"plain text answer", func(c net.Conn) {
			io.ReadFull(c, make([]byte, 5))
			say([]byte("HTTP/1.0 400 Bad Request\r\n\r\n"))(c)
		}, OutcomeNone, "answers in plain text"},
		{"closes at once", func(net.Conn) {}, OutcomeNone, "before it presented a certificate"},
		{"closes after a TLS 1.2 handshake", abrupt(tls.VersionTLS12), OutcomeClosed, ""},
		{"closes after a TLS 1.3 handshake", abrupt(tls.VersionTLS13), OutcomeClosed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := TLS(within(t), serve(t, tt.play), Options{Settle: time.Minute})
			if r.Outcome != tt.outcome || tt.err == "" && err != nil || !strings.Contains(errText(err), tt.err) {
				t.Errorf("result %+v, error %v; want outcome %q, error %q", r, err, tt.outcome, tt.err)
			}
		})
	}
}
