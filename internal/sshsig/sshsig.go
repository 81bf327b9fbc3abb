// Package sshsig makes and checks the signatures of `ssh-keygen -Y`, and knows by
// its file of allowed signers whose they may be (OpenSSH's PROTOCOL.sshsig, and
// ALLOWED SIGNERS in ssh-keygen(1)). It opens no connection.
package sshsig

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

const (
	armor   = "SSH SIGNATURE"
	version = 1
)

// magic begins the blob and what is signed.
func magic() [6]byte { return [6]byte{'S', 'S', 'H', 'S', 'I', 'G'} }

// blob is a signature as it is armored.
type blob struct {
	Magic     [6]byte
	Version   uint32
	PublicKey []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// signed is what the key signs.
type signed struct {
	Magic     [6]byte
	Namespace string
	Reserved  string
	Hash      string
	Digest    []byte
}

// Sign signs data for a namespace, which says what the signature is for.
func Sign(key ssh.Signer, namespace string, data []byte) ([]byte, error) {
	digest := sha512.Sum512(data)
	text := ssh.Marshal(signed{magic(), namespace, "", "sha512", digest[:]})
	sig, err := sign(key, text)
	if err != nil {
		return nil, err
	}
	b := blob{magic(), version, key.PublicKey().Marshal(), namespace, "", "sha512", ssh.Marshal(sig)}
	return pem.EncodeToMemory(&pem.Block{Type: armor, Bytes: ssh.Marshal(b)}), nil
}

// sign takes SHA-512 for RSA: the format allows no SHA-1.
func sign(key ssh.Signer, text []byte) (*ssh.Signature, error) {
	if key.PublicKey().Type() != ssh.KeyAlgoRSA {
		return key.Sign(rand.Reader, text)
	}
	rsa, ok := key.(ssh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("this RSA key cannot sign with SHA-512")
	}
	return rsa.SignWithAlgorithm(rand.Reader, text, ssh.KeyAlgoRSASHA512)
}

// Verify returns the key that signed data for a namespace. Whose key that is, and
// whether it may sign, the Signers know.
func Verify(armored []byte, namespace string, data []byte) (ssh.PublicKey, error) {
	block, _ := pem.Decode(armored)
	if block == nil || block.Type != armor {
		return nil, errors.New("this is no SSH signature")
	}
	var b blob
	if err := ssh.Unmarshal(block.Bytes, &b); err != nil || b.Magic != magic() {
		return nil, errors.New("this SSH signature is not whole")
	}
	if b.Version != version {
		return nil, fmt.Errorf("this SSH signature has the form %d, and only %d is known", b.Version, version)
	}
	if b.Namespace != namespace {
		return nil, fmt.Errorf("this SSH signature is for %q, and not for %q", b.Namespace, namespace)
	}
	digest, err := digest(b.Hash, data)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePublicKey(b.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("the key of this SSH signature: %w", err)
	}
	if _, ok := key.(*ssh.Certificate); ok {
		return nil, errors.New("this SSH signature is by a certificate, and only those by keys are taken")
	}
	var sig ssh.Signature
	if err := ssh.Unmarshal(b.Signature, &sig); err != nil {
		return nil, errors.New("this SSH signature is not whole")
	}
	if sig.Format == ssh.KeyAlgoRSA {
		return nil, errors.New("this SSH signature rests on SHA-1, which the format does not allow")
	}
	if err := key.Verify(ssh.Marshal(signed{magic(), b.Namespace, b.Reserved, b.Hash, digest}), &sig); err != nil {
		return nil, errors.New("the SSH signature is not of this content")
	}
	return key, nil
}

func digest(hash string, data []byte) ([]byte, error) {
	switch hash {
	case "sha256":
		sum := sha256.Sum256(data)
		return sum[:], nil
	case "sha512":
		sum := sha512.Sum512(data)
		return sum[:], nil
	}
	return nil, fmt.Errorf("this SSH signature hashes with %q, and the format knows sha256 and sha512", hash)
}
