package pki

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestIssuedSetsVerifyWithOpenSSL(t *testing.T) {
	for _, a := range Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			ca, other := newCA(t, a), newCA(t, ECDSAP256)
			bundle, err := Bundle(other.CertPEM(), ca.CertPEM())
			if err != nil {
				t.Fatal(err)
			}
			roles := []Role{RoleServer, RoleClient}
			if a == RSA3072 || a == RSA4096 {
				roles = roles[:1] // long keys take seconds to make
			}
			for _, r := range roles {
				leaf := issue(t, ca, LeafRequest{CommonName: "db-" + string(r), Names: []string{"db1", "10.0.0.1", "localhost"}, Role: r, Algorithm: a})
				files := map[string][]byte{"leaf.pem": leaf.CertPEM(), "ca.pem": bundle, "key.pem": keyPEM(t, leaf)}
				for _, p := range r.purposes() {
					out, ok := openssl(t, files, "verify", "-x509_strict", "-no-CApath", "-attime", strconv.FormatInt(testNow.Unix(), 10),
						"-purpose", string(p), "-CAfile", "ca.pem", "leaf.pem")
					if !ok {
						t.Errorf("openssl verify -purpose %s: %s", p, out)
					}
				}
				if _, ok := openssl(t, files, "pkey", "-check", "-noout", "-in", "key.pem"); !ok {
					t.Error("openssl pkey -check refuses the key")
				}
				checkKeyFile(t, a, files)
				if fs := Check(Set{Cert: leaf.CertPEM(), Key: files["key.pem"], CA: bundle}, CheckOptions{Now: testNow, Role: r, Names: []string{"db1", "10.0.0.1"}}); len(fs) > 0 {
					t.Errorf("a fresh set has findings: %v", fs)
				}
			}
		})
	}
}

func checkKeyFile(t *testing.T, a Algorithm, files map[string][]byte) {
	t.Helper()
	if a == ECDSAP256 {
		return
	}
	if !bytes.HasPrefix(files["key.pem"], []byte("-----BEGIN RSA PRIVATE KEY-----\n")) {
		t.Errorf("RSA key is not PKCS#1: begins %.40q", files["key.pem"])
	}
	if out, ok := openssl(t, files, "rsa", "-check", "-noout", "-in", "key.pem"); !ok || !strings.Contains(out, "RSA key ok") {
		t.Errorf("openssl rsa -check: %s", out)
	}
}

func TestIssuedFieldsAsOpenSSLShowsThem(t *testing.T) {
	ca := newCA(t, RSA2048)
	leaf := issue(t, ca, LeafRequest{CommonName: "prod node", Names: []string{"DB1.example.", "db1.example", "10.0.0.1", "::1"}, Role: RoleServer})
	client := issue(t, ca, LeafRequest{CommonName: "prod client", Role: RoleClient, Algorithm: ECDSAP256})
	tests := []struct {
		name    string
		cert    *Pair
		want    []string
		without []string
	}{
		{"ca", ca, []string{
			"Version: 3 (0x2)", "X509v3 Basic Constraints: critical\nCA:TRUE, pathlen:0", "X509v3 Key Usage: critical\nCertificate Sign, CRL Sign",
			"X509v3 Subject Key Identifier:", "Subject: CN = prod CA 20261123-", "Not Before: Nov 23 11:00:00 2026 GMT", "Not After : Nov 20 12:00:00 2036 GMT",
			"sha256WithRSAEncryption",
		}, []string{"Extended Key Usage"}},
		{"server", leaf, []string{
			"Version: 3 (0x2)", "X509v3 Basic Constraints: critical\nCA:FALSE", "X509v3 Key Usage: critical\nDigital Signature, Key Encipherment",
			"TLS Web Server Authentication, TLS Web Client Authentication", "X509v3 Subject Key Identifier:", "X509v3 Authority Key Identifier:",
			"DNS:db1.example, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1\n", "Subject: CN = prod node", "Not After : Feb 25 12:00:00 2029 GMT",
		}, []string{"DNS:DB1", "DNS:db1.example, DNS"}},
		{"client", client, []string{
			"X509v3 Extended Key Usage:\nTLS Web Client Authentication", "X509v3 Key Usage: critical\nDigital Signature\n", "Public-Key: (256 bit)",
		}, []string{"Server Authentication", "Key Encipherment", "Subject Alternative Name"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, ok := openssl(t, map[string][]byte{"c.pem": tt.cert.CertPEM()}, "x509", "-in", "c.pem", "-noout", "-text")
			if !ok {
				t.Fatal(out)
			}
			out = regexp.MustCompile(` *\n +`).ReplaceAllString(out, "\n")
			for _, w := range tt.want {
				if !strings.Contains(out, w) {
					t.Errorf("wanted %q in\n%s", w, out)
				}
			}
			for _, w := range tt.without {
				if strings.Contains(out, w) {
					t.Errorf("did not want %q in\n%s", w, out)
				}
			}
		})
	}
}
