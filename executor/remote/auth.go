package remote

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// proof is what can prove who we are, gathered for one login.
type proof struct {
	clock   *deadline
	target  Target
	held    []ssh.Signer // by the agent
	signers []ssh.Signer
	left    []error // why keys are not offered
	late    error   // what went wrong when something was to be proved

	passwordGiven bool
}

// newProof gathers key files in order, each with its certificates before it,
// then the agent's other keys. An error says that there is nothing at all.
func newProof(clock *deadline, t Target, held []ssh.Signer) (*proof, error) {
	p := &proof{clock: clock, target: t, held: held}
	for _, file := range t.Keys {
		signer, err := p.fileSigner(file)
		switch {
		case err != nil:
			p.left = append(p.left, err)
		case signer != nil && find(p.signers, signer.PublicKey()) == nil:
			p.signers = append(p.signers, signer)
		}
	}
	p.signers = append(p.certified(), p.signers...)
	for _, s := range held {
		if !t.IdentitiesOnly && find(p.signers, s.PublicKey()) == nil {
			p.signers = append(p.signers, s)
		}
	}
	_, err := p.methods()
	return p, err
}

// methods are the ways to log in, in order.
func (p *proof) methods() (methods []ssh.AuthMethod, err error) {
	p.passwordGiven = false
	if len(p.signers) > 0 {
		methods = append(methods, ssh.PublicKeys(p.signers...))
	}
	if p.target.Password != "" {
		methods = append(methods, ssh.Password(p.target.Password))
	}
	if p.target.Password != "" || p.target.Answer != nil {
		methods = append(methods, ssh.KeyboardInteractive(p.answers))
	}
	if len(p.signers) > 0 || p.target.Password != "" || len(methods) > 0 && len(p.left) == 0 {
		return methods, nil
	}
	return nil, p.nothing()
}

func (p *proof) nothing() error {
	if len(p.left) > 0 {
		return errors.Join(p.left...)
	}
	return &steps.Problem{
		What: fmt.Sprintf("ssh to %s: there is nothing to log in with", p.target.login()),
		Why:  "no private key file, no key in an agent and no password",
		Do:   "name a key with --private-key or load one with ssh-add",
		Err:  steps.ErrRefused,
	}
}

// notOffered says which keys were left out, and why.
func (p *proof) notOffered() (texts []string) {
	for _, err := range p.left {
		text := err.Error()
		if problem, ok := asProblem(err); ok {
			text = problem.What
		}
		texts = append(texts, text)
	}
	return texts
}

// fail keeps the first problem that shows while we prove who we are: the SSH
// library does not pass it on.
func (p *proof) fail(err error) error {
	if p.late == nil {
		p.late = err
	}
	return err
}

func find(signers []ssh.Signer, key ssh.PublicKey) ssh.Signer {
	if key == nil {
		return nil
	}
	at := slices.IndexFunc(signers, func(s ssh.Signer) bool { return equal(s.PublicKey(), key) })
	if at < 0 {
		return nil
	}
	return signers[at]
}

func equal(a, b ssh.PublicKey) bool { return string(a.Marshal()) == string(b.Marshal()) }
