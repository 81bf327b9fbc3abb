package sshsig

import (
	"errors"

	"golang.org/x/crypto/ssh"
)

// ParseKey reads a private key, of which passphrase is asked if it is encrypted.
func ParseKey(pem []byte, passphrase func() (string, error)) (ssh.Signer, error) {
	key, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		return key, err
	}
	word, err := passphrase()
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKeyWithPassphrase(pem, []byte(word))
}
