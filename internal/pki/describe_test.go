package pki

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	ca := newCA(t, ECDSAP256)
	rsaLeaf := issue(t, ca, LeafRequest{CommonName: "db", Role: RoleServer})
	odd := recipe{subject: "a\x1b[2J\nb", ca: true, from: -day, to: day}.make(t, nil)
	k := keyPEM(t, rsaLeaf)
	der := x509.MarshalPKCS1PrivateKey(rsaLeaf.Key.(*rsa.PrivateKey))
	fp, _ := KeyFingerprint(rsaLeaf.Key.Public())
	leafLine := fmt.Sprintf("certificate CN=db, issuer CN=%s, until 2029-02-25, RSA 2048, sha256 %s", ca.Cert.Subject.CommonName, Short(Fingerprint(rsaLeaf.Cert)))
	tests := []struct {
		name   string
		in     []byte
		want   string
		secret bool
	}{
		{"nothing", nil, "", false},
		{"other file", []byte("[mysqld]\nport=3306\n"), "", false},
		{"leaf", rsaLeaf.CertPEM(), leafLine, false},
		{"CA", ca.CertPEM(), "CA certificate CN=prod CA 20261123-", false},
		{"key", k, "private key RSA 2048, sha256 of public key " + fp[:8], true},
		{"certificate and key", append(rsaLeaf.CertPEM(), k...), leafLine + "|private key RSA 2048", true},
		{"terminal codes", odd.CertPEM(), `CA certificate CN=a?[2J?b, self-signed`, false},
		{"cut key", k[:300], "PEM file that cannot be read: line 6: RSA PRIVATE KEY that begins in line 1 has no END line", true},
		{"key without its BEGIN line", k[40:], "PEM file that cannot be read", true},
		{"DER key", der, "private key, not in PEM form", true},
		{"key in UTF-16", utf16(k), "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines, secret := Describe(tt.in)
			got := strings.Join(lines, "|")
			if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" && !tt.secret || secret != tt.secret {
				t.Errorf("got  %q, private key %v\nwant %q, private key %v", got, secret, tt.want, tt.secret)
			}
			if d := rsaLeaf.Key.(*rsa.PrivateKey).D; strings.Contains(got, d.String()) || strings.Contains(got, string(k[40:60])) {
				t.Error("key material in the description")
			}
		})
	}
}

func utf16(b []byte) []byte {
	var out []byte
	for _, c := range b {
		out = append(out, c, 0)
	}
	return out
}

func FuzzDescribe(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x03})
	f.Add(big.NewInt(1 << 60).Bytes())
	f.Fuzz(func(_ *testing.T, data []byte) {
		Describe(data)
		canonicalDN(data)
	})
}
