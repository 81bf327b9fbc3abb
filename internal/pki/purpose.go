package pki

import (
	"bytes"
	"crypto/x509"
	"fmt"
)

func checkExtensions(path []*x509.Certificate, p Purpose) error {
	below := 0 // intermediates passed so far that are not self-issued
	for i, c := range path {
		switch {
		case len(c.UnhandledCriticalExtensions) > 0:
			return chainError(codeCriticalExt, path, i, fmt.Sprintf("it has a critical extension nobody knows (%v)", c.UnhandledCriticalExtensions[0]))
		case i > 0 && !actsAsCA(c):
			return chainError(codeInvalidCA, path, i, "it is used as a CA but is none (no CA:TRUE or no keyCertSign)")
		case !fits(c, p, i > 0):
			return chainError(codePurpose, path, i, "its key usage or extended key usage does not allow "+string(p))
		case i > 1 && c.BasicConstraintsValid && c.MaxPathLen >= 0 && (c.MaxPathLen > 0 || c.MaxPathLenZero) && below > c.MaxPathLen:
			return chainError(codePathLength, path, i, fmt.Sprintf("it allows %d CAs below itself, the chain has %d", c.MaxPathLen, below))
		}
		if i > 0 && !bytes.Equal(c.RawSubject, c.RawIssuer) {
			below++
		}
	}
	return nil
}

// actsAsCA follows check_ca in OpenSSL's v3_purp.c, which also takes version 1
// roots and certificates with keyCertSign but no basic constraints.
func actsAsCA(c *x509.Certificate) bool {
	switch {
	case !maySign(c):
		return false
	case c.BasicConstraintsValid:
		return c.IsCA
	}
	return c.Version == 1 && looksSelfSigned(c) || c.KeyUsage != 0
}

// fits tells whether key usage and extended key usage allow the purpose.
// anyExtendedKeyUsage does not help: OpenSSL asks for the exact one.
func fits(c *x509.Certificate, p Purpose, ca bool) bool {
	if hasEKU(c) && !allows(c, p) {
		return false
	}
	if ca || c.KeyUsage == 0 {
		return true
	}
	need := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
	if p == PurposeServer {
		need |= x509.KeyUsageKeyEncipherment
	}
	return c.KeyUsage&need != 0
}

func hasEKU(c *x509.Certificate) bool { return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 }

func allows(c *x509.Certificate, p Purpose) bool {
	for _, u := range c.ExtKeyUsage {
		switch {
		case p == PurposeClient && u == x509.ExtKeyUsageClientAuth, p == PurposeServer && u == x509.ExtKeyUsageServerAuth:
			return true
		case p == PurposeServer && (u == x509.ExtKeyUsageNetscapeServerGatedCrypto || u == x509.ExtKeyUsageMicrosoftServerGatedCrypto):
			return true
		}
	}
	return false
}
