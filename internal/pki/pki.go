// Package pki makes, reads and judges the X.509 certificates of a cluster.
//
// It knows what OpenSSL, MySQL and Galera ask of a certificate, a key and a CA
// bundle. It is pure: bytes come in, bytes and judgements go out. It refuses to
// know files, hosts and the clock; the time and the source of randomness are
// parameters, so every answer can be repeated.
//
// What it will not do: put encrypted keys into a set (mysqld and socat cannot
// ask for a passphrase; an authority's key may have one), use Ed25519 (client libraries of MySQL and MariaDB do not), or
// judge revocation (Galera has no setting for it).
package pki

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"time"
)

const day = 24 * time.Hour

// Lifetimes used when a request leaves them zero.
const (
	DefaultCALife   = 10 * 365 * day
	DefaultLeafLife = 825 * day
)

// backdate is how far NotBefore lies in the past, so that a node whose clock
// is behind does not refuse a certificate made a moment ago.
const backdate = time.Hour

// maxCN is the longest common name in bytes (RFC 5280 appendix A,
// ub-common-name, counts characters; bytes are the safe side).
const maxCN = 64

// Role says what a leaf certificate is for.
type Role string

const (
	// RoleServer is for a node. Galera and socat present one certificate both
	// as TLS server and as TLS client, so it allows serverAuth and clientAuth.
	RoleServer Role = "server"
	// RoleClient is for a MySQL client and allows clientAuth only.
	RoleClient Role = "client"
)

func (r Role) usages() ([]x509.ExtKeyUsage, error) {
	switch r {
	case RoleServer:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, nil
	case RoleClient:
		return []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, nil
	}
	return nil, fmt.Errorf("certificate role %q is unknown: use %q or %q", string(r), RoleServer, RoleClient)
}

// Pair is a certificate and its private key. The key is only ever written by
// KeyPEM: printing a Pair shows the certificate's description.
type Pair struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// LoadPair reads a certificate file and its key file, for example the CA kept
// on the control machine. The first certificate of the file counts. It returns
// ErrEncryptedKey (wrapped) for a key with a passphrase, and an error when the
// key is not the certificate's.
func LoadPair(certPEM, keyPEM []byte) (*Pair, error) { return OpenPair(certPEM, keyPEM, "") }

// CertPEM is the certificate as a PEM file.
func (p *Pair) CertPEM() []byte { return EncodeCert(p.Cert) }

// KeyPEM is the private key as a PEM file, see EncodeKey. It is a secret.
func (p *Pair) KeyPEM() ([]byte, error) { return EncodeKey(p.Key) }

// Format describes the certificate whatever the verb, so that no %+v or %#v
// of a Pair can put key material into a log.
func (p Pair) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.describe()) }

// MarshalText keeps the key out of JSON and structured logs as well.
func (p Pair) MarshalText() ([]byte, error) { return []byte(p.describe()), nil }

func (p Pair) describe() string {
	if p.Cert == nil {
		return "no certificate"
	}
	return DescribeCert(p.Cert)
}
