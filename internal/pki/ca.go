package pki

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// CARequest describes a certificate authority to make.
type CARequest struct {
	Name      string        // the cluster's name; the subject becomes `<Name> CA <yyyymmdd>-<random>`
	Algorithm Algorithm     // empty: RSA2048
	Lifetime  time.Duration // zero: DefaultCALife
}

// NewCA makes a self-signed authority that may sign leaves and nothing below.
//
// Every generation gets a subject of its own. Two CAs with one subject cannot
// stand in the same bundle: OpenSSL picks the issuer by name, takes the first
// and reports a bad signature for leaves of the other, which would break the
// middle of every rotation.
func NewCA(rand io.Reader, now time.Time, r CARequest) (*Pair, error) {
	name, err := caName(rand, now, r.Name)
	if err != nil {
		return nil, err
	}
	life, err := lifetime(r.Lifetime, DefaultCALife)
	if err != nil {
		return nil, fmt.Errorf("CA %q: %w", r.Name, err)
	}
	key, err := GenerateKey(rand, r.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("CA %q: %w", r.Name, err)
	}
	t := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             seconds(now.Add(-backdate)),
		NotAfter:              seconds(now.Add(life)),
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err := sign(rand, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("CA %q: %w", r.Name, err)
	}
	return &Pair{Cert: cert, Key: key}, nil
}

func caName(rand io.Reader, now time.Time, name string) (string, error) {
	suffix := make([]byte, 4)
	if _, err := io.ReadFull(rand, suffix); err != nil {
		return "", fmt.Errorf("CA %q: no random bytes for its subject: %w", name, err)
	}
	tail := " CA " + now.UTC().Format("20060102") + "-" + hex.EncodeToString(suffix)
	if err := checkText(name, maxCN-len(tail)); err != nil {
		return "", fmt.Errorf("CA name %q: %w", name, err)
	}
	return name + tail, nil
}

// checkText refuses what cannot stand in a common name.
func checkText(s string, limit int) error {
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("it is empty")
	case s != strings.TrimSpace(s):
		return errors.New("it begins or ends with a space: OpenSSL ignores those when it compares names")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("it has bytes that cannot be printed")
	case len(s) > limit:
		return fmt.Errorf("it is %d bytes long, at most %d fit", len(s), limit)
	}
	return nil
}

func lifetime(want, def time.Duration) (time.Duration, error) {
	switch {
	case want == 0:
		return def, nil
	case want < 0:
		return 0, fmt.Errorf("lifetime %s is negative", want)
	}
	return want, nil
}

// seconds drops what a certificate cannot hold.
func seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// serial is a random positive 128-bit number. Hand-numbered certificates of
// one CA collide, and some TLS stacks then refuse the second.
func serial(rand io.Reader) (*big.Int, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("no random bytes for the serial number: %w", err)
	}
	b[0] |= 0x80 // always 128 bits, so never zero; DER adds the sign byte
	return new(big.Int).SetBytes(b), nil
}

// sign fills in serial, key identifiers and key usage, signs and parses back.
func sign(rand io.Reader, t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	var err error
	if t.SerialNumber, err = serial(rand); err != nil {
		return nil, err
	}
	if t.SubjectKeyId, err = keyID(pub); err != nil {
		return nil, err
	}
	if !t.IsCA {
		t.KeyUsage = leafUsage(pub)
	}
	der, err := x509.CreateCertificate(rand, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return x509.ParseCertificate(der)
}

// leafUsage allows key encipherment only where a key can do it.
func leafUsage(pub crypto.PublicKey) x509.KeyUsage {
	if _, ok := pub.(*rsa.PublicKey); ok {
		return x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	}
	return x509.KeyUsageDigitalSignature
}
