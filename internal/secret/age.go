package secret

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
)

// fromAge decrypts the file of r with its identity.
func (u Unlock) fromAge(ctx context.Context, r Ref) (string, error) {
	identities, err := u.identities(ctx, r.Identity)
	if err != nil {
		return "", err
	}
	f, err := os.Open(r.Age)
	if err != nil {
		return "", unreadable(r.Age, "the age file", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", unreadable(r.Age, "the age file", err)
	}
	data, err := readOpen(f, info, r.Age, "the age file")
	if err != nil {
		return "", err
	}
	plain, err := decrypt(data, identities...)
	var noMatch *age.NoIdentityMatchError
	switch {
	case errors.As(err, &noMatch):
		return "", &Error{What: fmt.Sprintf("%s cannot be decrypted with %s", r.Age, r.Identity), Why: "it was encrypted for other keys",
			Do: "encrypt it for this identity too, or name another", Err: err}
	case err != nil:
		return "", &Error{What: fmt.Sprintf("%s cannot be decrypted", r.Age), Why: "it is no sound age file",
			Do: "encrypt it again with age", Err: err}
	}
	return string(plain), nil
}

// decrypt reads an age file, armored or not.
func decrypt(data []byte, identities ...age.Identity) ([]byte, error) {
	in := bufio.NewReader(bytes.NewReader(data))
	var from io.Reader = in
	if begin, _ := in.Peek(len(armor.Header)); string(begin) == armor.Header {
		from = armor.NewReader(in)
	}
	out, err := age.Decrypt(from, identities...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(out, maxSecret))
}

// identities reads an identity file: age identities or an SSH key, bare or
// with a passphrase.
func (u Unlock) identities(ctx context.Context, file string) ([]age.Identity, error) {
	data, err := readPrivate(file, "the identity file")
	if err != nil {
		return nil, err
	}
	text := string(data)
	switch {
	case strings.HasPrefix(text, "age-encryption.org/"), strings.HasPrefix(text, armor.Header):
		return u.lockedIdentities(ctx, file, data)
	case strings.Contains(text, "-----BEGIN"):
		id, err := u.sshIdentity(ctx, file, data)
		return []age.Identity{id}, err
	}
	return parseIdentities(file, data)
}

func parseIdentities(file string, data []byte) ([]age.Identity, error) {
	ids, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil { // its text may quote the key
		return nil, &Error{What: fmt.Sprintf("the identity file %s cannot be used", file), Why: "it holds no age identity and no SSH private key",
			Do: "name the private half: AGE-SECRET-KEY-1... or an SSH key without .pub"}
	}
	return ids, nil
}

// lockedIdentities opens an identity file that is encrypted with a passphrase.
func (u Unlock) lockedIdentities(ctx context.Context, file string, data []byte) ([]age.Identity, error) {
	passphrase, err := u.ask(ctx, file)
	if err != nil {
		return nil, err
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, wrongPassphrase(file, err)
	}
	plain, err := decrypt(data, id)
	if err != nil {
		return nil, wrongPassphrase(file, err)
	}
	return parseIdentities(file, plain)
}

func (u Unlock) ask(ctx context.Context, file string) (string, error) {
	if u.Passphrase == nil {
		return "", &Error{What: fmt.Sprintf("the identity file %s has a passphrase", file), Why: "nobody can be asked for it here",
			Do: "use an identity without one, or a command such as op, pass or vault"}
	}
	passphrase, err := u.Passphrase(ctx, file)
	if err != nil {
		return "", fmt.Errorf("the passphrase of %s: %w", file, err)
	}
	return passphrase, nil
}

func wrongPassphrase(file string, err error) error {
	return &Error{What: fmt.Sprintf("the identity file %s does not open", file), Why: "the passphrase is wrong, or the file is damaged",
		Do: "try again", Err: err}
}

func (u Unlock) sshIdentity(ctx context.Context, file string, data []byte) (age.Identity, error) {
	if !locked(data) {
		id, err := agessh.ParseIdentity(data)
		if err != nil {
			return nil, badKey(file, err)
		}
		return id, nil
	}
	passphrase, err := u.ask(ctx, file)
	if err != nil {
		return nil, err
	}
	if u.SSHKey == nil {
		return nil, &Error{What: fmt.Sprintf("the SSH key %s has a passphrase", file), Do: "use an age identity, or a key without one"}
	}
	key, err := u.SSHKey(data, passphrase)
	if err != nil {
		return nil, wrongPassphrase(file, err)
	}
	return fromKey(file, key)
}

func fromKey(file string, key crypto.PrivateKey) (age.Identity, error) {
	var id age.Identity
	var err error
	switch k := key.(type) {
	case *ed25519.PrivateKey:
		id, err = agessh.NewEd25519Identity(*k)
	case ed25519.PrivateKey:
		id, err = agessh.NewEd25519Identity(k)
	case *rsa.PrivateKey:
		id, err = agessh.NewRSAIdentity(k)
	default:
		err = errors.New("another kind of key")
	}
	if err != nil {
		return nil, badKey(file, err)
	}
	return id, nil
}

func badKey(file string, err error) error {
	return &Error{What: fmt.Sprintf("the SSH key %s cannot be used with age", file), Why: "age takes Ed25519 and RSA private keys", Err: err}
}

// locked reports whether a private key in PEM has a passphrase: in the header
// of old formats, or by the cipher that OpenSSH's own begins with.
func locked(data []byte) bool {
	block, _ := pem.Decode(data)
	if block == nil {
		return false
	}
	if strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") || block.Type == "ENCRYPTED PRIVATE KEY" {
		return true
	}
	rest, own := bytes.CutPrefix(block.Bytes, []byte("openssh-key-v1\x00"))
	if !own || len(rest) < 4 {
		return false
	}
	n := binary.BigEndian.Uint32(rest)
	return uint64(n) <= uint64(len(rest)-4) && string(rest[4:4+n]) != "none"
}
