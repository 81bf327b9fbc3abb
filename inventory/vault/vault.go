// Package vault opens what ansible-vault closed: envelopes of the versions 1.1
// and 1.2 with AES256. It knows where passwords come from (files, programs, a
// prompt), writes nothing, and knows nothing of inventories.
package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Header begins every envelope.
const Header = "$ANSIBLE_VAULT"

// Password is a password together with the vault id it was given for; the id
// of one without a name is "default".
type Password struct {
	ID     string
	Secret []byte
}

// ErrPassword says that the envelope is sound and none of the passwords opens it.
var ErrPassword = errors.New("none of the vault passwords opens it")

// Is tells whether data is an envelope.
func Is(data []byte) bool { return bytes.HasPrefix(data, []byte(Header)) }

// ID returns the vault id that an envelope names, or "".
func ID(data []byte) string {
	first, _, _ := strings.Cut(string(data), "\n")
	if fields := strings.Split(first, ";"); len(fields) > 3 {
		return strings.TrimSpace(fields[3])
	}
	return ""
}

// Open returns what an envelope holds. A password whose id is the envelope's is
// tried first, then the others in their order: the id is only a name, as for
// Ansible. The error is ErrPassword, or tells what is wrong with the envelope.
func Open(data []byte, passwords []Password) ([]byte, error) {
	sealed, err := parse(data)
	if err != nil {
		return nil, err
	}
	id := ID(data)
	for _, named := range []bool{true, false} {
		for _, p := range passwords {
			if (p.ID == id) != named {
				continue
			}
			if plain, err := sealed.open(p.Secret); !errors.Is(err, ErrPassword) {
				return plain, err
			}
		}
	}
	return nil, ErrPassword
}

// envelope is what an envelope holds: AES256 in counter mode, and a signature.
type envelope struct{ salt, signature, text []byte }

func parse(data []byte) (envelope, error) {
	first, rest, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	first = strings.TrimSpace(first)
	header := strings.Split(first, ";")
	if header[0] != Header || len(header) < 3 {
		return envelope{}, fmt.Errorf("it does not begin with %s;VERSION;CIPHER", Header)
	}
	if header[1] != "1.1" && header[1] != "1.2" || header[2] != "AES256" {
		return envelope{}, fmt.Errorf("it is of another kind (%.40s) than 1.1 or 1.2 with AES256", first)
	}
	inner, err := hex.DecodeString(strings.Join(strings.Fields(rest), ""))
	parts := strings.Split(string(inner), "\n")
	if err != nil || len(parts) != 3 {
		return envelope{}, errors.New("it is damaged: its lines are not what ansible-vault writes")
	}
	var e envelope
	for i, to := range []*[]byte{&e.salt, &e.signature, &e.text} {
		if *to, err = hex.DecodeString(parts[i]); err != nil {
			return envelope{}, errors.New("it is damaged: its lines are not what ansible-vault writes")
		}
	}
	return e, nil
}

const (
	keySize = 32
	rounds  = 10_000
)

// open checks the signature before it decrypts.
func (e envelope) open(password []byte) ([]byte, error) {
	keys, err := pbkdf2.Key(sha256.New, string(password), e.salt, rounds, 2*keySize+aes.BlockSize)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, keys[keySize:2*keySize])
	mac.Write(e.text)
	if !hmac.Equal(mac.Sum(nil), e.signature) {
		return nil, ErrPassword
	}
	block, err := aes.NewCipher(keys[:keySize])
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(e.text))
	cipher.NewCTR(block, keys[2*keySize:]).XORKeyStream(plain, e.text)
	return unpad(plain)
}

// unpad takes off the padding that fills the last block.
func unpad(plain []byte) ([]byte, error) {
	if len(plain) == 0 {
		return nil, errors.New("it is damaged: it holds nothing")
	}
	n := int(plain[len(plain)-1])
	if n < 1 || n > aes.BlockSize || n > len(plain) || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errors.New("it is damaged: its end is not padded")
	}
	return plain[:len(plain)-n], nil
}
