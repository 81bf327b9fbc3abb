package tlsprobe

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestMySQLReportsWhatTheServerPresents(t *testing.T) {
	c := newCerts(t)
	tests := []struct {
		name     string
		version  uint16
		o        Options
		verified bool
		why      string
	}{
		{"TLS 1.2", tls.VersionTLS12, Options{Roots: roots(c.ca)}, true, ""},
		{"TLS 1.3", tls.VersionTLS13, Options{Roots: roots(c.strange, c.ca)}, true, ""},
		{"TLS 1.0", tls.VersionTLS10, Options{Roots: roots(c.ca)}, true, ""},
		{"name fits", tls.VersionTLS13, Options{Roots: roots(c.ca), Name: "db1"}, true, ""},
		{"address fits", tls.VersionTLS13, Options{Roots: roots(c.ca), Name: "127.0.0.1"}, true, ""},
		{"other name", tls.VersionTLS13, Options{Roots: roots(c.ca), Name: "db2"}, false, "not db2"},
		{"other CA", tls.VersionTLS13, Options{Roots: roots(c.strange)}, false, "is not in the CA bundle"},
		{"long after", tls.VersionTLS13, Options{Roots: roots(c.ca), Now: time.Now().AddDate(5, 0, 0)}, false, "it ended"},
		{"no CA given", tls.VersionTLS13, Options{}, false, ""},
		{"with client certificate", tls.VersionTLS13, Options{Roots: roots(c.ca), Certificate: tlsCert(c.client)}, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.o.Now.IsZero() {
				tt.o.Now = time.Now()
			}
			tt.o.Settle = time.Minute
			if tt.version < tls.VersionTLS13 {
				tt.o.Settle = 10 * time.Millisecond
			}
			conn := serve(t, mysqlServer(t, c.serverConfig(tt.version, tls.VerifyClientCertIfGiven)))
			r, err := MySQL(within(t), bare{conn}, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			outcome := OutcomeSilent
			if tt.version == tls.VersionTLS13 {
				outcome = OutcomeAccepted // by its session ticket
			}
			if !r.OfferedTLS || r.Outcome != outcome || r.Version != tt.version || r.ServerVersion != "10.11.19-MariaDB-log" || !r.AskedForCert {
				t.Errorf("result %+v", r)
			}
			if len(r.Chain) != 1 || !r.Chain[0].Equal(c.server.Cert) {
				t.Errorf("chain %v", r.Chain)
			}
			if r.Verified != tt.verified || !strings.Contains(errText(r.VerifyError), tt.why) || tt.why == "" && r.VerifyError != nil {
				t.Errorf("verified %v, error %v; want %v, %q", r.Verified, r.VerifyError, tt.verified, tt.why)
			}
			if r.VersionName() != tls.VersionName(tt.version) || !strings.HasPrefix(r.CipherName(), "TLS_") {
				t.Errorf("names %q, %q", r.VersionName(), r.CipherName())
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestMySQLRefusesClientCertificate(t *testing.T) {
	c := newCerts(t)
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conn := serve(t, mysqlServer(t, c.serverConfig(v, tls.VerifyClientCertIfGiven)))
		r, err := MySQL(within(t), conn, Options{Certificate: tlsCert(c.stranger), Settle: time.Minute})
		if err != nil || r.Outcome != OutcomeRefused || !strings.Contains(r.Alert, "unknown certificate authority") {
			t.Errorf("%s: outcome %q, alert %q, error %v", tls.VersionName(v), r.Outcome, r.Alert, err)
		}
	}
}

func TestMySQLGreetings(t *testing.T) {
	hello := helloPacket("8.0.36-28.1", 0xdfffffff&^clientSSL)
	tests := []struct {
		name    string
		play    func(net.Conn)
		version string
		err     string
	}{
		{"no TLS offered", say(hello), "8.0.36-28.1", ""},
		{"old greeting without upper capabilities", say(packet(0, append([]byte("\x0a4.0.1\x00"), make([]byte, 15)...))), "4.0.1", ""},
		{"terminal codes in the version", say(helloPacket("8\x1b[2J", 0)), "8?[2J", ""},
		{"host blocked", say(packet(0, []byte("\xff\x69\x04Host 'x' is blocked"))), "", "error 1129: Host 'x' is blocked"},
		{"too many connections", say(packet(0, []byte("\xff\x10\x04#08004Too many connections"))), "", "error 1040: Too many connections"},
		{"error without text", say(packet(0, []byte{0xff, 1})), "", "error packet that is cut short: 2 bytes"},
		{"ssh", say([]byte("SSH-2.0-OpenSSH_9.2\r\n")), "", `not a MySQL server: it begins with "SSH-"`},
		{"old protocol", say(packet(0, []byte("\x093.20\x00"))), "", "protocol version is 9, wanted 10"},
		{"empty packet", say(packet(0, nil)), "", "not a MySQL server"},
		{"wrong sequence", say(packet(1, []byte("\x0a8.0\x00"))), "", "not a MySQL server"},
		{"version without end", say(packet(0, []byte("\x0a8.0"))), "", "greeting is cut short: 4 bytes"},
		{"fields missing", say(packet(0, []byte("\x0a8.0\x00abc"))), "", "greeting is cut short: 8 bytes"},
		{"closed at once", func(net.Conn) {}, "", "after 0 of at least 4 bytes"},
		{"closed in the header", func(c net.Conn) { c.Write(hello[:3]) }, "", "after 3 of at least 4 bytes"},
		{"closed in the middle", func(c net.Conn) { c.Write(hello[:20]) }, "", "after 20 of at least"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := MySQL(within(t), serve(t, tt.play), Options{})
			if tt.err == "" && err != nil || !strings.Contains(errText(err), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if r.OfferedTLS || r.ServerVersion != tt.version || r.Outcome != OutcomeNone {
				t.Errorf("result %+v", r)
			}
		})
	}
}

func TestMySQLErrorPacketIsTyped(t *testing.T) {
	conn := serve(t, say(packet(0, []byte("\xff\x10\x04#08004Too many connections"))))
	_, err := MySQL(within(t), conn, Options{})
	var e *ServerError
	if !errors.As(err, &e) || e.Code != 1040 || e.State != "08004" || e.Text != "Too many connections" {
		t.Errorf("got %#v", err)
	}
}

func TestMySQLServerThatBreaksOffTLS(t *testing.T) {
	conn := serve(t, func(c net.Conn) {
		c.Write(helloPacket("8.0.36", 0xffffffff))
		io.ReadFull(c, make([]byte, 36))
	})
	r, err := MySQL(within(t), conn, Options{})
	if err == nil || !strings.Contains(err.Error(), "before it presented a certificate") || !r.OfferedTLS {
		t.Errorf("result %+v, error %v", r, err)
	}
}

func FuzzParseGreeting(f *testing.F) {
	f.Add(helloPacket("8.0.36", 0xffffffff)[4:])
	f.Add([]byte("\xff\x10\x04#08004Too many connections"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return // readGreeting refuses an empty packet before
		}
		g, err := parseGreeting(b)
		if err == nil && strings.ContainsAny(g.version, "\n\x1b\x00") {
			t.Errorf("version %q has control characters", g.version)
		}
	})
}
