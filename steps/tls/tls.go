// Package tls is the kind tls: a server has loaded the certificates that are in
// its files. It decides by handshakes, lets the server read its files anew or
// restarts it, and refuses what would cut a member off from its cluster. It
// writes no file.
package tls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed" // for doc.md
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/param"
	"lockstep/steps/rotation"
	"lockstep/steps/unit"
)

//go:embed doc.md
var doc string

// Kind describes the kind to the registry.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "tls",
		Summary: "a server that has loaded the certificates in its files, by a reload or a restart",
		Doc:     doc,
		New:     func() steps.Step { return &step{how: auto} },
	}
}

// How a server takes over its files.
const (
	auto    = "auto"
	reload  = "reload"
	restart = "restart"
)

const (
	summaryReload  = "reload certificates"
	summaryRestart = "restart"
)

type step struct {
	ca, cert, key       string
	proveCert, proveKey string
	how                 string
	files               []string
	ports               rotation.Ports
	access              rotation.Access
	found               finding // of the last Probe, for what Apply foresees
	holds               bool    // the last Probe found nothing to do
}

// Params implements steps.Step.
func (s *step) Params(p *param.Set) {
	p.Path(&s.ca, "ca", "the CA file on the host", param.Required())
	p.Path(&s.cert, "cert", "the server's certificate file on the host", param.Required())
	p.Path(&s.key, "key", "the key of cert", param.Required())
	p.ControlPath(&s.proveCert, "prove_cert", "a certificate on the control machine that is to come; the server must let it in")
	p.ControlPath(&s.proveKey, "prove_key", "the key of prove_cert")
	p.String(&s.how, "how", "auto reloads where the server can, and else restarts it", param.OneOf(auto, reload, restart))
	p.Paths(&s.files, "files", "what the server reads at start, if a later step of the kind service judges that; the same list as there")
	s.ports.Params(p)
	s.access.Params(p)
}

// Check implements steps.Checker.
func (s *step) Check() error {
	if (s.proveCert == "") != (s.proveKey == "") {
		return errors.New("prove_cert and prove_key go together")
	}
	if s.ports.MySQL == 0 && s.ports.Galera == 0 {
		return errors.New("mysql_port and galera_port are both 0: name one where the certificates are presented")
	}
	return nil
}

// Needs lists what is read on the control machine.
func (s *step) Needs() []string {
	if s.proveCert == "" {
		return nil
	}
	return []string{s.proveCert, s.proveKey}
}

// Makes is empty: nothing is made on the control machine.
func (s *step) Makes() []string { return nil }

// finding is what a probe found: the host first, then its peers.
type finding struct {
	now     time.Time
	members []rotation.Member
	chain   []*x509.Certificate // of the certificate in the host's file
	pair    *tls.Certificate    // the same with its key
	prove   *tls.Certificate    // nil without one
	guests  []guest
	fresh   bool // the certificate is made at apply
}

func (f finding) self() rotation.Member { return f.members[0] }

// guest is a certificate that the server must let in.
type guest struct {
	whose string
	pair  *tls.Certificate
}

func (s *step) look(ctx context.Context, v steps.View) (f finding, err error) {
	if f.now, err = rotation.Now(ctx, v.Self); err != nil {
		return f, err
	}
	files := rotation.Files{CA: s.ca, Certs: []string{s.cert}, Ports: s.ports, Access: s.access}
	if f.members, err = files.Look(ctx, v); err != nil || !f.self().Server.Up {
		return f, err
	}
	if f.pair, err = rotation.ReadPair(ctx, v.Self, s.cert, s.key); err != nil {
		return f, err
	}
	if f.pair == nil || f.self().Trusts == nil {
		return f, s.missing(f.self())
	}
	own, _ := f.self().File(s.cert)
	f.chain = own.Chain
	_, stat, err := steps.Follow(ctx, v.Self, s.cert)
	if err != nil {
		return f, err
	}
	f.fresh = stat.Unsettled
	return f, s.invite(ctx, v, &f)
}

func (s *step) missing(self rotation.Member) error {
	if self.Broken != nil {
		return &steps.Problem{What: self.Name + ": " + self.Broken.Error(), Err: self.Broken, Do: "write it anew with a trust step before this one"}
	}
	return &steps.Problem{What: fmt.Sprintf("%s lacks one of %s, %s and %s", self.Name, s.ca, s.cert, s.key),
		Do: "bring all three to the host in steps before this one"}
}

