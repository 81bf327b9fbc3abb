package pki

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Set is what a node or a client gets, as PEM files.
type Set struct {
	Cert []byte // the leaf first, intermediates after it
	Key  []byte // nil: not at hand, checks of the key are left out
	CA   []byte // bundle of trusted CAs
}

// CheckOptions say what a Set is judged against.
type CheckOptions struct {
	Now   time.Time
	Warn  time.Duration // an end nearer than this is a warning; zero: 30 days
	Fail  time.Duration // an end nearer than this is a failure; zero: 7 days
	Role  Role          // empty: RoleServer
	Names []string      // DNS names and addresses that peers may use
}

// purposes are the OpenSSL purposes a certificate of the role must pass.
func (r Role) purposes() []Purpose {
	if r == RoleClient {
		return []Purpose{PurposeClient}
	}
	return []Purpose{PurposeServer, PurposeClient}
}

// Check judges a set as the servers, clients and scripts of a cluster would
// and returns what they would object to, worst news of each subject first in
// a fixed order; none means sound. Files that do not parse end the check of
// what depends on them, not the check.
//
// A Fail is what OpenSSL refuses for the purposes of the role at UsualLevel,
// and beyond that: an end nearer than Fail, a kind of key that not all clients
// can use, and anything but certificates in a certificate file. A CA of the
// bundle that the leaf does not need is never a reason to fail.
func Check(s Set, o CheckOptions) []Finding {
	j := judge{o: o.withDefaults()}
	j.read(s)
	j.key(s.Key)
	if len(j.chain) > 0 {
		j.leaf()
	}
	for _, ca := range j.cas {
		j.authority(ca)
	}
	if len(j.cas) > 0 {
		j.sameSubjects()
	}
	if len(j.chain) > 0 && len(j.cas) > 0 {
		j.verify()
	}
	return j.found
}

func (o CheckOptions) withDefaults() CheckOptions {
	if o.Warn == 0 {
		o.Warn = 30 * day
	}
	if o.Fail == 0 {
		o.Fail = 7 * day
	}
	if o.Role == "" {
		o.Role = RoleServer
	}
	return o
}

type judge struct {
	o     CheckOptions
	chain []*x509.Certificate
	cas   []*x509.Certificate
	found []Finding
}

func (j *judge) add(s Severity, code, what, why, do string) {
	f := Finding{Severity: s, Code: code, What: what, Why: why, Do: do}
	if !slices.Contains(j.found, f) {
		j.found = append(j.found, f)
	}
}

func (j *judge) read(s Set) {
	const why = "mysqld and Galera refuse to start, or load only a part of the file"
	var err error
	if j.chain, err = ParseCerts(s.Cert); err != nil {
		j.add(Fail, CodeUnreadable, "certificate file: "+err.Error(), why, "write the file again from its source")
	}
	if j.cas, err = ParseCerts(s.CA); err != nil {
		j.add(Fail, CodeUnreadable, "CA file: "+err.Error(), why, "write the file again from its source")
	}
}

func (j *judge) key(data []byte) {
	if data == nil {
		return
	}
	key, err := ParseKey(data)
	switch {
	case errors.Is(err, ErrEncryptedKey):
		j.add(Fail, CodeEncryptedKey, "key file: the private key is encrypted",
			"mysqld, Galera and socat cannot ask for a passphrase", "decrypt it with `openssl pkey` and keep the result at mode 0600")
	case err != nil:
		j.add(Fail, CodeUnreadable, "key file: "+err.Error(), "mysqld refuses to start or starts without TLS", "write the file again from its source")
	case len(j.chain) > 0 && !sameKey(j.chain[0].PublicKey, key.Public()):
		j.add(Fail, CodeKeyMismatch,
			fmt.Sprintf("%s does not belong to %s", DescribeKey(key), subject(j.chain[0])),
			"the public keys differ, so no TLS handshake can succeed", "deploy the certificate and the key of the same set")
	}
}

func (j *judge) leaf() {
	leaf := j.chain[0]
	for i, c := range j.chain {
		j.strength(c, Fail)
		j.dates(c, i == 0)
	}
	j.version(leaf)
	j.purpose(leaf)
	j.names(leaf)
	for _, ca := range j.cas {
		j.clash(leaf, ca)
	}
}

