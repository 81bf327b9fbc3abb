package pki

import (
	"crypto"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/youmark/pkcs8"
)

// ErrPassphrase is what OpenPair and DecryptKey return (wrapped) when the
// passphrase does not open the key.
var ErrPassphrase = errors.New("the passphrase does not open the private key")

// encryption is PBES2 with AES-256 and PBKDF2-HMAC-SHA256, which every OpenSSL
// since 1.0 reads. The rounds are those that OWASP asks for (2023).
func encryption() *pkcs8.Opts {
	kdf := pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: 600_000, HMACHash: crypto.SHA256}
	return &pkcs8.Opts{Cipher: pkcs8.AES256CBC, KDFOpts: kdf}
}

// EncryptKey writes a private key as PEM that only passphrase opens (PKCS#8,
// `ENCRYPTED PRIVATE KEY`). It is for the key of an authority: servers cannot
// use such a file.
func EncryptKey(key crypto.Signer, passphrase string) ([]byte, error) {
	if passphrase == "" {
		return nil, errors.New("the passphrase is empty")
	}
	der, err := pkcs8.MarshalPrivateKey(key, []byte(passphrase), encryption())
	if err != nil {
		return nil, fmt.Errorf("encrypt private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: typeEncryptedKey, Bytes: der}), nil
}

// IsEncryptedKey tells whether a key file wants a passphrase.
func IsEncryptedKey(data []byte) bool {
	blocks, err := ReadPEM(data)
	return err == nil && slices.ContainsFunc(blocks, func(b Block) bool { return isKeyType(b.Type) && b.Encrypted })
}

// DecryptKey reads a key file, encrypted or not; the passphrase of one that is
// not is not looked at. Without a passphrase an encrypted key gives
// ErrEncryptedKey, with a wrong one ErrPassphrase.
func DecryptKey(data []byte, passphrase string) (crypto.Signer, error) {
	key, err := ParseKey(data)
	if passphrase == "" || !errors.Is(err, ErrEncryptedKey) {
		return key, err
	}
	blocks, err := ReadPEM(data)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 || blocks[0].Type != typeEncryptedKey {
		return nil, errors.New("the private key is encrypted in an old form: convert it with `openssl pkcs8 -topk8 -in KEY -out NEW`")
	}
	k, _, err := pkcs8.ParsePrivateKey(blocks[0].Bytes, []byte(passphrase))
	if err != nil { // a wrong passphrase gives whatever the garbage gives
		return nil, ErrPassphrase
	}
	return usable(k, blocks[0].Line)
}

// OpenPair is LoadPair for a key that may be encrypted, such as an authority's
// on the control machine.
func OpenPair(certPEM, keyPEM []byte, passphrase string) (*Pair, error) {
	certs, err := ParseCerts(certPEM)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	key, err := DecryptKey(keyPEM, passphrase)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	if !sameKey(certs[0].PublicKey, key.Public()) {
		return nil, errors.New("the private key does not belong to the certificate: " +
			"their public keys differ; take both files from the same set")
	}
	return &Pair{Cert: certs[0], Key: key}, nil
}
