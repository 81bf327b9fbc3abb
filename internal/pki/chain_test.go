package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	mrand "math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// recipe makes certificates that NewCA and Issue refuse to make.
type recipe struct {
	subject  string
	ca       bool
	noAKI    bool
	noSKI    bool
	usage    x509.KeyUsage
	eku      []x509.ExtKeyUsage
	pathLen  int // -1: none
	from, to time.Duration
	key      crypto.Signer
	tweak    func(*x509.Certificate)
}

func (r recipe) make(t *testing.T, parent *Pair) *Pair {
	t.Helper()
	if r.key == nil {
		r.key = key(t)
	}
	n, err := serial(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: n, Subject: pkix.Name{CommonName: r.subject},
		NotBefore: testNow.Add(r.from), NotAfter: testNow.Add(r.to),
		BasicConstraintsValid: true, IsCA: r.ca, KeyUsage: r.usage, ExtKeyUsage: r.eku, MaxPathLen: -1,
	}
	if r.ca {
		c.MaxPathLen, c.MaxPathLenZero = r.pathLen, r.pathLen == 0
	}
	if !r.noSKI {
		c.SubjectKeyId, _ = keyID(r.key.Public())
	}
	if r.tweak != nil {
		r.tweak(c)
	}
	up, signer := c, r.key
	if parent != nil {
		up, signer = parent.Cert, parent.Key
		if r.noAKI {
			bare := *up
			bare.SubjectKeyId = nil
			up = &bare
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, up, r.key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Pair{Cert: cert, Key: r.key}
}

func root(subject string) recipe {
	return recipe{subject: subject, ca: true, pathLen: -1, usage: x509.KeyUsageCertSign, from: -day, to: 100 * day}
}

func leafOf(subject string) recipe {
	return recipe{subject: subject, usage: x509.KeyUsageDigitalSignature, from: -day, to: 50 * day,
		eku: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
}

func list(ps ...*Pair) []*x509.Certificate {
	var cs []*x509.Certificate
	for _, p := range ps {
		cs = append(cs, p.Cert)
	}
	return cs
}

var verifyError = regexp.MustCompile(`error (\d+) at (\d+) depth`)

// opensslVerify gives the error number and depth, 0 and 0 for OK.
func opensslVerify(t *testing.T, chain, cas []*x509.Certificate, r Rules) (code, depth int) {
	t.Helper()
	args := []string{"verify", "-no-CApath", "-no-CAstore", "-attime", strconv.FormatInt(r.Now.Unix(), 10),
		"-purpose", string(r.Purpose), "-auth_level", strconv.Itoa(r.Level), "-CAfile", "ca.pem"}
	if len(chain) > 1 {
		args = append(args, "-untrusted", "mid.pem")
	}
	files := map[string][]byte{"leaf.pem": EncodeCert(chain[0]), "mid.pem": certsPEM(chain[1:]), "ca.pem": certsPEM(cas)}
	out, ok := openssl(t, files, append(args, "leaf.pem")...)
	if ok {
		return 0, 0
	}
	m := verifyError.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("openssl verify says neither OK nor an error number:\n%s", out)
	}
	code, _ = strconv.Atoi(m[1])
	depth, _ = strconv.Atoi(m[2])
	return code, depth
}

func TestVerifyAgreesWithOpenSSL(t *testing.T) {
	a, b := root("one").make(t, nil), root("two").make(t, nil)
	twin := root("one").make(t, nil)
	plain := leafOf("leaf").make(t, a)
	noAKI := leafOf("leaf")
	noAKI.noAKI = true
	bare := noAKI.make(t, a)

	inter := root("middle").make(t, a)
	short := root("one-below")
	short.pathLen = 0
	pathRoot := short.make(t, nil)
	tooDeep := root("deeper").make(t, root("deep").make(t, pathRoot))
	deep := root("deep").make(t, pathRoot)
	deeper := root("deeper").make(t, deep)

	with := func(r recipe, f func(*recipe)) recipe { f(&r); return r }
	oldRoot := with(root("one"), func(r *recipe) { r.to, r.key = -time.Minute, a.Key }).make(t, nil)
	ekuRoot := with(root("eku"), func(r *recipe) { r.eku = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }).make(t, nil)
	noSign := with(root("nosign"), func(r *recipe) { r.usage = x509.KeyUsageCRLSign }).make(t, nil)
	shortRoot := with(root("short"), func(r *recipe) { r.key = shortRSA(t) }).make(t, nil)
	sha1Root := with(root("sha1"), func(r *recipe) { r.tweak = sha1 }).make(t, nil)
	sha1Inter := with(root("sha1-middle"), func(r *recipe) { r.tweak = sha1 }).make(t, a)
	narrow := with(root("narrow"), func(r *recipe) {
		r.tweak = func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.org"} }
	}).make(t, nil)
	outside := func(r *recipe) { r.tweak = func(c *x509.Certificate) { c.DNSNames = []string{"db1.example.com"} } }
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	notCA := with(root("notca"), func(r *recipe) { r.ca = false }).make(t, nil)

	tests := []struct {
		name    string
		chain   []*x509.Certificate
		trusted []*x509.Certificate
	}{
		{"sound", list(plain), list(a)},
		{"combined bundle", list(plain), list(b, a)},
		{"unknown issuer", list(plain), list(b)},
		{"twin CA first, leaf with key identifier", list(plain), list(twin, a)},
		{"twin CA first, leaf without", list(bare), list(twin, a)},
		{"twin CA second, leaf without", list(bare), list(a, twin)},
		{"leaf named like its CA, no key identifier", list(with(noAKI, func(r *recipe) { r.subject, r.noSKI = "one", true }).make(t, a)), list(a)},
		{"leaf named like its CA in other case", list(with(noAKI, func(r *recipe) { r.subject, r.noSKI = " ONE", true }).make(t, a)), list(a)},
		{"leaf named like its CA, with key identifier", list(with(leafOf("one"), func(r *recipe) {}).make(t, a)), list(a)},
		{"self-signed leaf", list(leafOf("self").make(t, nil)), list(a)},
		{"self-signed leaf in the bundle", list(notCA), list(notCA)},
		{"expired", list(with(leafOf("old"), func(r *recipe) { r.to = -time.Hour }).make(t, a)), list(a)},
		{"not yet", list(with(leafOf("new"), func(r *recipe) { r.from = time.Hour }).make(t, a)), list(a)},
		{"expired CA", list(plain), list(oldRoot)},
		{"expired and renewed CA of one key", list(plain), list(oldRoot, a)},
		{"server only", list(with(leafOf("srv"), func(r *recipe) { r.eku = r.eku[:1] }).make(t, a)), list(a)},
		{"client only", list(with(leafOf("cli"), func(r *recipe) { r.eku = r.eku[1:] }).make(t, a)), list(a)},
		{"any usage", list(with(leafOf("any"), func(r *recipe) { r.eku = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }).make(t, a)), list(a)},
		{"no usage", list(with(leafOf("none"), func(r *recipe) { r.eku = nil }).make(t, a)), list(a)},
		{"encipherment only", list(with(leafOf("enc"), func(r *recipe) { r.usage = x509.KeyUsageKeyEncipherment }).make(t, a)), list(a)},
		{"CA limited to servers", list(leafOf("x").make(t, ekuRoot)), list(ekuRoot)},
		{"CA without keyCertSign", list(leafOf("x").make(t, noSign)), list(noSign)},
		{"CA:FALSE as issuer", list(leafOf("x").make(t, notCA)), list(notCA)},
		{"intermediate sent", list(leafOf("x").make(t, inter), inter), list(a)},
		{"intermediate in the bundle", list(leafOf("x").make(t, inter)), list(a, inter)},
		{"intermediate not sent", list(leafOf("x").make(t, inter)), list(a)},
		{"intermediate trusted, root missing", list(leafOf("x").make(t, inter)), list(inter)},
		{"intermediate trusted, root sent", list(leafOf("x").make(t, inter), a), list(inter)},
		{"root sent, not trusted", list(plain, a), list(b)},
		{"twin root sent", list(bare, twin), list(a)},
		{"path too long", list(leafOf("x").make(t, deeper), deeper, deep), list(pathRoot)},
		{"path broken", list(leafOf("x").make(t, tooDeep), tooDeep, deep), list(pathRoot)},
		{"path exactly long", list(leafOf("x").make(t, pathRoot)), list(pathRoot)},
		{"CA as leaf", list(inter), list(a)},
		{"loop", list(leafOf("x").make(t, inter), inter, inter), list(b)},
		{"short key", list(with(leafOf("x"), func(r *recipe) { r.key = shortRSA(t) }).make(t, a)), list(a)},
		{"short key of the CA", list(leafOf("x").make(t, shortRoot)), list(shortRoot)},
		{"SHA-1", list(with(leafOf("x"), func(r *recipe) { r.tweak = sha1 }).make(t, a)), list(a)},
		{"SHA-1 root", list(leafOf("x").make(t, sha1Root)), list(sha1Root)},
		{"SHA-1 intermediate", list(leafOf("x").make(t, sha1Inter), sha1Inter), list(a)},
		{"P-224", list(with(leafOf("x"), func(r *recipe) { r.key = p224 }).make(t, a)), list(a)},
		{"name that the CA excludes", list(with(leafOf("x"), outside).make(t, narrow)), list(narrow)},
		{"excluded name, and expired", list(with(leafOf("x"), func(r *recipe) { outside(r); r.to = -time.Hour }).make(t, narrow)), list(narrow)},
	}
	for _, tt := range tests {
		for _, p := range []Purpose{PurposeServer, PurposeClient} {
			t.Run(fmt.Sprintf("%s/%s", tt.name, p), func(t *testing.T) {
				for _, level := range []int{0, UsualLevel} {
					compare(t, tt.chain, tt.trusted, Rules{testNow, p, level})
				}
			})
		}
	}
}

func compare(t *testing.T, chain, trusted []*x509.Certificate, r Rules) {
	t.Helper()
	code, depth := opensslVerify(t, chain, trusted, r)
	err := Verify(chain, trusted, r)
	var e *ChainError
	switch {
	case err == nil && code != 0:
		t.Errorf("Verify is content, openssl says error %d at depth %d", code, depth)
	case err != nil && code == 0:
		t.Errorf("openssl is content, Verify says %v", err)
	case errors.As(err, &e) && (e.Code != code || e.Depth != depth):
		t.Errorf("Verify says %v, openssl error %d at depth %d", err, code, depth)
	}
}

// TestVerifyAgreesOnRandomSets mixes roots, twins, intermediates and leaves.
func TestVerifyAgreesOnRandomSets(t *testing.T) {
	rnd := mrand.New(mrand.NewPCG(1, 2))
	for round := range 60 {
		var pool []*Pair
		for range 2 + rnd.IntN(5) {
			r := root(fmt.Sprint("ca", rnd.IntN(3)))
			r.noAKI, r.noSKI, r.pathLen = rnd.IntN(2) == 0, rnd.IntN(3) == 0, rnd.IntN(4)-1
			if rnd.IntN(5) == 0 {
				r.to = -time.Hour
			}
			pool = append(pool, r.make(t, pick(rnd, pool)))
		}
		r := leafOf(fmt.Sprint("ca", rnd.IntN(12)))
		r.noAKI, r.noSKI = rnd.IntN(2) == 0, rnd.IntN(2) == 0
		leaf := r.make(t, pool[rnd.IntN(len(pool))])
		chain := []*x509.Certificate{leaf.Cert}
		var trusted []*x509.Certificate
		for _, p := range pool {
			if rnd.IntN(2) == 0 {
				trusted = append(trusted, p.Cert)
			}
			if rnd.IntN(2) == 0 {
				chain = append(chain, p.Cert)
			}
		}
		if len(trusted) == 0 {
			trusted = list(pool[0])
		}
		t.Run(fmt.Sprint(round), func(t *testing.T) { compare(t, chain, trusted, Rules{Now: testNow, Purpose: PurposeServer}) })
	}
}

func pick(rnd *mrand.Rand, pool []*Pair) *Pair {
	if len(pool) == 0 || rnd.IntN(2) == 0 {
		return nil
	}
	return pool[rnd.IntN(len(pool))]
}

func TestVerifyOfNothingIsAnError(t *testing.T) {
	if err := Verify(nil, nil, Rules{Now: testNow, Purpose: PurposeServer}); err == nil {
		t.Error("wanted an error for an empty chain")
	}
}

func TestSameDNFoldsLikeOpenSSL(t *testing.T) {
	dn := func(cn string) []byte {
		return list(recipe{subject: cn, ca: true, from: -day, to: day}.make(t, nil))[0].RawSubject
	}
	tests := []struct {
		a, b string
		want bool
	}{
		{"prod", "prod", true}, {"prod", "PROD", true}, {" prod  ca", "prod ca ", true},
		{"prod", "prod2", false}, {"é", "É", false}, {"prod*", "prod*", true}, {"prod*x", "PROD*X", true},
	}
	for _, tt := range tests {
		if got := sameDN(dn(tt.a), dn(tt.b)); got != tt.want {
			t.Errorf("sameDN(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestSerialsArePositiveAndLong(t *testing.T) {
	var seen []string
	for range 50 {
		n, err := serial(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if n.Cmp(big.NewInt(0)) <= 0 || n.BitLen() > 128 || slices.Contains(seen, n.String()) {
			t.Fatalf("serial %s: wanted positive, at most 128 bits, never twice", n)
		}
		seen = append(seen, n.String())
	}
}

func TestIssuersAreThoseThatABundleMustHold(t *testing.T) {
	old, fresh := root("/CN=old").make(t, nil), root("/CN=new").make(t, nil)
	between := root("/CN=between").make(t, old)
	leaf := leafOf("/CN=leaf").make(t, between)
	for _, row := range []struct {
		name        string
		chain, pool []*x509.Certificate
		want        []*x509.Certificate
	}{
		{"all in the pool", list(leaf), list(fresh, between, old), list(between, old)},
		{"the middle is sent along", list(leaf, between), list(fresh, old), list(old)},
		{"the middle is missing", list(leaf), list(fresh, old), nil},
		{"a stranger's", list(leaf, between), list(fresh), nil},
		{"the same twice", list(leaf, between, leaf, between), list(fresh), nil},
		{"nothing", nil, list(old), nil},
	} {
		got := Issuers(row.chain, row.pool, testNow)
		if !slices.EqualFunc(got, row.want, (*x509.Certificate).Equal) {
			t.Errorf("%s: got %d certificates, want %d", row.name, len(got), len(row.want))
		}
	}
}
