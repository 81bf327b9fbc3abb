package remote

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
)

// certified are the signers with a certificate: those named, those beside the
// key files, and the agent's for the same keys.
func (p *proof) certified() (signers []ssh.Signer) {
	files := slices.Clone(p.target.Certificates)
	for _, key := range p.target.Keys {
		files = append(files, key+"-cert.pub")
	}
	for _, file := range files {
		cert, ok := publicIn(file).(*ssh.Certificate)
		if !ok {
			if slices.Contains(p.target.Certificates, file) {
				p.left = append(p.left, fmt.Errorf("certificate %s: there is none", file))
			}
			continue
		}
		signer, err := p.certSigner(file, cert)
		switch {
		case err != nil:
			p.left = append(p.left, err)
		case find(signers, signer.PublicKey()) == nil:
			signers = append(signers, signer)
		}
	}
	for _, s := range p.held {
		cert, ok := s.PublicKey().(*ssh.Certificate)
		if ok && find(p.signers, cert.Key) != nil && find(signers, cert) == nil {
			signers = append(signers, s)
		}
	}
	return signers
}

func (p *proof) certSigner(file string, cert *ssh.Certificate) (ssh.Signer, error) {
	now := uint64(time.Now().Unix())
	switch {
	case cert.CertType != ssh.UserCert:
		return nil, fmt.Errorf("certificate %s is for a host, not for a user", file)
	case cert.ValidBefore != ssh.CertTimeInfinity && now >= cert.ValidBefore:
		return nil, fmt.Errorf("certificate %s expired at %s", file, time.Unix(int64(cert.ValidBefore), 0).UTC().Format(time.RFC3339))
	case now < cert.ValidAfter:
		return nil, fmt.Errorf("certificate %s is valid from %s", file, time.Unix(int64(cert.ValidAfter), 0).UTC().Format(time.RFC3339))
	}
	signer := find(slices.Concat(p.signers, p.held), cert.Key)
	if signer == nil {
		return nil, fmt.Errorf("certificate %s: its private key is not at hand", file)
	}
	certSigner, err := ssh.NewCertSigner(cert, signer)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", file, err)
	}
	return certSigner, nil
}
