package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ParseCerts reads a certificate file or CA bundle: one certificate or more
// and nothing else. A private key in it is an error, since such files are
// world-readable.
func ParseCerts(data []byte) ([]*x509.Certificate, error) {
	blocks, err := ReadPEM(data)
	if err != nil {
		return nil, err
	}
	if len(blocks) == 0 {
		return nil, errors.New("no certificate in it: wanted PEM blocks -----BEGIN CERTIFICATE-----")
	}
	var certs []*x509.Certificate
	for _, b := range blocks {
		c, err := b.cert()
		if err != nil {
			return nil, err
		}
		certs = append(certs, c)
	}
	return certs, nil
}

func (b *Block) cert() (*x509.Certificate, error) {
	switch {
	case isKeyType(b.Type):
		return nil, fmt.Errorf("line %d: a private key stands among certificates: keep it in a file of its own, mode 0600", b.Line)
	case b.Type != typeCert:
		return nil, fmt.Errorf("line %d: found %q, wanted certificates only", b.Line, b.Type)
	}
	c, err := x509.ParseCertificate(b.Bytes)
	if err != nil {
		return nil, fmt.Errorf("line %d: certificate does not decode: %w", b.Line, err)
	}
	return c, nil
}

// EncodeCert writes one certificate as PEM.
func EncodeCert(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: typeCert, Bytes: c.Raw})
}

// Bundle joins certificate files into one CA file, such as old and new CA
// during a rotation. A file may lack its final newline; a certificate that
// occurs twice is written once, in the place of its first occurrence. Text
// around the blocks is dropped. The result is read back and counted.
func Bundle(files ...[]byte) ([]byte, error) {
	var out bytes.Buffer
	seen := map[string]bool{}
	for i, f := range files {
		certs, err := ParseCerts(f)
		if err != nil {
			return nil, fmt.Errorf("part %d of %d of the bundle: %w", i+1, len(files), err)
		}
		for _, c := range certs {
			if !seen[string(c.Raw)] {
				seen[string(c.Raw)] = true
				out.Write(EncodeCert(c))
			}
		}
	}
	if len(seen) == 0 {
		return nil, errors.New("bundle: no certificates to join")
	}
	back, err := ParseCerts(out.Bytes())
	if err != nil || len(back) != len(seen) {
		return nil, fmt.Errorf("bundle: wrote %d certificates, read back %d: %v", len(seen), len(back), err)
	}
	return out.Bytes(), nil
}
