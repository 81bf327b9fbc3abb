package verify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/param"
)

// certs are certificate files on the host.
type certs struct {
	files     []string
	expiresIn time.Duration
	sets      []set
}

func (c *certs) params(p *param.Set) {
	p.Paths(&c.files, "files", "the certificate files; every certificate in them counts")
	p.Duration(&c.expiresIn, "expires_in", "how long each of files must still be valid")
	param.List(p, &c.sets, "sets", "certificates with their key and authority, judged before anything is changed as the servers would", (*set).params)
}

func (c *certs) checks() []check {
	var checks []check
	for _, file := range c.files {
		checks = append(checks, func(ctx context.Context, w world) error {
			found, err := w.certs(ctx, file)
			if err != nil {
				return err
			}
			for _, one := range found {
				if err := lasts(file, one, w.now, c.expiresIn); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range c.sets {
		checks = append(checks, c.sets[i].check)
	}
	return checks
}

// lasts judges the dates of a certificate by the host's clock.
func lasts(file string, c *x509.Certificate, now time.Time, want time.Duration) error {
	const day = "2006-01-02 15:04 UTC"
	p := &steps.Problem{What: fmt.Sprintf("%s: %s", file, pki.DescribeCert(c)), Why: "the host's clock says " + now.UTC().Format(day)}
	switch {
	case now.Before(c.NotBefore):
		p.What += " is not valid before " + c.NotBefore.UTC().Format(day)
		p.Do = "set the host's clock, or wait: a node would refuse it now"
	case now.After(c.NotAfter):
		p.What += " expired on " + c.NotAfter.UTC().Format(day)
		p.Do = "renew it before any node is restarted: links that are up stay up, but no node can join"
	case now.Add(want).After(c.NotAfter):
		p.What += fmt.Sprintf(" expires on %s, in less than %s", c.NotAfter.UTC().Format(day), param.FormatDuration(want))
		p.Do = "renew it"
	default:
		return nil
	}
	return p
}

// certs reads a file of certificates from the host.
func (w world) certs(ctx context.Context, file string) ([]*x509.Certificate, error) {
	data, err := w.view.Self.ReadFile(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	found, err := pki.ParseCerts(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return found, nil
}

// pair reads a certificate with its key from the host. The key stays in memory.
func (w world) pair(ctx context.Context, cert, key string) (*tls.Certificate, error) {
	var data [2][]byte
	for i, file := range []string{cert, key} {
		var err error
		if data[i], err = w.view.Self.ReadFile(ctx, file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	p, err := pki.LoadPair(data[0], data[1])
	if err != nil {
		return nil, &steps.Problem{What: fmt.Sprintf("%s and %s: %v", cert, key, err), Do: "deploy the certificate and the key of the same set"}
	}
	return &tls.Certificate{Certificate: [][]byte{p.Cert.Raw}, PrivateKey: p.Key, Leaf: p.Cert}, nil
}
