// Package galeraaudit is the kind galera_audit: whether all traffic of a member
// of a Galera cluster is encrypted, with certificates that will last. It judges
// what the wire, the server and the files say, each by itself and against each
// other. It changes nothing. All judging is pure (catalogue.go), so that clusters
// which cannot run in a test are judged by recorded facts.
package galeraaudit

import (
	"context"
	_ "embed"
	"errors"
	"time"

	"lockstep/steps"
	"lockstep/steps/param"
	"lockstep/steps/sqlclient"
)

//go:embed doc.md
var doc string

// Kind describes the kind.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "galera_audit",
		Summary: "tell whether all traffic of a Galera member is encrypted, and what is wrong if not; changes nothing",
		Doc:     doc,
		New: func() steps.Step {
			return &step{handshakes: true, expiresIn: 30 * 24 * time.Hour}
		},
	}
}

type step struct {
	service    string
	handshakes bool
	expiresIn  time.Duration
	login      sqlclient.Login
}

// Params implements steps.Step.
func (s *step) Params(p *param.Set) {
	p.String(&s.service, "service", "the systemd unit of the server; without it mariadb or mysql, whichever the host has")
	p.Bool(&s.handshakes, "handshakes", "whether to try the ports 3306 and 4567; the server counts each look as an aborted connection")
	p.Duration(&s.expiresIn, "expires_in", "a certificate that ends sooner is told")
	s.login.Params(p)
}

// Probe implements steps.Step. There is never anything to change; what is wrong
// is told as notes, since a plan asks galera_survey and verify for decisions.
func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	found, err := s.Audit(ctx, v)
	if err != nil {
		return steps.Change{}, err
	}
	var c steps.Change
	for _, f := range found {
		if f.Result != steps.Passed {
			c.Notes = append(c.Notes, string(f.Severity)+" "+f.ID+": "+f.Subject+": "+f.Found)
		}
	}
	return c, nil
}

// Apply implements steps.Step.
func (s *step) Apply(ctx context.Context, _ steps.Host, c steps.Change) error {
	if !c.Empty() {
		return errors.New("internal error: galera_audit has nothing to apply")
	}
	return ctx.Err()
}

// Verify implements steps.Verifier: there is nothing to prove.
func (s *step) Verify(context.Context, steps.View) error { return nil }

// Audit implements steps.Auditor.
func (s *step) Audit(ctx context.Context, v steps.View) ([]steps.Finding, error) {
	f, err := s.look(ctx, v)
	if err != nil {
		return nil, err
	}
	return judge(f), nil
}
