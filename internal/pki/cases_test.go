package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"testing"
	"time"
)

// setCase is a set of files as somebody may have it on a node.
type setCase struct {
	name string
	set  Set
	role Role // empty: server
	// stricter says why we refuse what OpenSSL takes.
	stricter string
	// real marks those that a real mariadbd judges, too.
	real bool
}

// fixture holds what the cases are made from. Its recipes count from now.
type fixture struct {
	t   *testing.T
	now time.Time

	one, two, twin, inter, short, sha1Mid, serversOnly, noSign, old *Pair

	p224, p384, ed, weak, rsa crypto.Signer
}

func newFixture(t *testing.T, now time.Time) *fixture {
	f := &fixture{t: t, now: now, weak: shortRSA(t)}
	for curve, dst := range map[elliptic.Curve]*crypto.Signer{elliptic.P224(): &f.p224, elliptic.P384(): &f.p384} {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		*dst = k
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if f.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	f.ed = ed
	f.one, f.two, f.twin = f.make(root("one"), nil), f.make(root("two"), nil), f.make(root("one"), nil)
	f.inter = f.make(root("middle"), f.one)
	f.sha1Mid = f.make(root("sha1 middle"), f.one, func(r *recipe) { r.tweak = sha1 })
	f.short = f.make(root("short"), nil, func(r *recipe) { r.key = f.weak })
	f.serversOnly = f.make(root("servers only"), nil, serverOnly)
	f.noSign = f.make(root("no sign"), nil, func(r *recipe) { r.usage = x509.KeyUsageCRLSign })
	f.old = f.make(root("old"), nil, func(r *recipe) { r.to = -time.Hour })
	return f
}

// make shifts a recipe, which counts from testNow, to the fixture's time.
func (f *fixture) make(r recipe, parent *Pair, changes ...func(*recipe)) *Pair {
	f.t.Helper()
	for _, change := range changes {
		change(&r)
	}
	shift := f.now.Sub(testNow)
	r.from, r.to = r.from+shift, r.to+shift
	return r.make(f.t, parent)
}

func (f *fixture) leaf(parent *Pair, changes ...func(*recipe)) *Pair {
	f.t.Helper()
	return f.make(leafOf("leaf"), parent, changes...)
}

func serverOnly(r *recipe) { r.eku = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
func clientOnly(r *recipe) { r.eku = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
func noIDs(r *recipe)      { r.noAKI, r.noSKI = true, true }

func withKey(k crypto.Signer) func(*recipe)               { return func(r *recipe) { r.key = k } }
func usage(u x509.KeyUsage) func(*recipe)                 { return func(r *recipe) { r.usage = u } }
func named(cn string) func(*recipe)                       { return func(r *recipe) { r.subject = cn } }
func tweaked(tweak func(*x509.Certificate)) func(*recipe) { return func(r *recipe) { r.tweak = tweak } }

// set is a leaf with its key, and a bundle.
func (f *fixture) set(leaf *Pair, cas ...*Pair) Set {
	f.t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(leaf.Key)
	if err != nil {
		f.t.Fatal(err)
	}
	return Set{Cert: leaf.CertPEM(), Key: pem.EncodeToMemory(&pem.Block{Type: typePKCS8Key, Bytes: key}), CA: certsPEM(list(cas...))}
}

func crlf(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// cases are the sets on which our verdict must be that of OpenSSL.
func (f *fixture) cases() []setCase {
	good := f.set(f.leaf(f.one), f.one)
	all := append(f.chainCases(), f.fileCases(good)...)
	return append(all, f.madeCases()...)
}

func (f *fixture) chainCases() []setCase {
	leaf := f.leaf
	return []setCase{
		{name: "sound, ECDSA", set: f.set(leaf(f.one), f.one), real: true},
		{name: "sound, RSA leaf below an ECDSA CA", set: f.set(leaf(f.one, withKey(f.rsa)), f.one), real: true},
		{name: "sound, P-384", set: f.set(leaf(f.one, withKey(f.p384)), f.one)},
		{name: "no subject but names, as ACME servers sign", set: f.set(leaf(f.one, named(""), tweaked(func(c *x509.Certificate) { c.DNSNames = []string{"db1"} })), f.one), real: true},
		{name: "combined bundle, new CA second", set: f.set(leaf(f.two), f.one, f.two), real: true},
		{name: "wrong CA", set: f.set(leaf(f.one), f.two), real: true},
		{name: "expired", set: f.set(leaf(f.one, func(r *recipe) { r.from, r.to = -9*day, -time.Hour }), f.one), real: true},
		{name: "not valid yet", set: f.set(leaf(f.one, func(r *recipe) { r.from = 9 * day }), f.one), real: true},
		{name: "expired CA", set: f.set(leaf(f.old), f.old)},
		{name: "expired CA, and the same renewed", set: f.set(leaf(f.old), f.old, f.make(root("old"), nil, withKey(f.old.Key)))},
		{name: "expired CA that is not needed", set: f.set(leaf(f.one), f.old, f.one)},
		{name: "leaf outlives its CA", set: f.set(leaf(f.one, func(r *recipe) { r.to = 200 * day }), f.one)},
		{name: "twin CAs, leaf of the first, without key identifiers", set: f.set(leaf(f.one, noIDs), f.one, f.twin)},
		{name: "twin CAs, leaf of the second, without key identifiers", set: f.set(leaf(f.twin, noIDs), f.one, f.twin), real: true},
		{name: "twin CAs, leaf of the second, with key identifiers", set: f.set(leaf(f.twin), f.one, f.twin)},
		{name: "twin in place of its CA", set: f.set(leaf(f.one, noIDs), f.twin)},
		{name: "DN clash", set: f.set(leaf(f.one, noIDs, named("one")), f.one), real: true},
		{name: "DN clash in other letters", set: f.set(leaf(f.one, noIDs, named(" ONE ")), f.one)},
		{name: "DN clash, key identifiers tell apart", set: f.set(leaf(f.one, named("one")), f.one)},
		{name: "self-signed leaf", set: f.set(leaf(nil), f.one)},
		{name: "self-signed leaf, trusted as it is", set: func() Set { l := leaf(nil, noIDs); return f.set(l, l) }()},
		{name: "leaf of a leaf", set: func() Set { l := leaf(f.one, named("upper")); return f.set(leaf(l), l, f.one) }()},
		{name: "leaf in place of the CA", set: func() Set { l := leaf(f.one); return f.set(l, l) }()},
		{name: "leaf beside the CA in the bundle", set: func() Set { l := leaf(f.one); return f.set(l, l, f.one) }()},
		{name: "a CA as the node's certificate", set: f.set(f.inter, f.one)},
		{name: "intermediate missing", set: f.set(leaf(f.inter), f.one)},
		{name: "intermediate in the bundle", set: f.set(leaf(f.inter), f.one, f.inter)},
		{name: "intermediate behind the leaf", set: f.chained(leaf(f.inter), f.inter, f.one)},
		{name: "intermediate in the bundle, root missing", set: f.set(leaf(f.inter), f.inter)},
		{name: "server only", set: f.set(leaf(f.one, serverOnly), f.one), real: true},
		{name: "client only", set: f.set(leaf(f.one, clientOnly), f.one), real: true},
		{name: "client only, for a client", set: f.set(leaf(f.one, clientOnly), f.one), role: RoleClient},
		{name: "server only, for a client", set: f.set(leaf(f.one, serverOnly), f.one), role: RoleClient},
		{name: "code signing", set: f.set(leaf(f.one, func(r *recipe) { r.eku = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }), f.one)},
		{name: "any usage is not enough", set: f.set(leaf(f.one, func(r *recipe) { r.eku = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), f.one)},
		{name: "no extended usage", set: f.set(leaf(f.one, func(r *recipe) { r.eku = nil }), f.one)},
		{name: "key usage is for signing certificates", set: f.set(leaf(f.one, usage(x509.KeyUsageCertSign)), f.one)},
		{name: "encipherment only", set: f.set(leaf(f.one, usage(x509.KeyUsageKeyEncipherment)), f.one)},
		{name: "CA for servers only", set: f.set(leaf(f.serversOnly), f.serversOnly)},
		{name: "CA may not sign", set: f.set(leaf(f.noSign), f.noSign)},
		{name: "RSA 1024", set: f.set(leaf(f.one, withKey(f.weak)), f.one), real: true},
		{name: "RSA 1024 of the CA", set: f.set(leaf(f.short), f.short)},
		{name: "RSA 1024 of a CA that is not needed", set: f.set(leaf(f.one), f.short, f.one)},
		{name: "SHA-1", set: f.set(leaf(f.one, tweaked(sha1)), f.one), real: true},
		{name: "SHA-1 of an intermediate", set: f.set(leaf(f.sha1Mid), f.one, f.sha1Mid)},
		{name: "SHA-1 of the root", set: func() Set { r := f.make(root("r"), nil, tweaked(sha1)); return f.set(leaf(r), r) }()},
		{name: "P-224", set: f.set(leaf(f.one, withKey(f.p224)), f.one), stricter: "Go's and other libraries of clients lack the curve in TLS"},
		{name: "Ed25519", set: f.set(leaf(f.one, withKey(f.ed)), f.one), stricter: "yaSSL, wolfSSL and Connector/C of older clients lack it"},
	}
}

func (f *fixture) chained(leaf, inter, root *Pair) Set {
	s := f.set(leaf, root)
	s.Cert = append(s.Cert, inter.CertPEM()...)
	return s
}

// fileCases are files that were spoilt.
func (f *fixture) fileCases(good Set) []setCase {
	with := func(change func(*Set)) Set { s := good; change(&s); return s }
	other := f.leaf(f.one)
	middle := len(good.Cert) / 2
	bad := bytes.Clone(good.Cert)
	bad[middle] ^= 1 // still base64, mostly
	return []setCase{
		{name: "glued bundle", set: with(func(s *Set) { s.CA = join(bytes.TrimSpace(s.CA), f.two.CertPEM()) }), real: true},
		{name: "glued the other way", set: with(func(s *Set) { s.CA = join(bytes.TrimSpace(f.two.CertPEM()), s.CA) })},
		{name: "no line break at the end", set: with(func(s *Set) { s.CA, s.Cert = bytes.TrimSpace(s.CA), bytes.TrimSpace(s.Cert) })},
		{name: "CRLF", set: with(func(s *Set) { s.CA, s.Cert, s.Key = crlf(s.CA), crlf(s.Cert), crlf(s.Key) })},
		{name: "text around the blocks", set: with(func(s *Set) { s.CA = join([]byte("subject=CN one\n\n"), s.CA, []byte("end\n")) })},
		{name: "byte order mark", set: with(func(s *Set) { s.CA = join([]byte("\ufeff"), s.CA) }), stricter: "older OpenSSL passes over the block"},
		{name: "cut off CA file", set: with(func(s *Set) { s.CA = s.CA[:middle] })},
		{name: "cut off certificate", set: with(func(s *Set) { s.Cert = s.Cert[:middle] }), real: true},
		{name: "damaged certificate", set: with(func(s *Set) { s.Cert = bad })},
		{name: "empty CA file", set: with(func(s *Set) { s.CA = []byte{} })},
		{name: "empty certificate file", set: with(func(s *Set) { s.Cert = []byte{} })},
		{name: "nonsense for a key", set: with(func(s *Set) { s.Key = []byte("secret\n") })},
		{name: "key of another", set: with(func(s *Set) { s.Key = f.set(other, f.one).Key }), real: true},
		{name: "key of the CA", set: with(func(s *Set) { s.Key = f.set(f.one, f.one).Key })},
		{name: "key of another kind", set: with(func(s *Set) { s.Key = f.set(f.leaf(f.one, withKey(f.rsa)), f.one).Key })},
		{name: "encrypted key", set: with(func(s *Set) { s.Key = f.encrypted(s.Key) }), real: true},
		{name: "certificate for a key", set: with(func(s *Set) { s.Key = s.Cert })},
		{name: "key for a certificate", set: with(func(s *Set) { s.Cert = s.Key })},
		{name: "key beside the certificate", set: with(func(s *Set) { s.Cert = join(s.Cert, s.Key) }), stricter: "certificate files are open to all"},
		{name: "key among CAs", set: with(func(s *Set) { s.CA = join(s.CA, s.Key) }), stricter: "CA files are open to all"},
		{name: "CA written twice", set: with(func(s *Set) { s.CA = join(s.CA, s.CA) })},
	}
}

func (f *fixture) encrypted(key []byte) []byte {
	f.t.Helper()
	out, ok := openssl(f.t, map[string][]byte{"k.pem": key}, "pkcs8", "-topk8", "-in", "k.pem", "-passout", "pass:x")
	if !ok {
		f.t.Fatal(out)
	}
	return []byte(out)
}

// madeCases are sets from NewCA and Issue, and from the commands of manuals.
func (f *fixture) madeCases() []setCase {
	var cases []setCase
	for _, a := range []Algorithm{RSA2048, ECDSAP256} {
		ca, err := NewCA(rand.Reader, f.now, CARequest{Name: "prod", Algorithm: a})
		if err != nil {
			f.t.Fatal(err)
		}
		for _, role := range []Role{RoleServer, RoleClient} {
			leaf, err := ca.Issue(rand.Reader, f.now, LeafRequest{CommonName: "prod " + string(role), Names: []string{"localhost"}, Role: role, Algorithm: a})
			if err != nil {
				f.t.Fatal(err)
			}
			set := Set{Cert: leaf.CertPEM(), Key: keyPEM(f.t, leaf), CA: ca.CertPEM()}
			cases = append(cases, setCase{name: "made here, " + string(role) + ", " + string(a), set: set, role: role, real: role == RoleServer})
		}
		client := cases[len(cases)-1].set
		cases = append(cases, setCase{name: "made here for clients, on a node, " + string(a), set: client})
	}
	manual := f.manual("server")
	clash := f.manual("ca")
	return append(cases,
		setCase{name: "from a data directory", set: f.datadir(), real: true},
		setCase{name: "version 1, from a manual", set: manual, real: true},
		setCase{name: "version 1, every question answered alike", set: clash})
}

// manual makes a set with the commands of old manuals.
func (f *fixture) manual(cn string) Set {
	f.t.Helper()
	files := runScript(f.t, `set -e
openssl req -newkey rsa:2048 -nodes -x509 -days 3600 -subj /CN=ca -keyout ca-key.pem -out ca.pem
openssl req -newkey rsa:2048 -nodes -subj /CN=`+cn+` -keyout key.pem -out req.pem
openssl x509 -req -in req.pem -days 3600 -CA ca.pem -CAkey ca-key.pem -set_serial 01 -out cert.pem
`, "ca.pem", "key.pem", "cert.pem")
	return Set{CA: files["ca.pem"], Cert: files["cert.pem"], Key: files["key.pem"]}
}

// datadir makes what a MySQL server makes in its data directory when it starts
// there for the first time (sql/auth/sql_authentication.cc, do_auto_cert_generation):
// version 3 with basic constraints alone, serials 1 and 2.
func (f *fixture) datadir() Set {
	f.t.Helper()
	const cn = "MySQL_Server_8.0.36_Auto_Generated"
	files := runScript(f.t, `set -e
openssl req -newkey rsa:2048 -nodes -subj /CN=`+cn+`_CA_Certificate -keyout ca-key.pem -out ca-req.pem
printf 'basicConstraints=critical,CA:TRUE\n' >ca.ext
openssl x509 -req -in ca-req.pem -days 3650 -signkey ca-key.pem -set_serial 01 -extfile ca.ext -out ca.pem
openssl req -newkey rsa:2048 -nodes -subj /CN=`+cn+`_Server_Certificate -keyout key.pem -out req.pem
printf 'basicConstraints=critical,CA:FALSE\n' >leaf.ext
openssl x509 -req -in req.pem -days 3650 -CA ca.pem -CAkey ca-key.pem -set_serial 02 -extfile leaf.ext -out cert.pem
`, "ca.pem", "key.pem", "cert.pem")
	return Set{CA: files["ca.pem"], Cert: files["cert.pem"], Key: files["key.pem"]}
}
