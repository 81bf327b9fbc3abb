package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Purpose is the use a chain is verified for, named as in `openssl verify -purpose`.
type Purpose string

const (
	PurposeServer Purpose = "sslserver" // the certificate of a TLS server
	PurposeClient Purpose = "sslclient" // the certificate of a TLS client
)

// ChainError tells why OpenSSL would refuse a chain.
type ChainError struct {
	Code    int    // OpenSSL's X509_V_ERR number, as printed by `openssl verify`
	Depth   int    // 0 is the leaf
	Subject string // of the certificate at that depth
	Reason  string
}

func (e *ChainError) Error() string {
	return fmt.Sprintf("%s: %s (openssl verify error %d at depth %d)", e.Subject, e.Reason, e.Code, e.Depth)
}

// Numbers from openssl-verify(1), section DIAGNOSTICS.
const (
	codeNoIssuer        = 2
	codeBadSignature    = 7
	codeNotYetValid     = 9
	codeExpired         = 10
	codeSelfSignedLeaf  = 18
	codeSelfSignedChain = 19
	codeNoIssuerLocally = 20
	codeInvalidCA       = 79
	codePathLength      = 25
	codePurpose         = 26
	codeCriticalExt     = 34
	codeTooLong         = 22
	codeConstraints     = 47
	codeLeafKeyTooSmall = 66
	codeCAKeyTooSmall   = 67
	codeDigestTooWeak   = 68
)

const maxChain = 100 // OpenSSL's default depth

// Rules are what a chain is verified for.
type Rules struct {
	Now     time.Time
	Purpose Purpose
	// Level is OpenSSL's security level, as in `openssl verify -auth_level`. At
	// zero, the default of that command, no key is too short and no digest too
	// weak.
	Level int
}

// UsualLevel is the security level of TLS in Debian, Ubuntu, RHEL 8 and later,
// and in OpenSSL 3.2 and later. It is what `openssl verify` does not apply
// unless it is asked to.
const UsualLevel = 2