func (j *judge) authority(ca *x509.Certificate) {
	j.strength(ca, Warn)
	j.dates(ca, false)
	switch {
	case !actsAsCA(ca):
		j.add(Warn, CodeNotCA, subject(ca)+" stands in the CA file but is no CA",
			"it lacks CA:TRUE or keyCertSign, so nothing it signed verifies", "put the issuer's certificate into the CA file")
	case !ca.BasicConstraintsValid:
		j.add(Warn, CodeNotCA, subject(ca)+" has no basic constraints",
			"OpenSSL takes it as a CA for old times' sake, stricter libraries refuse it", "make a version 3 CA with CA:TRUE")
	}
	if ca.BasicConstraintsValid {
		j.version(ca)
	}
}

func (j *judge) version(c *x509.Certificate) {
	if c.Version < 3 {
		j.add(Warn, CodeVersion, fmt.Sprintf("%s is X.509 version %d", subject(c), c.Version),
			"it has neither names nor key identifiers: clients cannot check host names, and a CA rotation with equal subjects breaks",
			"issue it again as version 3")
	}
}

func (j *judge) dates(c *x509.Certificate, leaf bool) {
	left := c.NotAfter.Sub(j.o.Now)
	gone, near := Warn, Warn
	if leaf {
		gone = Fail
	}
	if leaf && left < j.o.Fail {
		near = Fail
	}
	switch {
	case j.o.Now.Before(c.NotBefore):
		j.add(gone, CodeNotYet, fmt.Sprintf("%s is valid from %s only", subject(c), c.NotBefore.UTC().Format(time.RFC3339)),
			"until then every handshake with it fails", "check the clocks of this machine and of the issuer")
	case left < 0:
		j.add(gone, CodeExpired, fmt.Sprintf("%s ended %s", subject(c), date(c.NotAfter)),
			"new connections that need it fail; running ones stay until the next restart", "renew it")
	case left < j.o.Warn:
		j.add(near, CodeExpiring, fmt.Sprintf("%s ends %s, in %d days", subject(c), date(c.NotAfter), int(left/day)),
			"after that no node can join or reconnect", "renew it in time")
	}
}

// strength takes what is too weak for s; chain verification tells apart which
// CAs matter.
func (j *judge) strength(c *x509.Certificate, s Severity) {
	if weak := weakKey(c.PublicKey); weak != "" {
		j.add(s, CodeWeakKey, fmt.Sprintf("%s has %s", subject(c), weak),
			"OpenSSL at its usual security level 2 or the client libraries refuse such keys", "make a new key: RSA 2048 or more, or ECDSA P-256")
	}
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		if c.IsCA && looksSelfSigned(c) {
			j.add(Warn, CodeWeakSignature, fmt.Sprintf("%s is signed with %s", subject(c), c.SignatureAlgorithm),
				"nobody checks a root's own signature, but it tells of old tools", "make a new CA with SHA-256")
			return
		}
		j.add(s, CodeWeakSignature, fmt.Sprintf("%s is signed with %s", subject(c), c.SignatureAlgorithm),
			"the digest can be forged, and current TLS libraries refuse it", "issue it again with SHA-256")
	}
}

func weakKey(pub crypto.PublicKey) string {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return fmt.Sprintf("an RSA key of %d bits", k.N.BitLen())
		}
	default:
		if n := keyName(pub); n != "ECDSA P-256" && n != "ECDSA P-384" && n != "ECDSA P-521" {
			return "a key of a kind that not all clients can use: " + n
		}
	}
	return ""
}

func (j *judge) purpose(leaf *x509.Certificate) {
	for _, p := range j.o.Role.purposes() {
		if !fits(leaf, p, false) {
			j.add(Fail, CodePurpose, fmt.Sprintf("%s may not be used as %s", subject(leaf), p),
				"Galera and socat use a node's one certificate at both ends, a client's is checked for clientAuth",
				"issue it again with the extended key usages serverAuth and clientAuth (a client's: clientAuth)")
		}
	}
}

