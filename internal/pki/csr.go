package pki

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
)

const typeRequest = "CERTIFICATE REQUEST"

// NewRequest is a signing request (PKCS#10, PEM) for key, to be sent to an
// authority elsewhere. The private key stays here. Role and lifetime are the
// authority's business. With names it may do without a common name.
func NewRequest(rand io.Reader, key crypto.Signer, r LeafRequest) ([]byte, error) {
	if r.CommonName != "" || len(r.Names) == 0 {
		if err := checkText(r.CommonName, maxCN); err != nil {
			return nil, fmt.Errorf("common name %q: %w", r.CommonName, err)
		}
	}
	names, err := parseNames(r.Names)
	if err != nil {
		return nil, fmt.Errorf("request %q: %w", r.CommonName, err)
	}
	der, err := x509.CreateCertificateRequest(rand, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: r.CommonName}, DNSNames: names.dns, IPAddresses: names.ips}, key)
	if err != nil {
		return nil, fmt.Errorf("request %q: %w", r.CommonName, err)
	}
	return encodeRequest(der), nil
}

func encodeRequest(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: typeRequest, Bytes: der})
}

// EncodeRequest writes a signing request as PEM.
func EncodeRequest(r *x509.CertificateRequest) []byte { return encodeRequest(r.Raw) }

// ParseRequest reads one signing request, and checks that it is signed by its
// own key.
func ParseRequest(data []byte) (*x509.CertificateRequest, error) {
	blocks, err := ReadPEM(data)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 || blocks[0].Type != typeRequest {
		return nil, errors.New("wanted one PEM block -----BEGIN CERTIFICATE REQUEST----- and nothing else")
	}
	r, err := x509.ParseCertificateRequest(blocks[0].Bytes)
	if err != nil {
		return nil, fmt.Errorf("the signing request does not decode: %w", err)
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fmt.Errorf("the signing request is not signed by its own key: %w", err)
	}
	return r, nil
}

// Chain makes a certificate file of what an authority answered: the certificate
// of key first, then its intermediates. Roots are left out: peers trust those of
// their own CA file alone.
func Chain(answer []byte, key crypto.PublicKey) ([]byte, error) {
	certs, err := ParseCerts(answer)
	if err != nil {
		return nil, err
	}
	leaf := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return sameKey(c.PublicKey, key) })
	if leaf < 0 {
		return nil, errors.New("none of the certificates is for the key of the request")
	}
	out := EncodeCert(certs[leaf])
	for i, c := range certs {
		if i != leaf && actsAsCA(c) && !looksSelfSigned(c) {
			out = append(out, EncodeCert(c)...)
		}
	}
	return out, nil
}
