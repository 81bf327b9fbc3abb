package certs

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
)

// Apply makes the material that Probe asked for: only now, so that a dry run
// shows no fingerprint of a key that will never be. All is made before
// anything is written.
func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	made, err := s.make(ctx, h, c)
	if err != nil {
		return err
	}
	for _, e := range c.Edits {
		if e.After != nil && e.After.Unsettled {
			content := *e.After
			content.Data = made[e.Subject]
			e.After = &content
		}
		if err := steps.ApplyFiles(ctx, h, steps.Change{Edits: []steps.Edit{e}}); err != nil {
			return err
		}
	}
	return nil
}

// make returns the content of each file that c writes, by its path.
func (s *step) make(ctx context.Context, h steps.Host, c steps.Change) (map[string][]byte, error) {
	made := map[string][]byte{}
	if !slices.ContainsFunc(c.Edits, func(e steps.Edit) bool { return e.After != nil && e.After.Unsettled }) {
		return made, nil
	}
	found, err := readSet(ctx, h, s.dir)
	if err != nil {
		return nil, err
	}
	now, err := clock(ctx, h)
	if err != nil {
		return nil, err
	}
	if s.foreign() {
		return made, s.makeForeign(ctx, h, c, found, made)
	}
	ca, err := s.authority(found, c, now)
	if err != nil {
		return nil, err
	}
	if err := s.putCA(made, ca, found, c); err != nil {
		return nil, err
	}
	for _, l := range s.leaves {
		if !writes(c, found.files[l.certFile].at) {
			continue
		}
		if err := ctx.Err(); err != nil { // a long key takes seconds
			return nil, err
		}
		pair, err := ca.Issue(rand.Reader, now, l.request)
		if err != nil {
			return nil, err
		}
		key, err := pair.KeyPEM()
		if err != nil {
			return nil, err
		}
		made[found.files[l.certFile].at], made[found.files[l.keyFile].at] = pair.CertPEM(), key
	}
	return made, nil
}

// makeForeign asks the authority elsewhere for what c writes.
func (s *step) makeForeign(ctx context.Context, h steps.Host, c steps.Change, found set, made map[string][]byte) error {
	for _, l := range s.leaves {
		if !writes(c, found.files[l.certFile].at) {
			continue
		}
		cert, key, err := s.request(ctx, h, l, found)
		if err != nil {
			return err
		}
		made[found.files[l.certFile].at], made[found.files[l.keyFile].at] = cert, key
	}
	return nil
}

func writes(c steps.Change, at string) bool {
	return slices.ContainsFunc(c.Edits, func(e steps.Edit) bool { return e.Subject == at && e.After != nil && e.After.Unsettled })
}

// authority makes a new one if c says so, and else takes that which is there.
func (s *step) authority(found set, c steps.Change, now time.Time) (*pki.Pair, error) {
	if !writes(c, found.files[caCert].at) {
		ca, err := s.judgeCA(found, now)
		if err == nil && ca.why != "" {
			err = fmt.Errorf("the authority in %s is another than a moment ago: %w", s.dir, steps.ErrDrifted)
		}
		return ca.pair, err
	}
	return pki.NewCA(rand.Reader, now, pki.CARequest{Name: s.name, Algorithm: pki.Algorithm(s.key), Lifetime: s.caLifetime})
}

// putCA adds those files of the authority that c writes.
func (s *step) putCA(made map[string][]byte, ca *pki.Pair, found set, c steps.Change) error {
	made[found.files[caCert].at] = ca.CertPEM()
	at := found.files[caKey].at
	if !writes(c, at) {
		return nil
	}
	var err error
	if s.passphrase == "" {
		made[at], err = ca.KeyPEM()
	} else {
		made[at], err = pki.EncryptKey(ca.Key, s.passphrase)
	}
	return err
}