// Verify checks chain (leaf first, then what the peer sends along) against the
// CA bundle trusted, by the rules of OpenSSL rather than Go's: the issuer is
// chosen by name and key identifier before any signature is looked at, a chain
// must end in a self-signed certificate of the bundle, and extended key usage
// counts all the way up. It returns nil or a *ChainError.
//
// Revocation and certificate policies are not judged.
func Verify(chain, trusted []*x509.Certificate, r Rules) error {
	if len(chain) == 0 {
		return &ChainError{Code: codeNoIssuerLocally, Subject: "(none)", Reason: "there is no certificate to verify"}
	}
	if bits := keyStrength(chain[0].PublicKey); bits < strengthOf(r.Level) {
		return chainError(codeLeafKeyTooSmall, chain, 0, "its key is too short: "+keyName(chain[0].PublicKey))
	}
	path, err := buildPath(chain[0], chain[1:], trusted, r.Now)
	if err != nil {
		return err
	}
	for _, check := range []func() error{
		func() error { return checkExtensions(path, r.Purpose) },
		func() error { return checkLevel(path, r.Level) },
		func() error { return checkSignatures(path, r.Now) },
		func() error { return checkNameConstraints(path, r.Now) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// buildPath follows X509_verify_cert with its default X509_V_FLAG_TRUSTED_FIRST:
// the bundle is asked before what the peer sent, and once a step came from the
// bundle all further ones must.
func buildPath(leaf *x509.Certificate, sent, trusted []*x509.Certificate, now time.Time) ([]*x509.Certificate, error) {
	path := []*x509.Certificate{leaf}
	fromBundle := false
	for len(path) <= maxChain+1 {
		last := path[len(path)-1]
		own := looksSelfSigned(last)
		issuer := findIssuer(trusted, last, now, nil)
		switch {
		case issuer != nil && own && issuer.Equal(last):
			return path, nil
		case issuer != nil && !own:
			path, fromBundle = append(path, issuer), true
			if looksSelfSigned(issuer) {
				return path, nil
			}
			continue
		case own || fromBundle:
			return nil, noAnchor(path, own, fromBundle)
		}
		issuer = findIssuer(sent, last, now, path)
		if issuer == nil {
			return nil, noAnchor(path, own, fromBundle)
		}
		path = append(path, issuer)
	}
	return nil, chainError(codeTooLong, path, len(path)-1, "the chain is too long")
}

func noAnchor(path []*x509.Certificate, own, fromBundle bool) error {
	depth := len(path) - 1
	switch {
	case own && depth == 0:
		return chainError(codeSelfSignedLeaf, path, depth, "it looks self-signed (its subject is also its issuer) and is not in the CA bundle")
	case own:
		return chainError(codeSelfSignedChain, path, depth, "the chain ends in a self-signed certificate that is not in the CA bundle")
	case fromBundle:
		return chainError(codeNoIssuer, path, depth,
			fmt.Sprintf("the CA bundle lacks its issuer %q; a chain must end in a self-signed CA", name(path[depth].Issuer.String())))
	}
	return chainError(codeNoIssuerLocally, path, depth,
		fmt.Sprintf("its issuer %q is not in the CA bundle", name(path[depth].Issuer.String())))
}

// findIssuer takes the first certificate that may have issued c and is valid
// now; when none is valid, the one that ends last. No signature is checked:
// that is how OpenSSL comes to refuse bundles with two CAs of one subject.
func findIssuer(among []*x509.Certificate, c *x509.Certificate, now time.Time, not []*x509.Certificate) *x509.Certificate {
	var best *x509.Certificate
	for _, cand := range among {
		if !mayHaveIssued(cand, c) || contains(not, cand) {
			continue
		}
		if !now.Before(cand.NotBefore) && !now.After(cand.NotAfter) {
			return cand
		}
		if best == nil || cand.NotAfter.After(best.NotAfter) {
			best = cand
		}
	}
	return best
}

func contains(list []*x509.Certificate, c *x509.Certificate) bool {
	for _, x := range list {
		if x.Equal(c) {
			return true
		}
	}
	return false
}

// mayHaveIssued is OpenSSL's X509_check_issued without the signature.
func mayHaveIssued(issuer, c *x509.Certificate) bool {
	return sameDN(issuer.RawSubject, c.RawIssuer) && authorityMatches(issuer, c) && signatureFits(issuer, c)
}

// looksSelfSigned is OpenSSL's EXFLAG_SS, which is also given without a look
// at the signature.
func looksSelfSigned(c *x509.Certificate) bool { return mayHaveIssued(c, c) }

func signatureFits(issuer, c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.ECDSAWithSHA1, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return issuer.PublicKeyAlgorithm == x509.ECDSA
	case x509.PureEd25519:
		return issuer.PublicKeyAlgorithm == x509.Ed25519
	case x509.UnknownSignatureAlgorithm:
		return true
	}
	return issuer.PublicKeyAlgorithm == x509.RSA
}

func checkSignatures(path []*x509.Certificate, now time.Time) error {
	for i := len(path) - 1; i >= 0; i-- {
		c := path[i]
		if i < len(path)-1 {
			if err := path[i+1].CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
				return chainError(codeBadSignature, path, i,
					fmt.Sprintf("its signature is not by the CA %q that its issuer name leads to (%v)", commonName(path[i+1]), err))
			}
		}
		switch {
		case now.Before(c.NotBefore):
			return chainError(codeNotYetValid, path, i, "it is valid from "+c.NotBefore.UTC().Format(time.RFC3339)+" only")
		case now.After(c.NotAfter):
			return chainError(codeExpired, path, i, "it ended "+c.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// checkNameConstraints asks Go, and only where a CA carries any.
func checkNameConstraints(path []*x509.Certificate, now time.Time) error {
	if len(path) < 2 || !constrained(path) {
		return nil
	}
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(path[len(path)-1])
	for _, c := range path[1 : len(path)-1] {
		middle.AddCert(c)
	}
	_, err := path[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: middle, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	var inv x509.CertificateInvalidError
	if errors.As(err, &inv) && (inv.Reason == x509.CANotAuthorizedForThisName || inv.Reason == x509.TooManyConstraints) {
		return chainError(codeConstraints, path, 0, "a CA above it does not allow its names: "+printable(inv.Error()))
	}
	return nil
}

func constrained(path []*x509.Certificate) bool {
	for _, c := range path[1:] {
		if len(c.PermittedDNSDomains)+len(c.ExcludedDNSDomains)+len(c.PermittedIPRanges)+len(c.ExcludedIPRanges) > 0 {
			return true
		}
	}
	return false
}

func chainError(code int, path []*x509.Certificate, depth int, reason string) error {
	return &ChainError{Code: code, Depth: depth, Subject: name(path[depth].Subject.String()), Reason: reason}
}

// Issuers are the certificates of pool that a peer needs in its CA bundle to
// verify chain (leaf first): the issuers of the leaf, up to a self-signed one,
// but for those that the chain brings along below the first that comes from the
// pool. None means that the pool does not know the issuer. Neither dates nor
// signatures are judged.
func Issuers(chain, pool []*x509.Certificate, now time.Time) []*x509.Certificate {
	if len(chain) == 0 {
		return nil
	}
	var found []*x509.Certificate
	last := chain[0]
	for range maxChain {
		issuer := findIssuer(pool, last, now, found)
		if issuer != nil {
			found = append(found, issuer)
		} else if len(found) > 0 {
			return found
		} else if issuer = findIssuer(chain[1:], last, now, chain[:1]); issuer == nil || issuer.Equal(last) {
			return nil
		}
		if looksSelfSigned(issuer) {
			return found
		}
		last = issuer
	}
	return found
}

// MadeAt is when a certificate of ours was made: its NotBefore lies somewhat
// earlier, for hosts whose clocks are behind.
func MadeAt(c *x509.Certificate) time.Time { return c.NotBefore.Add(backdate) }
