package remote

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// fileSigner is the signer of a key file, or that of the agent for the file's
// public half.
func (p *proof) fileSigner(file string) (ssh.Signer, error) {
	pem, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if signer := find(p.held, publicIn(file+".pub")); signer != nil {
			return signer, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	if public := publicIn(file); public != nil {
		if signer := find(p.held, public); signer != nil {
			return signer, nil
		}
		return nil, fmt.Errorf("key %s: it is a public key, and no agent holds its private half", file)
	}
	signer, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		if err != nil {
			return nil, fmt.Errorf("private key %s: %w", file, err)
		}
		return signer, nil
	}
	public := locked.PublicKey
	if public == nil {
		public = publicIn(file + ".pub") // the old formats do not carry it
	}
	if signer := find(p.held, public); signer != nil {
		return signer, nil
	}
	return p.locked(file, pem, public)
}

// locked is the signer of an encrypted key. The passphrase is asked for when
// the host takes the key, or at once where the public half is not known.
func (p *proof) locked(file string, pem []byte, public ssh.PublicKey) (ssh.Signer, error) {
	if p.target.Passphrase == nil {
		return nil, &steps.Problem{
			What: fmt.Sprintf("private key %s is encrypted", file),
			Why:  "its passphrase is not known and no agent holds the key",
			Do:   "run `ssh-add " + file + "` and start again",
			Err:  steps.ErrRefused,
		}
	}
	open := sync.OnceValues(func() (ssh.AlgorithmSigner, error) { return p.unlock(file, pem) })
	if public == nil {
		return open()
	}
	return &lazySigner{public: public, open: open, fail: p.fail}, nil
}

func (p *proof) unlock(file string, pem []byte) (ssh.AlgorithmSigner, error) {
	answered := p.clock.asking() // and the key takes its time to open
	defer answered()
	passphrase, err := p.target.Passphrase(file)
	if err != nil {
		return nil, fmt.Errorf("passphrase of %s: %w", file, err)
	}
	if p.target.Secrets != nil {
		p.target.Secrets.Add(passphrase)
	}
	signer, err := ssh.ParsePrivateKeyWithPassphrase(pem, []byte(passphrase))
	if err != nil {
		return nil, &steps.Problem{
			What: fmt.Sprintf("private key %s: the passphrase does not open it", file),
			Why:  err.Error(), Err: steps.ErrRefused,
		}
	}
	able, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, fmt.Errorf("private key %s: keys of type %s are not understood", file, signer.PublicKey().Type())
	}
	return able, nil
}

// lazySigner opens its key when it must sign.
type lazySigner struct {
	public ssh.PublicKey
	open   func() (ssh.AlgorithmSigner, error)
	fail   func(error) error
}

// PublicKey is known without the passphrase.
func (s *lazySigner) PublicKey() ssh.PublicKey { return s.public }

// Sign signs with the algorithm that the key's type has by default.
func (s *lazySigner) Sign(random io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(random, data, "")
}

// SignWithAlgorithm opens the key and signs.
func (s *lazySigner) SignWithAlgorithm(random io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := s.open()
	if err != nil {
		return nil, s.fail(err)
	}
	if random == nil {
		random = rand.Reader
	}
	return signer.SignWithAlgorithm(random, data, algorithm)
}

// publicIn is the public key or certificate in a file; nil when there is none.
func publicIn(file string) ssh.PublicKey {
	line, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return nil
	}
	return key
}
