package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrEncryptedKey is what ParseKey and LoadPair return (wrapped) for a private
// key with a passphrase. Callers test for it to ask for a decrypted copy.
var ErrEncryptedKey = errors.New("private key is encrypted: mysqld, Galera and socat cannot ask for its passphrase; " +
	"remove it with `openssl pkey -in KEY -out KEY.plain` and keep the result at mode 0600")

// Algorithm names a kind of key and its size.
type Algorithm string

// The algorithms that every supported server, Galera and client can use.
// ECDSA needs MySQL 8.0, MariaDB 10.4 or newer on every node.
const (
	RSA2048   Algorithm = "rsa-2048"
	RSA3072   Algorithm = "rsa-3072"
	RSA4096   Algorithm = "rsa-4096"
	ECDSAP256 Algorithm = "ecdsa-p256"
)

// Algorithms lists what GenerateKey can make, the default first.
func Algorithms() []Algorithm { return []Algorithm{RSA2048, RSA3072, RSA4096, ECDSAP256} }

// GenerateKey makes a private key; an empty algorithm means RSA2048. Go may
// ignore the source of randomness in favour of the system's (crypto/rsa,
// crypto/ecdsa since Go 1.26).
func GenerateKey(rand io.Reader, a Algorithm) (crypto.Signer, error) {
	switch a {
	case "", RSA2048:
		return rsa.GenerateKey(rand, 2048)
	case RSA3072:
		return rsa.GenerateKey(rand, 3072)
	case RSA4096:
		return rsa.GenerateKey(rand, 4096)
	case ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand)
	}
	return nil, fmt.Errorf("key algorithm %q is unknown: use one of %v", string(a), Algorithms())
}

// EncodeKey writes a private key as PEM: RSA as PKCS#1 (`RSA PRIVATE KEY`),
// which also the oldest TLS libraries of MySQL read, ECDSA as PKCS#8.
func EncodeKey(key crypto.Signer) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return pem.EncodeToMemory(&pem.Block{Type: typeRSAKey, Bytes: x509.MarshalPKCS1PrivateKey(k)}), nil
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			return nil, fmt.Errorf("encode ECDSA key: %w", err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: typePKCS8Key, Bytes: der}), nil
	}
	return nil, fmt.Errorf("cannot write a private key of type %T: only RSA and ECDSA are supported", key)
}

// ParseKey reads a key file: exactly one unencrypted private key in PKCS#1,
// PKCS#8 or SEC1 form. An `EC PARAMETERS` block in front of it, as
// `openssl ecparam -genkey` writes, is passed over. Errors never show content.
func ParseKey(data []byte) (crypto.Signer, error) {
	blocks, err := ReadPEM(data)
	if err != nil {
		return nil, err
	}
	var found *Block
	for i, b := range blocks {
		switch {
		case b.Type == typeECParams:
		case !isKeyType(b.Type):
			return nil, fmt.Errorf("line %d: found %q, wanted one private key and nothing else", b.Line, b.Type)
		case found != nil:
			return nil, fmt.Errorf("line %d: a second private key (the first is in line %d): keep one key in a file", b.Line, found.Line)
		default:
			found = &blocks[i]
		}
	}
	if found == nil {
		return nil, errors.New("no private key in it: wanted a PEM block such as RSA PRIVATE KEY or PRIVATE KEY")
	}
	return found.key()
}

func isKeyType(t string) bool { return strings.HasSuffix(t, "PRIVATE KEY") }

func (b *Block) key() (crypto.Signer, error) {
	if b.Encrypted {
		return nil, fmt.Errorf("line %d: %w", b.Line, ErrEncryptedKey)
	}
	k, err := b.parseKey()
	if err != nil {
		return nil, fmt.Errorf("line %d: %s is damaged: it does not decode", b.Line, b.Type)
	}
	return usable(k, b.Line)
}

// usable takes the kinds of keys that servers can use.
func usable(k any, line int) (crypto.Signer, error) {
	switch k := k.(type) {
	case *rsa.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("line %d: private key is neither RSA nor ECDSA (%s): MySQL and Galera cannot use it; make an RSA key",
		line, strings.TrimPrefix(fmt.Sprintf("%T", k), "*"))
}

func (b *Block) parseKey() (any, error) {
	switch b.Type {
	case typeRSAKey:
		return x509.ParsePKCS1PrivateKey(b.Bytes)
	case typePKCS8Key:
		return x509.ParsePKCS8PrivateKey(b.Bytes)
	case typeECKey:
		return x509.ParseECPrivateKey(b.Bytes)
	}
	return nil, fmt.Errorf("unknown form %q", b.Type)
}

// sameKey compares public keys by value, whatever their kind.
func sameKey(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// keyID is the subject key identifier: the leftmost 160 bits of the SHA-256
// of the public key bits (RFC 7093 section 2, method 1).
func keyID(pub crypto.PublicKey) ([]byte, error) {
	bits, err := publicKeyBits(pub)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(bits)
	return sum[:20], nil
}
