package pki

import (
	"crypto/x509"
	"strings"
	"testing"
)

func TestFingerprintsEqualOpenSSL(t *testing.T) {
	ca := newCA(t, ECDSAP256)
	files := map[string][]byte{"c.pem": ca.CertPEM(), "k.pem": keyPEM(t, ca)}
	out, _ := openssl(t, files, "x509", "-in", "c.pem", "-noout", "-fingerprint", "-sha256")
	_, got, _ := strings.Cut(strings.TrimSpace(out), "=")
	if want := strings.ToLower(strings.ReplaceAll(got, ":", "")); Fingerprint(ca.Cert) != want {
		t.Errorf("certificate fingerprint %s, openssl says %s", Fingerprint(ca.Cert), want)
	}
	der, ok := openssl(t, files, "pkey", "-in", "k.pem", "-pubout", "-outform", "DER")
	if !ok {
		t.Fatal(der)
	}
	sum, _ := openssl(t, map[string][]byte{"d": []byte(der)}, "dgst", "-sha256", "-r", "d")
	if f, err := KeyFingerprint(ca.Key.Public()); err != nil || !strings.HasPrefix(sum, f) {
		t.Errorf("key fingerprint %s (%v), openssl says %s", f, err, sum)
	}
}

func TestTrustFingerprintIgnoresOrder(t *testing.T) {
	a, b := newCA(t, ECDSAP256).Cert, newCA(t, ECDSAP256).Cert
	ab := TrustFingerprint([]*x509.Certificate{a, b})
	if ab != TrustFingerprint([]*x509.Certificate{b, a, b}) {
		t.Error("order or repetition changes the fingerprint of a trust set")
	}
	if ab == TrustFingerprint([]*x509.Certificate{a}) {
		t.Error("a smaller set has the same fingerprint")
	}
}
