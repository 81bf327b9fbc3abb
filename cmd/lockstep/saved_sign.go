package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/term"

	"lockstep/executor/saved"
	"lockstep/internal/sshsig"
)

// signedAs is what signatures of saved plans are for, as ssh-keygen -n has it.
const signedAs = "lockstep-plan"

// signature signs the bytes of a file.
type signature func(data []byte) ([]byte, error)

// signer is the key of --sign; nil without one.
func (a *app) signer(ctx context.Context) (signature, error) {
	file := a.flags.sign
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--sign: %w", err)
	}
	key, err := sshsig.ParseKey(pem, func() (string, error) {
		if !term.IsTerminal(int(a.stdin.Fd())) {
			return "", fmt.Errorf("it is encrypted, and there is no terminal to ask for its passphrase; with a key in the agent: ssh-keygen -Y sign -n %s -f %s FILE", signedAs, file)
		}
		return a.passphrases(ctx).of(file)
	})
	if err != nil {
		return nil, fmt.Errorf("--sign %s: %w", file, err)
	}
	return func(data []byte) ([]byte, error) { return sshsig.Sign(key, signedAs, data) }, nil
}

// signSaved puts the signature of a saved plan beside it.
func signSaved(file string, p *saved.Plan, sign signature) error {
	text, err := p.Encode()
	if err != nil {
		return err
	}
	sig, err := sign(text)
	if err != nil {
		return err
	}
	return saved.WriteSignature(file, sig)
}

// verifySaved returns an error unless somebody of --verify has signed the file.
func (a *app) verifySaved(file string, data []byte) error {
	list, err := os.ReadFile(a.flags.verify)
	if err != nil {
		return fmt.Errorf("--verify: %w", err)
	}
	signers, err := sshsig.ParseSigners(a.flags.verify, list)
	if err != nil {
		return err
	}
	sig, err := os.ReadFile(saved.SignatureOf(file))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not signed: there is no %s", file, saved.SignatureOf(file))
	}
	if err != nil {
		return err
	}
	key, err := sshsig.Verify(sig, signedAs, data)
	if err != nil {
		return fmt.Errorf("%s: %w", saved.SignatureOf(file), err)
	}
	who, err := signers.Who(key, signedAs, time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", saved.SignatureOf(file), err)
	}
	a.say("%s is signed by %s", file, who)
	return nil
}
