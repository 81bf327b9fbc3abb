package galeraaudit

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/optionfile"
	"lockstep/internal/pki"
	"lockstep/internal/tlsprobe"
	"lockstep/steps"
	"lockstep/steps/wsrep"
)

// noon is the hosts' time in all tests.
func noon() time.Time { return time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC) }

// recorded is what a server once said of itself.
func recorded(t *testing.T, name string) wsrep.Member {
	t.Helper()
	data, err := os.ReadFile("../wsrep/testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	m, err := wsrep.Parse(steps.Output{Stdout: data})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// issue makes an authority and a certificate of it.
func issue(t *testing.T, life time.Duration) (ca, leaf *pki.Pair) {
	t.Helper()
	ca, err := pki.NewCA(rand.Reader, noon().Add(-24*time.Hour), pki.CARequest{Name: "pxc", Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err = ca.Issue(rand.Reader, noon().Add(-24*time.Hour), pki.LeafRequest{CommonName: "pxc server", Role: pki.RoleServer, Algorithm: pki.ECDSAP256,
		Lifetime: life + 24*time.Hour, Names: []string{"localhost", "10.77.0.11", "10.77.0.12", "10.77.0.13"}})
	if err != nil {
		t.Fatal(err)
	}
	return ca, leaf
}

// sound is an encrypted cluster of three as its first node sees it.
func sound(t *testing.T) *facts {
	t.Helper()
	ca, leaf := issue(t, 365*24*time.Hour)
	f := &facts{now: noon(), expiresIn: 30 * 24 * time.Hour}
	for _, at := range []string{"1", "2", "3"} {
		n := node{name: "node" + at, address: "10.77.0.1" + at, member: recorded(t, "mariadb-10.11-tls"), sstMethod: "mariabackup"}
		n.files = files(n.member)
		n.tools = tools{socat: "1.7.4.4", openSSL: true}
		n.sets = []set{certificates(t, ca, leaf)}
		if f.self.name == "" {
			f.self = n
		} else {
			f.peers = append(f.peers, n)
		}
	}
	present(f, leaf)
	return f
}

// files are option files that say what the server runs with.
func files(m wsrep.Member) wsrep.Files {
	options := slices.DeleteFunc(slices.Clone(m.Options), func(o optionfile.SubOption) bool {
		return o.Key == "gmcast.listen_addr" // which the server fills in by itself
	})
	return wsrep.Files{Options: options, CA: m.CA, Cert: m.Cert, Key: m.Key, Required: m.Required,
		SST: wsrep.SST{Encrypt: "4", Format: "socat", CA: m.CA, Cert: m.Cert, Key: m.Key}}
}

func certificates(t *testing.T, ca, leaf *pki.Pair) set {
	t.Helper()
	key, err := leaf.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	s := set{channels: []string{"clients", "replication", "full transfer"}, ca: "/etc/mysql/certs/ca.pem", cert: "/etc/mysql/certs/server-cert.pem", key: "/etc/mysql/certs/server-key.pem",
		caData: pki.EncodeCert(ca.Cert), certData: pki.EncodeCert(leaf.Cert), keyData: key, keyMode: 0o640, keyOwner: "root", leaf: leaf.Cert}
	s.authorities = []*x509.Certificate{ca.Cert}
	return s
}

// present lets all ports speak TLS with a certificate.
func present(f *facts, leaf *pki.Pair) {
	ok := tlsprobe.Result{ServerVersion: "10.11", OfferedTLS: true, Outcome: tlsprobe.OutcomeSilent, Version: tls.VersionTLS13, Cipher: tls.TLS_AES_128_GCM_SHA256, Chain: []*x509.Certificate{leaf.Cert}}
	f.wire = &wire{clients: probe{Result: ok}, group: probe{Result: ok}, links: []probe{{Result: ok}, {Result: ok}},
		stranger: probe{Result: tlsprobe.Result{Outcome: tlsprobe.OutcomeRefused, Alert: "certificate required"}}, first: tlsprobe.First{Kind: tlsprobe.KindSilent}}
}

// open are the findings that are not passed, as "id result severity".
func open(f facts) []string {
	var all []string
	for _, x := range judge(f) {
		if x.Result != steps.Passed {
			all = append(all, strings.Join([]string{x.ID, string(x.Result), string(x.Severity)}, " "))
		}
	}
	slices.Sort(all)
	return all
}

func setOption(n *node, text string) {
	options, err := optionfile.ParseProviderOptions(text)
	if err != nil {
		panic(err)
	}
	n.member.Options = options
}

// encrypted are the provider options of TLS.
const encrypted = "socket.ssl=yes;socket.ssl_ca=/etc/mysql/certs/ca.pem;socket.ssl_cert=/etc/mysql/certs/server-cert.pem;socket.ssl_key=/etc/mysql/certs/server-key.pem"

// TestEachStateIsToldExactly: what is wrong is told, and nothing else.
func TestEachStateIsToldExactly(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, f *facts)
		want   string // lines
	}{
		{"all encrypted", func(*testing.T, *facts) {}, ""},
		{"TLS is not enforced", func(t *testing.T, f *facts) {
			f.self.member.Required, f.self.files.Required = false, false
		}, "clients.enforced wrong critical"},
		{"not enforced, with an account that needs no TLS", func(t *testing.T, f *facts) {
			f.self.member.Required, f.self.files.Required = false, false
			f.self.accounts = parseAccounts("app\t%\tmysql_native_password\nroot\t%\tunix_socket\n")
		}, "accounts.tls wrong warning\nclients.enforced wrong critical"},
		{"accounts cannot be read", func(t *testing.T, f *facts) {
			f.self.member.Required, f.self.files.Required = false, false
			f.self.accounts.err = os.ErrDeadlineExceeded
		}, "accounts.tls unknown warning\nclients.enforced wrong critical"},
		{"no longer enforced since somebody said so", func(t *testing.T, f *facts) { f.self.member.Required = false },
			"clients.enforced wrong critical\ndrift.clients wrong warning"},
		{"the server could not load its certificates", func(t *testing.T, f *facts) {
			f.self.member.NoTLS = true
			f.wire.clients = probe{Result: tlsprobe.Result{ServerVersion: "10.3"}}
		}, "clients.tls wrong critical"},
		{"nothing newer than TLS 1.1", func(t *testing.T, f *facts) { f.wire.clients.Version = tls.VersionTLS11 }, "clients.tls wrong critical"},
		{"3306 does not answer", func(t *testing.T, f *facts) { f.wire.clients = probe{err: os.ErrDeadlineExceeded} }, "clients.tls unknown critical"},
		{"a client without TLS, where the server tells", func(t *testing.T, f *facts) {
			f.self.member.Required, f.self.files.Required = false, false
			f.self.sessions = parseSessions("tcp\tapp\t10.0.0.9:1234\ntold\tapp\t10.0.0.9\tTCP/IP\n")
		}, "clients.connected wrong critical\nclients.enforced wrong critical"},
		{"clients with TLS, where the server tells", func(t *testing.T, f *facts) {
			f.self.sessions = parseSessions("tcp\tapp\t10.0.0.9:1234\ntold\tapp\t10.0.0.9\tSSL/TLS\n")
		}, ""},
		{"a client, where the server does not tell", func(t *testing.T, f *facts) {
			f.self.sessions = parseSessions("tcp\tapp\t10.0.0.9:1234\n")
		}, "clients.connected unknown critical"},
		{"a client of a server that refused all others from its start", func(t *testing.T, f *facts) {
			f.self.sessions = parseSessions("tcp\tapp\t10.0.0.9:1234\n")
			f.self.sessions.origin = "CONFIG"
		}, ""},
		{"the port presents another certificate than its file", func(t *testing.T, f *facts) {
			_, other := issue(t, 365*24*time.Hour)
			f.self.sets[0].leaf, f.self.sets[0].certData = other.Cert, pki.EncodeCert(other.Cert)
		}, "certificate.chain wrong critical\ncertificate.key wrong critical\nclients.loaded wrong warning\nreplication.loaded wrong warning"},
		{"socket.dynamic was left on", func(t *testing.T, f *facts) {
			setOption(&f.self, encrypted+";socket.dynamic=yes")
			f.self.files.Options = f.self.member.Options
			f.wire.first = tlsprobe.First{Kind: tlsprobe.KindGalera, Bytes: 40}
		}, "ist.tls wrong critical\nreplication.plaintext_refused wrong critical"},
		{"it greets in plain text, whatever it says", func(t *testing.T, f *facts) {
			f.wire.first = tlsprobe.First{Kind: tlsprobe.KindGalera, Bytes: 40}
		}, "replication.plaintext_refused wrong critical"},
		{"strangers are let in", func(t *testing.T, f *facts) { f.wire.stranger = f.wire.group }, "replication.strangers_refused wrong critical"},
		{"replication in plain text", func(t *testing.T, f *facts) {
			f.self.member.Options, f.self.files.Options = nil, nil
			f.wire.group, f.wire.stranger = probe{err: net.ErrClosed}, probe{}
			f.wire.first = tlsprobe.First{Kind: tlsprobe.KindGalera, Bytes: 40}
		}, "ist.tls wrong critical\nreplication.tls wrong critical"},
		{"TLS off with its key left in place", func(t *testing.T, f *facts) {
			setOption(&f.self, "socket.ssl=no;socket.ssl_key=/k")
			f.self.files.Options = f.self.member.Options
			f.wire.group, f.wire.stranger, f.wire.first = probe{err: net.ErrClosed}, probe{}, tlsprobe.First{Kind: tlsprobe.KindGalera, Bytes: 40}
		}, "ist.tls wrong critical\nreplication.tls wrong critical"},
		{"a peer refuses our certificate", func(t *testing.T, f *facts) {
			f.wire.links[1].Outcome, f.wire.links[1].Alert = tlsprobe.OutcomeRefused, "unknown certificate authority"
		}, "replication.links wrong critical"},
		{"a peer's certificate does not verify", func(t *testing.T, f *facts) {
			f.wire.links[0].VerifyError = &pki.ChainError{Reason: "another CA"}
		}, "replication.links wrong critical"},
		{"a restart is pending", func(t *testing.T, f *facts) { f.self.files.Options = nil }, "drift.replication wrong warning"},
		{"an address that is tied to plain text", func(t *testing.T, f *facts) {
			f.self.files.Options = append(f.self.files.Options, optionfile.SubOption{Key: "ist.recv_addr", Value: "tcp://10.0.0.1"})
		}, "replication.address wrong warning"},
		{"[sst] is missing on this node", func(t *testing.T, f *facts) { f.self.files.SST.Encrypt = "0" }, "sst.agree wrong critical\nsst.tls wrong critical"},
		{"[sst] is missing on another node", func(t *testing.T, f *facts) { f.peers[0].files.SST.Encrypt = "0" }, ""},
		{"[sst] differs, and there is no majority", func(t *testing.T, f *facts) {
			f.peers[0].files.SST.Encrypt, f.peers[1].err = "3", os.ErrDeadlineExceeded
		}, "cluster.peers unknown critical\nsst.agree wrong critical"},
		{"encrypt = 3", func(t *testing.T, f *facts) {
			for _, n := range []*node{&f.self, &f.peers[0], &f.peers[1]} {
				n.files.SST.Encrypt = "3"
			}
		}, "sst.deprecated wrong warning"},
		{"rsync", func(t *testing.T, f *facts) { f.self.member.SSTMethod, f.self.sstMethod = "rsync", "rsync" }, "sst.tls wrong critical"},
		{"rsync by stunnel", func(t *testing.T, f *facts) {
			f.self.member.SSTMethod, f.self.sstMethod, f.self.tools.stunnel = "rsync", "rsync", true
		}, ""},
		{"mysqldump, switched at run time", func(t *testing.T, f *facts) { f.self.member.SSTMethod = "mysqldump" }, "drift.sst_method wrong warning\nsst.tls unknown critical"},
		{"a socat without OpenSSL", func(t *testing.T, f *facts) { f.self.tools.openSSL = false }, "sst.tools wrong critical"},
		{"a socat of long ago", func(t *testing.T, f *facts) { f.self.tools.socat = "1.7.2.4" }, "sst.tools wrong warning"},
		{"encrypted tables, and transfers in plain text", func(t *testing.T, f *facts) {
			f.self.member.Keyrings = []string{"file_key_management_filename"}
			f.self.member.SSTMethod, f.self.sstMethod = "rsync", "rsync"
		}, "keyring.transfers wrong critical\nsst.tls wrong critical"},
		{"a certificate that ends soon", func(t *testing.T, f *facts) { replace(t, f, 20*24*time.Hour) }, "certificate.lifetime wrong warning"},
		{"one that ends in some days", func(t *testing.T, f *facts) { replace(t, f, 4*24*time.Hour) }, "certificate.lifetime wrong critical"},
		{"one that ended", func(t *testing.T, f *facts) { replace(t, f, -time.Hour) }, "certificate.lifetime wrong critical\nclients.trusted wrong critical"},
		{"the authority of another", func(t *testing.T, f *facts) {
			ca, _ := issue(t, time.Hour)
			f.self.sets[0].caData, f.self.sets[0].authorities = pki.EncodeCert(ca.Cert), []*x509.Certificate{ca.Cert}
		}, "certificate.agree wrong critical\ncertificate.chain wrong critical\nclients.trusted wrong critical"},
		{"a key that others can read", func(t *testing.T, f *facts) { f.self.sets[0].keyMode = 0o644 }, "certificate.key_mode wrong critical"},
		{"the key of the authority is here", func(t *testing.T, f *facts) {
			print, _ := pki.KeyFingerprint(f.self.sets[0].authorities[0].PublicKey)
			f.self.keys = []keyFile{{"/etc/mysql/certs/ca-key.pem", print}}
		}, "certificate.authority_key wrong critical"},
		{"a file is gone", func(t *testing.T, f *facts) { f.self.sets[0].missing = []string{f.self.sets[0].key} }, "certificate.files wrong critical"},
		{"files in the data directory", func(t *testing.T, f *facts) { f.self.sets[0].cert = "/var/lib/mysql/server-cert.pem" }, "certificate.place wrong warning"},
		{"an address that the certificate lacks", func(t *testing.T, f *facts) { f.self.address = "10.77.0.19" }, "certificate.names wrong warning\ncluster.members wrong warning"},
		{"an arbitrator that is not in the inventory", func(t *testing.T, f *facts) { f.self.member.Size = 4 }, "cluster.members wrong warning"},
		{"the server is down", func(t *testing.T, f *facts) { f.self.member, f.wire = wsrep.Member{}, nil }, "cluster.running wrong critical"},
		{"outside of the primary component", func(t *testing.T, f *facts) { f.self.member.Component = "non-Primary" }, "cluster.running wrong critical"},
		{"another cluster", func(t *testing.T, f *facts) { f.peers[0].member.UUID = "other" }, "cluster.peers wrong critical"},
		{"ports were not looked at", func(t *testing.T, f *facts) { f.wire = nil }, "replication.plaintext_refused unknown critical\nreplication.tls unknown critical"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := sound(t)
			tt.change(t, f)
			var want []string
			if tt.want != "" {
				want = strings.Split(tt.want, "\n")
			}
			if diff := cmp.Diff(want, open(*f)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// replace lets the first node use a certificate with this much left, and present
// it.
func replace(t *testing.T, f *facts, left time.Duration) {
	t.Helper()
	ca, leaf := issue(t, left)
	for _, n := range []*node{&f.self, &f.peers[0], &f.peers[1]} {
		n.sets = []set{certificates(t, ca, leaf)}
	}
	present(f, leaf)
	if left < 24*time.Hour {
		f.wire.links = []probe{f.wire.group, f.wire.group}
	}
}

// TestRecordedServers judges servers that cannot run in a test by what they once
// said, with files that say the same.
func TestRecordedServers(t *testing.T) {
	for name, want := range map[string]string{
		"mariadb-10.11-plaintext": "ist.tls sst.tls",
		"mariadb-10.11-both":      "clients.enforced ist.tls replication.plaintext_refused sst.tls",
		"mariadb-11.4-keyring":    "clients.enforced keyring.transfers sst.tls",
		"pxc-5.7-plaintext":       "clients.enforced ist.tls sst.tls",
		"pxc-8.0-automatic":       "clients.enforced",
		"pxc-8.4-manual":          "cluster.members ist.tls sst.tls",
	} {
		m := recorded(t, name)
		f := facts{now: noon(), self: node{name: "node1", address: "10.77.0.11", member: m, files: files(m), tools: tools{socat: "1.7.4.4", openSSL: true}}}
		f.self.files.SST.Encrypt, f.self.sstMethod = "0", m.SSTMethod
		for _, at := range []string{"10.77.0.12", "10.77.0.13"} {
			p := f.self
			p.name, p.address = at, at
			f.peers = append(f.peers, p)
		}
		var got []string
		for _, x := range judge(f) {
			if x.Result == steps.Wrong {
				got = append(got, x.ID)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", name, got, want)
		}
	}
}

func TestTools(t *testing.T) {
	got := parseTools("socat version 1.7.4.4 on 06 Nov 2022 08:15:51\n  #define WITH_OPENSSL 1\n/usr/bin/stunnel4\n")
	if want := (tools{socat: "1.7.4.4", openSSL: true, stunnel: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := parseTools("  #undef WITH_OPENSSL\n"); got != (tools{}) {
		t.Errorf("got %+v, want none", got)
	}
}