// invite gathers whom the server must let in: who has a certificate that it is
// to trust, each once.
func (s *step) invite(ctx context.Context, v steps.View, f *finding) (err error) {
	add := func(whose string, pair *tls.Certificate) {
		if !slices.ContainsFunc(f.guests, func(g guest) bool { return g.pair.Leaf.Equal(pair.Leaf) }) {
			f.guests = append(f.guests, guest{whose, pair})
		}
	}
	if s.proveCert != "" {
		if f.prove, err = rotation.ReadPair(ctx, v.Control, s.proveCert, s.proveKey); err != nil {
			return err
		}
		if f.prove == nil {
			return &steps.Problem{What: fmt.Sprintf("%s or its key does not exist on the control machine", s.proveCert), Do: "make it with a certs step before this one"}
		}
		add("the control machine ("+path.Base(s.proveCert)+")", f.prove)
	}
	add(v.Self.Name(), f.pair)
	for _, peer := range v.Peers() {
		pair, err := rotation.ReadPair(ctx, peer, s.cert, s.key)
		if err != nil {
			return err
		}
		if pair != nil {
			add(peer.Name(), pair)
		}
	}
	return nil
}

// Probe implements steps.Step.
func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	s.holds = false
	f, err := s.look(ctx, v)
	if err != nil {
		return steps.Change{}, err
	}
	if !f.self().Server.Up {
		return steps.Change{Notes: []string{"no server runs there that could load certificates"}}, nil
	}
	s.found = f
	if err := rotation.Legal(f.members, s.cert, f.now); err != nil {
		return steps.Change{}, err
	}
	if err := s.sound(f); err != nil {
		return steps.Change{}, err
	}
	why, err := s.differs(ctx, f)
	if err != nil || why == "" {
		s.holds = err == nil
		return steps.Change{}, err
	}
	how, err := s.choose(f.self().Server)
	if err == nil {
		err = s.mayLoad(ctx, v, f, how)
	}
	if err != nil {
		return steps.Change{}, err
	}
	service := f.self().Server.Unit.Name
	e := steps.Edit{Op: steps.Run, Subject: "service " + service, Summary: summaryReload, Why: why, Disrupts: unit.Disruption(service, steps.Reloads)}
	if how == restart {
		e.Summary, e.Disrupts = summaryRestart, unit.Disruption(service, steps.Restarts)
	}
	return steps.Change{Edits: []steps.Edit{e}}, nil
}

// Apply implements steps.Step.
func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	if c.Empty() {
		return ctx.Err()
	}
	server := s.found.self().Server
	foreseen := s.access.Foreseen(server, s.found.chain[:1], s.found.self().Trusts)
	if c.Edits[0].Summary == summaryRestart {
		return server.Restart(ctx, h, acting{h, foreseen}, s.files...)
	}
	sql, why := server.Reload()
	if why != "" {
		return errors.New("internal error: " + why)
	}
	command := s.access.Login.Query(sql)
	command.Writes = []string{rotation.Loaded(server.Unit.Name)}
	command.Foresees = []steps.Foreseen{foreseen}
	out, err := h.Exec(ctx, command)
	if err == nil && out.Code != 0 {
		return &steps.Problem{What: "the server does not load its certificates: " + sql, Why: strings.TrimSpace(string(out.Stderr)),
			Do: "see whether it may read the files as its own user; it goes on with those that it had"}
	}
	return err
}

// acting adds to the start of a service what the server will have loaded.
type acting struct {
	steps.Host
	foreseen steps.Foreseen
}

// Exec changes the act itself, which is the one that may take long.
func (a acting) Exec(ctx context.Context, c steps.Command) (steps.Output, error) {
	if c.Long {
		c.Foresees = append(c.Foresees, a.foreseen)
	}
	return a.Host.Exec(ctx, c)
}

// Verify implements steps.Verifier: all that Probe asks for holds by now. Where
// the handshakes of Probe have just proven it, they are not made again.
func (s *step) Verify(ctx context.Context, v steps.View) error {
	if s.holds {
		return ctx.Err()
	}
	once := *s
	c, err := once.Probe(ctx, v)
	if err != nil || c.Empty() {
		return err
	}
	return &steps.Problem{What: "the server has not loaded its certificates: " + c.Edits[0].Why,
		Do: "look at its log for the reason, then run again"}
}