func (j *judge) names(leaf *x509.Certificate) {
	var missing []string
	for _, n := range j.o.Names {
		if err := leaf.VerifyHostname(n); err != nil {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		j.add(Warn, CodeNames, fmt.Sprintf("%s does not name %s", subject(leaf), strings.Join(missing, ", ")),
			"Galera checks no names, but clients with VERIFY_IDENTITY and some SST modes refuse the connection",
			"issue it again with these subject alternative names")
	}
}

func (j *judge) clash(leaf, ca *x509.Certificate) {
	switch {
	case leaf.Equal(ca):
	case sameDN(leaf.RawSubject, ca.RawSubject):
		j.add(Warn, CodeNameClash, fmt.Sprintf("%s has the same subject as a CA of the bundle", subject(leaf)),
			"OpenSSL takes it for self-signed (error 18), unless its authority key identifier says otherwise", "issue it again with another common name")
	case leaf.Subject.CommonName != "" && strings.EqualFold(leaf.Subject.CommonName, ca.Subject.CommonName):
		j.add(Warn, CodeNameClash, fmt.Sprintf("%s has the same common name as a CA of the bundle", subject(leaf)),
			"only the rest of the subject keeps OpenSSL from taking it for self-signed", "issue it again with another common name")
	}
}

// sameSubjects finds pairs of CAs that OpenSSL cannot tell apart by name.
func (j *judge) sameSubjects() {
	for i, a := range j.cas {
		for _, b := range j.cas[:i] {
			if a.Equal(b) || !sameDN(a.RawSubject, b.RawSubject) || sameKey(a.PublicKey, b.PublicKey) {
				continue
			}
			j.add(Warn, CodeSameSubject, fmt.Sprintf("two CAs of the bundle have the subject %s", name(a.Subject.String())),
				"OpenSSL picks the issuer by name: certificates without an authority key identifier verify with one of the two only",
				"make the newer CA again under a name of its own")
		}
	}
}

func (j *judge) verify() {
	for _, p := range j.o.Role.purposes() {
		var e *ChainError
		if !errors.As(Verify(j.chain, j.cas, Rules{j.o.Now, p, UsualLevel}), &e) {
			continue
		}
		if e.Depth == 0 && slices.Contains([]int{codeExpired, codeNotYetValid, codePurpose, codeLeafKeyTooSmall, codeDigestTooWeak}, e.Code) {
			continue // told already, in better words
		}
		j.add(Fail, CodeChain, "the chain does not verify: "+e.Error(),
			"peers that check with OpenSSL's rules refuse the connection", chainAdvice(e.Code))
	}
	j.outlives()
}

func chainAdvice(code int) string {
	switch code {
	case codeBadSignature:
		return "check whether the CA file holds another CA of the same name; use CAs with names of their own"
	case codeNoIssuer, codeNoIssuerLocally, codeSelfSignedChain:
		return "put the issuer, up to the self-signed root, into the CA file"
	case codeSelfSignedLeaf:
		return "issue the certificate by the CA, under another name than the CA's"
	case codeExpired, codeNotYetValid:
		return "renew the CA, and rotate: every node must trust old and new before any presents a new certificate"
	}
	return "issue the certificate again"
}

func (j *judge) outlives() {
	leaf := j.chain[0]
	path, err := buildPath(leaf, j.chain[1:], j.cas, j.o.Now)
	if err != nil {
		return
	}
	for _, ca := range path[1:] {
		if leaf.NotAfter.Sub(ca.NotAfter) > day { // made by hand on the same day: not worth a word
			j.add(Warn, CodeOutlivesCA, fmt.Sprintf("%s ends %s, its CA %s already on %s", subject(leaf), date(leaf.NotAfter), commonName(ca), date(ca.NotAfter)),
				"it stops working with its CA, long before its own date warns anybody", "issue it again within the CA's lifetime")
		}
	}
}

func subject(c *x509.Certificate) string {
	return fmt.Sprintf("certificate %s (sha256 %s)", name(c.Subject.String()), Short(Fingerprint(c)))
}
