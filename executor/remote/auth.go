package remote

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// authMethods gathers what can prove who we are: key files in order, then the
// agent's other keys, then the password.
func authMethods(t Target, held []ssh.Signer) (methods []ssh.AuthMethod, err error) {
	signers, problems := fileSigners(t, held)
	signers = append(signers, unused(held, signers)...)
	if len(signers) > 0 {
		methods = append(methods, ssh.PublicKeys(signers...))
	}
	if t.Password != "" {
		methods = append(methods, ssh.Password(t.Password), ssh.KeyboardInteractive(answerWith(t.Password)))
	}
	if len(methods) > 0 {
		return methods, nil
	}
	return nil, noCredentials(t, problems)
}

func noCredentials(t Target, problems []error) error {
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	return &steps.Problem{
		What: fmt.Sprintf("ssh to %s: there is nothing to log in with", t.login()),
		Why:  "no private key file, no key in an agent and no password",
		Do:   "name a key with --private-key or load one with ssh-add",
		Err:  steps.ErrRefused,
	}
}

func fileSigners(t Target, held []ssh.Signer) (signers []ssh.Signer, problems []error) {
	for _, file := range t.Keys {
		signer, err := fileSigner(t, file, held)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		signers = append(signers, signer)
	}
	return signers, problems
}

func fileSigner(t Target, file string, held []ssh.Signer) (ssh.Signer, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		if err != nil {
			return nil, fmt.Errorf("private key %s: %w", file, err)
		}
		return signer, nil
	}
	if signer := find(held, publicOf(file, locked)); signer != nil {
		return signer, nil
	}
	return unlock(t, file, pem)
}

func unlock(t Target, file string, pem []byte) (ssh.Signer, error) {
	if t.Passphrase == nil {
		return nil, &steps.Problem{
			What: fmt.Sprintf("private key %s is encrypted", file),
			Why:  "its passphrase is not known and no agent holds the key",
			Do:   "run `ssh-add " + file + "` and start again",
			Err:  steps.ErrRefused,
		}
	}
	passphrase, err := t.Passphrase(file)
	if err != nil {
		return nil, fmt.Errorf("passphrase of %s: %w", file, err)
	}
	if t.Secrets != nil {
		t.Secrets.Add(passphrase)
	}
	signer, err := ssh.ParsePrivateKeyWithPassphrase(pem, []byte(passphrase))
	if err != nil {
		return nil, &steps.Problem{
			What: fmt.Sprintf("private key %s: the passphrase does not open it", file),
			Why:  err.Error(), Err: steps.ErrRefused,
		}
	}
	return signer, nil
}

// publicOf finds the public half of an encrypted key: the new format carries
// it, for the old ones it is in the .pub file beside the key.
func publicOf(file string, locked *ssh.PassphraseMissingError) ssh.PublicKey {
	if locked.PublicKey != nil {
		return locked.PublicKey
	}
	line, err := os.ReadFile(file + ".pub")
	if err != nil {
		return nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return nil
	}
	return key
}

func find(signers []ssh.Signer, key ssh.PublicKey) ssh.Signer {
	if key == nil {
		return nil
	}
	for _, s := range signers {
		if string(s.PublicKey().Marshal()) == string(key.Marshal()) {
			return s
		}
	}
	return nil
}

func unused(held, taken []ssh.Signer) (rest []ssh.Signer) {
	for _, s := range held {
		if find(taken, s.PublicKey()) == nil {
			rest = append(rest, s)
		}
	}
	return rest
}

// answerWith answers the one hidden question that PAM asks for a password.
func answerWith(password string) ssh.KeyboardInteractiveChallenge {
	return func(_, _ string, questions []string, echos []bool) ([]string, error) {
		answers := make([]string, len(questions))
		for i := range questions {
			if !echos[i] && strings.Contains(strings.ToLower(questions[i]), "password") {
				answers[i] = password
			}
		}
		return answers, nil
	}
}
