// Package verify is the kind verify: proof from the wire and from the server
// that a host encrypts what it should. It changes nothing, and it believes no
// option file: what counts is what a server answers.
package verify

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-multierror"

	"lockstep/steps"
	"lockstep/steps/param"
	"lockstep/steps/sqlclient"
)

//go:embed doc.md
var doc string

// Kind describes the kind.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "verify",
		Summary: "prove by handshakes and queries that a host encrypts its traffic; changes nothing",
		Doc:     doc,
		New: func() steps.Step {
			return &step{
				mysql:  mysql{port: 3306, plaintextRefused: true},
				galera: galera{port: 4567, plaintextRefused: true, own: true},
				certs:  certs{expiresIn: 30 * 24 * time.Hour},
			}
		},
	}
}

type step struct {
	address string
	mysql   mysql
	galera  galera
	certs   certs
	sql     []query
	login   sqlclient.Login
}

// Params implements steps.Step.
func (s *step) Params(p *param.Set) {
	p.Object("mysql", "what the port for clients must do", s.mysql.params)
	p.Object("galera", "what the port for replication must do, on this host and, seen from it, on all others of the stage", s.galera.params)
	p.Object("certificates", "certificate files on the host that must stay valid", s.certs.params)
	param.List(p, &s.sql, "sql", "queries of the local server, each with the answer that is wanted", (*query).params)
	p.String(&s.address, "address", "the host's address for the connections; without it the one of the inventory")
	s.login.Params(p)
}

// Check implements steps.Checker.
func (s *step) Check() error {
	if s.mysql.ca == "" && s.galera.ca == "" && len(s.certs.files)+len(s.certs.sets)+len(s.sql) == 0 {
		return errors.New("nothing is to be proven: give mysql, galera, certificates or sql")
	}
	if (s.mysql.clientCert == "") != (s.mysql.clientKey == "") {
		return errors.New("mysql.client_cert and mysql.client_key go together")
	}
	return nil
}

// Probe implements steps.Step. There is never anything to change. The sets are
// judged already here, so that a dry run refuses the files that the run would
// write: once servers were stopped it is too late.
func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	if len(s.certs.sets) == 0 {
		return steps.Change{}, nil
	}
	w, err := s.world(ctx, v)
	if err != nil {
		return steps.Change{}, err
	}
	notes, err := s.certs.judgeSets(ctx, w)
	return steps.Change{Notes: notes}, err
}

// Apply implements steps.Step.
func (s *step) Apply(ctx context.Context, _ steps.Host, c steps.Change) error {
	if !c.Empty() {
		return errors.New("internal error: verify has nothing to apply")
	}
	return ctx.Err()
}

// Verify implements steps.Verifier. All that is not as wanted is in the one
// error, in the order of the parameters.
func (s *step) Verify(ctx context.Context, v steps.View) error {
	w, err := s.world(ctx, v)
	if err != nil {
		return err
	}
	var checks []check
	if s.mysql.ca != "" {
		checks = append(checks, s.mysql.checks()...)
	}
	if s.galera.ca != "" {
		checks = append(checks, s.galera.checks(v)...)
	}
	checks = append(checks, s.certs.checks()...)
	for _, q := range s.sql {
		checks = append(checks, q.check)
	}
	return all(ctx, w, checks)
}

// world is what a check may look at.
type world struct {
	view    steps.View
	now     time.Time // by the host's clock, since it decides what is expired there
	address string
	login   sqlclient.Login
}

func (s *step) world(ctx context.Context, v steps.View) (world, error) {
	now, err := clock(ctx, v.Self)
	w := world{view: v, now: now, address: s.address, login: s.login}
	if w.address == "" {
		w.address = v.Self.Address()
	}
	return w, err
}

// check proves one thing, or says why it does not hold.
type check func(ctx context.Context, w world) error

// patience bounds each check: a server that takes a connection and then says
// nothing would hold it for ever.
const patience = 30 * time.Second

// all runs the checks at the same time, so that the waits of several
// handshakes are one wait.
func all(ctx context.Context, w world, checks []check) error {
	errs := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() {
			ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
			defer cancel()
			errs[i] = c(ctx, w)
		})
	}
	wg.Wait()
	var problems *multierror.Error
	for _, err := range errs {
		if err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	if problems != nil && len(problems.Errors) == 1 {
		return problems.Errors[0]
	}
	return problems.ErrorOrNil()
}

const clockFormat = "2006-01-02T15:04:05Z"

func clockQuery() steps.Command {
	return steps.Command{Argv: []string{"date", "-u", "+%Y-%m-%dT%H:%M:%SZ"}}
}

func clock(ctx context.Context, r steps.Reader) (time.Time, error) {
	c := clockQuery()
	out, err := r.Query(ctx, c)
	if err := steps.Succeed(c, out, err); err != nil {
		return time.Time{}, err
	}
	now, err := time.Parse(clockFormat, strings.TrimSpace(string(out.Stdout)))
	if err != nil {
		return time.Time{}, fmt.Errorf("date told %q, which is not a time", out.Stdout)
	}
	return now, nil
}

// endpoint writes host:port, also for IPv6.
func endpoint(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// dial connects as the host itself does, so that its wire is what is tested.
func (w world) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := w.view.Self.Dial(ctx, address)
	if err == nil {
		return conn, nil
	}
	if _, unforeseen := steps.IsUnforeseen(err); unforeseen || ctx.Err() != nil {
		return nil, err
	}
	return nil, &steps.Problem{What: fmt.Sprintf("%s: no connection from %s: %v", address, w.view.Self.Name(), err),
		Do: "check that the server runs and listens on that address, and that no firewall is between", Err: err}
}