// Rank implements steps.Ranker. A member whose own certificate the others do not
// let in yet comes last: they will by then.
func (s *step) Rank(ctx context.Context, v steps.View) (int, error) {
	f, err := s.look(ctx, v)
	if err != nil || !f.self().Server.Up || len(exchanged(f)) == 0 {
		return 0, err
	}
	refused, err := s.strangers(ctx, f)
	if err != nil || len(refused) == 0 {
		return 0, err
	}
	return 1, nil
}

// exchanged are the ports that do not present the certificate of the file.
func exchanged(f finding) []rotation.Leaf {
	return slices.DeleteFunc(slices.Clone(f.self().Presents), func(l rotation.Leaf) bool { return l.Chain[0].Equal(f.chain[0]) })
}

// differs tells why the server must load its files, or "".
func (s *step) differs(ctx context.Context, f finding) (string, error) {
	if f.prove != nil {
		if err := rotation.Trusted([]*x509.Certificate{f.prove.Leaf}, f.self().Trusts, f.now); err != nil {
			return "", &steps.Problem{What: fmt.Sprintf("%s does not trust what is to come: %v", s.ca, err), Err: err,
				Do: "put a trust step with the same ca.pem before this one"}
		}
	}
	if other := exchanged(f); len(other) > 0 && f.fresh {
		return s.cert + " will hold a certificate that is made at apply", nil
	} else if len(other) > 0 {
		return fmt.Sprintf("it presents another certificate on %s than %s holds (sha256 %s, not %s)", other[0].Where, s.cert,
			pki.Short(pki.Fingerprint(other[0].Chain[0])), pki.Short(pki.Fingerprint(f.chain[0]))), nil
	}
	refusals, err := each(f.guests, func(g guest) (string, error) {
		if rotation.Valid([]*x509.Certificate{g.pair.Leaf}, f.self().Trusts, f.now) != nil {
			return "", nil // expired: no reload makes it welcome
		}
		why, err := f.self().Refuses(ctx, g.pair, f.now)
		if why != "" {
			why = fmt.Sprintf("it does not let in the certificate of %s, which %s trusts: %s", g.whose, s.ca, why)
		}
		return why, err
	})
	if err != nil || len(refusals) == 0 {
		return "", err
	}
	return refusals[0], nil
}

// strangers are the peers that do not let in the certificate of the host's file,
// each with its refusal.
func (s *step) strangers(ctx context.Context, f finding) ([]string, error) {
	return each(f.members[1:], func(peer rotation.Member) (string, error) {
		if !peer.Server.Up {
			return "", nil
		}
		why, err := peer.Refuses(ctx, f.pair, f.now)
		if why != "" {
			why = fmt.Sprintf("%s does not let in the certificate of %s (%s): %s", peer.Name, f.self().Name, s.cert, why)
		}
		return why, err
	})
}

// each asks all at the same time, and returns the answers that are not empty in
// the order of what was asked.
func each[T any](all []T, ask func(T) (string, error)) ([]string, error) {
	said, errs := make([]string, len(all)), make([]error, len(all))
	var wg sync.WaitGroup
	for i, one := range all {
		wg.Go(func() { said[i], errs[i] = ask(one) })
	}
	wg.Wait()
	return slices.DeleteFunc(said, func(text string) bool { return text == "" }), errors.Join(errs...)
}

// sound refuses files that a server would refuse. A certificate that it presents
// already is not refused for having expired: with it in place the new authority
// can be taken over as well.
func (s *step) sound(f finding) error {
	at := f.now
	if len(exchanged(f)) == 0 {
		at = rotation.Before(f.chain, f.self().Trusts, f.now)
	}
	set := pki.Set{Cert: encode(f.chain), CA: encode(f.self().Trusts)} // that the key belongs to it is proven
	for _, found := range pki.Check(set, pki.CheckOptions{Now: at, Warn: 1, Fail: 1}) {
		if found.Severity >= pki.Fail {
			return &steps.Problem{What: fmt.Sprintf("%s on %s: %s", s.cert, f.self().Name, found.What), Why: found.Why, Do: found.Do}
		}
	}
	return nil
}

func encode(certs []*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pki.EncodeCert(c)...)
	}
	return out
}
