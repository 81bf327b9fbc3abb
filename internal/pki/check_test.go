package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

func TestCheckFindsBadSets(t *testing.T) {
	ca, other := newCA(t, ECDSAP256), newCA(t, ECDSAP256)
	good := issue(t, ca, LeafRequest{CommonName: "db", Names: []string{"db1", "10.0.0.1"}, Role: RoleServer, Algorithm: ECDSAP256})
	client := issue(t, ca, LeafRequest{CommonName: "app", Role: RoleClient, Algorithm: ECDSAP256})
	old, twin := root("one").make(t, nil), root("one").make(t, nil)
	bare := leafOf("leaf")
	bare.noAKI = true
	with := func(r recipe, f func(*recipe)) recipe { f(&r); return r }
	set := func(leaf *Pair, cas ...*Pair) Set {
		return Set{Cert: leaf.CertPEM(), Key: keyPEM(t, leaf), CA: certsPEM(list(cas...))}
	}
	encrypted, _ := openssl(t, nil, "genpkey", "-quiet", "-algorithm", "RSA", "-aes256", "-pass", "pass:x", "-out", "/dev/stdout")

	tests := []struct {
		name string
		set  Set
		o    CheckOptions
		want string // severity code, in order
	}{
		{"sound", set(good, ca), CheckOptions{}, ""},
		{"sound with names", set(good, other, ca), CheckOptions{Names: []string{"db1", "DB1", "10.0.0.1"}}, ""},
		{"client as client", set(client, ca), CheckOptions{Role: RoleClient}, ""},
		{"client as server", set(client, ca), CheckOptions{}, "fail purpose"},
		{"names missing", set(good, ca), CheckOptions{Names: []string{"db1", "db2"}}, "warn names"},
		{"no key at hand", Set{Cert: good.CertPEM(), CA: ca.CertPEM()}, CheckOptions{}, ""},
		{"another's key", Set{Cert: good.CertPEM(), Key: keyPEM(t, ca), CA: ca.CertPEM()}, CheckOptions{}, "fail key-mismatch"},
		{"empty key file", Set{Cert: good.CertPEM(), Key: []byte{}, CA: ca.CertPEM()}, CheckOptions{}, "fail unreadable"},
		{"encrypted key", Set{Cert: good.CertPEM(), Key: []byte(encrypted), CA: ca.CertPEM()}, CheckOptions{}, "fail encrypted-key"},
		{"wrong CA", set(good, other), CheckOptions{}, "fail chain"},
		{"no files", Set{}, CheckOptions{}, "fail unreadable, fail unreadable"},
		{"glued bundle", Set{Cert: good.CertPEM(), CA: append(bytes.TrimSpace(ca.CertPEM()), other.CertPEM()...)}, CheckOptions{}, "fail unreadable"},
		{"CA key among certificates", Set{Cert: good.CertPEM(), CA: append(ca.CertPEM(), keyPEM(t, ca)...)}, CheckOptions{}, "fail unreadable"},
		{"twin CAs, first one's leaf", set(bare.make(t, old), old, twin), CheckOptions{}, "warn same-subject"},
		{"twin CAs, second one's leaf", set(bare.make(t, twin), old, twin), CheckOptions{}, "warn same-subject, fail chain"},
		{"leaf named like its CA", set(with(bare, func(r *recipe) { r.subject, r.noSKI = "ONE", true }).make(t, old), old), CheckOptions{}, "warn name-clash, fail chain"},
		{"made by a MySQL server", set(with(leafOf("MySQL_Server_8.0.36_Auto_Generated_Server_Certificate"), func(r *recipe) { r.eku = nil }).make(t, old), old), CheckOptions{}, "warn auto-generated"},
		{"near end", set(good, ca), CheckOptions{Now: good.Cert.NotAfter.Add(-20 * day)}, "warn expiring"},
		{"very near end", set(good, ca), CheckOptions{Now: good.Cert.NotAfter.Add(-2 * day)}, "fail expiring"},
		{"ended", set(good, ca), CheckOptions{Now: good.Cert.NotAfter.Add(time.Second)}, "fail expired"},
		{"to come", set(good, ca), CheckOptions{Now: testNow.Add(-2 * time.Hour)}, "fail not-yet-valid, warn not-yet-valid, fail chain"},
		{"CA ended first", set(with(leafOf("x"), func(r *recipe) { r.to = 200 * day }).make(t, old), old), CheckOptions{Now: testNow.Add(101 * day)}, "warn expired, fail chain, warn outlives-ca"},
		{"outlives its CA", set(with(leafOf("x"), func(r *recipe) { r.to = 200 * day }).make(t, old), old), CheckOptions{}, "warn outlives-ca"},
		{"server only", set(with(leafOf("x"), func(r *recipe) { r.eku = r.eku[:1] }).make(t, old), old), CheckOptions{}, "fail purpose"},
		{"leaf as CA file", set(good, good), CheckOptions{}, "warn not-a-ca, fail chain"},
		{"short RSA", set(with(leafOf("x"), func(r *recipe) { r.key = shortRSA(t) }).make(t, old), old), CheckOptions{}, "fail weak-key"},
		{"SHA-1", set(with(leafOf("x"), func(r *recipe) { r.tweak = sha1 }).make(t, old), old), CheckOptions{}, "fail weak-signature"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.o.Now.IsZero() {
				tt.o.Now = testNow
			}
			var got []string
			for _, f := range Check(tt.set, tt.o) {
				got = append(got, f.Severity.String()+" "+f.Code)
				if f.What == "" || f.Why == "" || f.Do == "" || strings.Contains(f.String(), "MII") {
					t.Errorf("finding lacks words or shows content: %s", f)
				}
			}
			if g := strings.Join(got, ", "); g != tt.want {
				t.Errorf("got  %q\nwant %q\n%v", g, tt.want, Check(tt.set, tt.o))
			}
		})
	}
}

func shortRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sha1(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }

// TestCheckOfHandMadeSet judges what the usual openssl commands of old manuals
// make: version 1 leaves without any extension.
func TestCheckOfHandMadeSet(t *testing.T) {
	script := `set -e
openssl req -newkey rsa:2048 -nodes -x509 -days 3600 -subj /CN=ca -keyout ca-key.pem -out ca.pem
openssl req -newkey rsa:2048 -nodes -subj /CN=server -keyout key.pem -out req.pem
openssl x509 -req -in req.pem -days 3600 -CA ca.pem -CAkey ca-key.pem -set_serial 01 -out cert.pem
`
	files := runScript(t, script, "ca.pem", "key.pem", "cert.pem")
	fs := Check(Set{Cert: files["cert.pem"], Key: files["key.pem"], CA: files["ca.pem"]}, CheckOptions{Now: time.Now(), Names: []string{"db1"}})
	var got []string
	for _, f := range fs {
		got = append(got, f.Severity.String()+" "+f.Code)
	}
	if g, want := strings.Join(got, ", "), "warn version, warn names"; g != want {
		t.Errorf("got %q, want %q\n%v", g, want, fs)
	}
}
