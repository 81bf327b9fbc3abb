package pki

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"
)

// Fingerprint is the SHA-256 of a certificate as 64 hex digits, the value
// that `openssl x509 -fingerprint -sha256` shows with colons.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// KeyFingerprint is the SHA-256 of a public key in SubjectPublicKeyInfo form
// as 64 hex digits; for a private key pass key.Public(). Equal for a key and
// its certificate. It fails for kinds of keys x509 cannot encode.
func KeyFingerprint(pub crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", fmt.Errorf("fingerprint of a public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// TrustFingerprint is one value for a set of CA certificates, the same
// whatever their order and however often one occurs. Nodes with equal values
// trust the same CAs.
func TrustFingerprint(cas []*x509.Certificate) string {
	var all []string
	for _, c := range cas {
		all = append(all, Fingerprint(c))
	}
	slices.Sort(all)
	h := sha256.New()
	for _, f := range slices.Compact(all) {
		fmt.Fprintln(h, f)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Short is the first 8 digits of a fingerprint, enough to tell apart the few
// certificates of a cluster on a screen; never compare by it.
func Short(fingerprint string) string {
	return fingerprint[:min(8, len(fingerprint))]
}

// publicKeyBits is the content of the BIT STRING in SubjectPublicKeyInfo.
func publicKeyBits(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &spki); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return spki.Key.Bytes, nil
}
