package pki

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
)

// sameDN compares two names as OpenSSL's X509_NAME_cmp does: letters A to Z in
// any case, runs of white space as one, whatever string type holds the text.
func sameDN(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, ok := canonicalDN(a)
	if !ok {
		return false
	}
	y, ok := canonicalDN(b)
	return ok && x == y
}

func canonicalDN(raw []byte) (string, bool) {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &rdns); err != nil || len(rest) > 0 {
		return "", false
	}
	var b strings.Builder
	for _, set := range rdns {
		for _, attr := range set {
			text, ok := attr.Value.(string)
			if !ok {
				return "", false
			}
			b.WriteString(attr.Type.String() + "=" + foldASCII(text) + "\x00")
		}
		b.WriteByte(1)
	}
	return b.String(), true
}

func foldASCII(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' })
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.Join(words, " "))
}

// authorityKeyID is RFC 5280 section 4.2.1.1.
type authorityKeyID struct {
	ID     []byte        `asn1:"optional,tag:0"`
	Issuer asn1.RawValue `asn1:"optional,tag:1"`
	Serial *big.Int      `asn1:"optional,tag:2"`
}

// authorityMatches compares what c says about its issuer's key and serial with
// the candidate. What is missing on either side matches (X509_check_akid).
func authorityMatches(issuer, c *x509.Certificate) bool {
	aki, ok := authorityOf(c)
	if !ok {
		return true
	}
	switch {
	case len(aki.ID) > 0 && len(issuer.SubjectKeyId) > 0 && !bytes.Equal(aki.ID, issuer.SubjectKeyId):
		return false
	case aki.Serial != nil && aki.Serial.Cmp(issuer.SerialNumber) != 0:
		return false
	}
	dn, ok := directoryName(aki.Issuer)
	return !ok || sameDN(dn, issuer.RawIssuer)
}

func authorityOf(c *x509.Certificate) (authorityKeyID, bool) {
	var aki authorityKeyID
	for _, e := range c.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 35}) {
			_, err := asn1.Unmarshal(e.Value, &aki)
			return aki, err == nil
		}
	}
	return aki, false
}

// directoryName finds the first directoryName ([4]) among GeneralNames.
func directoryName(names asn1.RawValue) ([]byte, bool) {
	rest := names.Bytes
	for len(rest) > 0 {
		var n asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &n); err != nil {
			return nil, false
		}
		if n.Class == asn1.ClassContextSpecific && n.Tag == 4 {
			return n.Bytes, true
		}
	}
	return nil, false
}
