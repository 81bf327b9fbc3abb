package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Describe says what is in a PEM file, one line a block, for diffs and logs.
// A private key is shown by the fingerprint of its public key and in no other
// way. hasPrivateKey is true when the data holds, or may hold, a private key
// in any form, readable or not; then the data itself must not be shown.
// Data that is not PEM gives no lines. It takes any bytes.
func Describe(data []byte) (lines []string, hasPrivateKey bool) {
	hasPrivateKey = mayHoldKey(data)
	blocks, err := ReadPEM(data)
	if err != nil {
		return []string{"PEM file that cannot be read: " + err.Error()}, hasPrivateKey
	}
	for i := range blocks {
		lines = append(lines, blocks[i].describe())
	}
	if len(lines) == 0 && hasPrivateKey {
		lines = []string{"private key, not in PEM form"}
	}
	return lines, hasPrivateKey
}

// HoldsKey reports whether data holds, or may hold, a private key, as Describe
// does, without reading it.
func HoldsKey(data []byte) bool { return mayHoldKey(data) }

func (b *Block) describe() string {
	switch {
	case isKeyType(b.Type) && b.Encrypted:
		return "private key, encrypted"
	case isKeyType(b.Type):
		k, err := b.key()
		if err != nil {
			return "private key, not usable: " + err.Error()
		}
		return DescribeKey(k)
	case b.Type == typeCert:
		c, err := b.cert()
		if err != nil {
			return "certificate, not usable: " + printable(err.Error())
		}
		return DescribeCert(c)
	}
	return printable(strings.ToLower(b.Type)) + fmt.Sprintf(", %d bytes", len(b.Bytes))
}

// DescribeCert is one line such as
// `certificate CN=db, issuer CN=prod CA 20270101-1a2b3c4d, until 2029-04-05, RSA 2048, sha256 ab12cd34`.
func DescribeCert(c *x509.Certificate) string {
	word := "certificate "
	if c.IsCA {
		word = "CA certificate "
	}
	issuer := "issuer " + name(c.Issuer.String())
	if bytes.Equal(c.RawIssuer, c.RawSubject) {
		issuer = "self-signed"
	}
	return fmt.Sprintf("%s%s, %s, until %s, %s, sha256 %s",
		word, name(c.Subject.String()), issuer, date(c.NotAfter), keyName(c.PublicKey), Short(Fingerprint(c)))
}

// DescribeKey is one line such as
// `private key RSA 2048, sha256 of public key ab12cd34`.
func DescribeKey(k crypto.Signer) string {
	f, err := KeyFingerprint(k.Public())
	if err != nil {
		return "private key of an unknown kind"
	}
	return "private key " + keyName(k.Public()) + ", sha256 of public key " + Short(f)
}

func keyName(pub crypto.PublicKey) string {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "unknown kind of key"
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func commonName(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return printable(c.Subject.CommonName)
	}
	return name(c.Subject.String())
}

func name(dn string) string {
	if dn == "" {
		return "(no subject)"
	}
	return printable(dn)
}

// printable makes text from a certificate safe for a terminal and one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// mayHoldKey is wide on purpose: a wrong yes hides a diff, a wrong no shows a
// key. UTF-16 text is searched too, hence without its zero bytes.
func mayHoldKey(data []byte) bool {
	text := bytes.ToUpper(bytes.ReplaceAll(data, []byte{0}, nil))
	for _, sign := range []string{"PRIVATE KEY", "PUTTY-USER-KEY-FILE", "PRIVATE-LINES", "AGE-SECRET-KEY-"} {
		if bytes.Contains(text, []byte(sign)) {
			return true
		}
	}
	return isKeyDER(data) || isPKCS12(data)
}

func isKeyDER(der []byte) bool {
	if len(der) == 0 || der[0] != 0x30 {
		return false
	}
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return true
	}
	_, err := x509.ParseECPrivateKey(der)
	return err == nil
}

// isPKCS12 recognises a PFX (RFC 7292 section 4: version 3, then content).
func isPKCS12(der []byte) bool {
	var pfx struct {
		Version int
		Rest    asn1.RawValue
		Mac     asn1.RawValue `asn1:"optional"`
	}
	_, err := asn1.Unmarshal(der, &pfx)
	return err == nil && pfx.Version == 3
}
