// Package survey is the kind galera_survey: what a member of a Galera cluster
// is and which of its traffic is encrypted, in its files, in its server and on
// the wire. It changes nothing and finds nothing wrong: it reports.
package survey

import (
	"context"
	_ "embed"
	"errors"

	"lockstep/steps"
	"lockstep/steps/param"
	"lockstep/steps/sqlclient"
	"lockstep/steps/wsrep"
)

//go:embed doc.md
var doc string

// Kind describes the kind.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "galera_survey",
		Summary: "report what a Galera member is and which of its traffic is encrypted; changes nothing",
		Doc:     doc,
		New:     func() steps.Step { return &step{handshakes: true, report: report(found{})} },
	}
}

type step struct {
	service    string
	handshakes bool
	login      sqlclient.Login

	report map[string]any // of the last Probe
}

// Params implements steps.Step.
func (s *step) Params(p *param.Set) {
	p.String(&s.service, "service", "the systemd unit of the server; without it mariadb or mysql, whichever the host has")
	p.Bool(&s.handshakes, "handshakes", "whether to see which certificates the ports 3306 and 4567 present; the server counts each look as an aborted connection")
	s.login.Params(p)
}

// Probe implements steps.Step. There is never anything to change.
func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	f, err := s.look(ctx, v)
	if err != nil {
		return steps.Change{}, err
	}
	s.report = report(f)
	return steps.Change{Notes: f.notes()}, nil
}

// Apply implements steps.Step.
func (s *step) Apply(ctx context.Context, _ steps.Host, c steps.Change) error {
	if !c.Empty() {
		return errors.New("internal error: galera_survey has nothing to apply")
	}
	return ctx.Err()
}

// Verify implements steps.Verifier: there is nothing to prove.
func (s *step) Verify(context.Context, steps.View) error { return nil }

// Report implements steps.Reporter.
func (s *step) Report() map[string]any { return s.report }

func (s *step) member(ctx context.Context, r steps.Reader) (wsrep.Member, error) {
	service, err := wsrep.FindService(ctx, r, s.service)
	if err != nil {
		return wsrep.Member{}, err
	}
	return wsrep.Read(ctx, r, service.Name, s.login)
}
