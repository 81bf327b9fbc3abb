package certs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
)

// Where certificates come from.
const (
	fromOwn     = "own"     // the authority in dir
	fromFiles   = "files"   // somebody puts them into dir
	fromCommand = "command" // a program sends requests to an authority elsewhere
	fromACME    = "acme"    // lockstep itself is this program, see acme.go
)

func (s *step) foreign() bool { return s.source != fromOwn }

func (s *step) checkSource() error {
	switch {
	case s.source == fromCommand && len(s.command) == 0:
		return errors.New("source: command needs command: a program and its arguments")
	case s.source != fromCommand && len(s.command) > 0:
		return errors.New("command goes with source: command")
	case s.source != fromCommand && s.source != fromACME && len(s.env) > 0:
		return errors.New("secret_env goes with source: command and source: acme")
	case s.foreign() && s.passphrase != "":
		return fmt.Errorf("ca_passphrase goes with an authority of our own, not with source: %s", s.source)
	}
	for _, e := range s.env {
		if name, value, ok := strings.Cut(e, "="); !ok || name == "" || value == "" {
			return errors.New("secret_env must hold NAME=value each")
		}
	}
	return s.checkACME()
}

// program asks the authority elsewhere; by is how it is called.
func (s *step) program() (argv []string, by string) {
	if s.source == fromACME {
		return s.acme.argv(s.at(AccountKey)), s.acme.directory
	}
	return s.command, s.command[0]
}

// judgeForeign compares with a set whose authority is elsewhere: ca.pem is
// given, and says whom the hosts trust.
func (s *step) judgeForeign(found set, onHosts []deployed, now time.Time) (steps.Change, error) {
	c := steps.Change{Edits: keepDir(s.dir, found.dir), Secrets: s.secrets()}
	if !found.files[caCert].exists() {
		return steps.Change{}, &steps.Problem{What: s.at(caCert) + " is missing",
			Why: "it says which authority the hosts trust, and nothing that is answered is believed without it",
			Do:  "put the certificate of the authority there, up to its root"}
	}
	cas, err := pki.ParseCerts(found.files[caCert].data)
	if err != nil {
		return steps.Change{}, s.unreadable(caCert, err)
	}
	if err := s.agrees(cas, onHosts); err != nil {
		return steps.Change{}, err
	}
	c.Edits = append(c.Edits, found.keep(caCert)...)
	for _, l := range s.leaves {
		why := s.foreignReason(found, l, now)
		switch {
		case why == "":
			c.Edits = append(c.Edits, found.keep(l.keyFile, l.certFile)...)
		case s.source == fromFiles:
			return steps.Change{}, &steps.Problem{What: s.at(l.certFile) + " must be replaced", Why: why, Do: "put a new one there with its key, from where it comes"}
		default:
			_, by := s.program()
			c.Edits = append(c.Edits, found.write(l.keyFile, "new private key, "+s.key, why),
				found.write(l.certFile, fmt.Sprintf("new certificate %s, by %s", called(l.request), by), why))
		}
	}
	return c, nil
}

// called is how a request names what it asks for.
func called(r pki.LeafRequest) string {
	if r.CommonName == "" {
		return "for " + strings.Join(r.Names, ", ")
	}
	return fmt.Sprintf("CN %q", r.CommonName)
}

// foreignReason tells why a certificate cannot stay, or "". What an authority
// puts into it beyond the request is its business.
func (s *step) foreignReason(found set, l leaf, now time.Time) string {
	cert, key := found.files[l.certFile], found.files[l.keyFile]
	switch {
	case !cert.exists() && !key.exists():
		return "there is none yet"
	case !cert.exists():
		return l.certFile + " is missing"
	case !key.exists():
		return l.keyFile + " is missing"
	case cert.stat.Unsettled && len(cert.data) == 0: // a dry run has it made
		return ""
	}
	horizon := s.renewBefore
	if certs, err := pki.ParseCerts(cert.data); err == nil {
		horizon = s.horizon(certs[0])
	}
	return objections(pki.Set{Cert: cert.data, Key: key.data, CA: found.files[caCert].data}, l, now, horizon)
}

// objections are what OpenSSL would refuse a set for, names that it lacks, and
// an end within the horizon.
func objections(set pki.Set, l leaf, now time.Time, horizon time.Duration) string {
	horizon = max(horizon, time.Nanosecond) // zero would be the default
	var why []string
	for _, f := range pki.Check(set, pki.CheckOptions{Now: now, Warn: horizon, Fail: horizon, Role: l.request.Role, Names: l.request.Names}) {
		if f.Severity == pki.Fail || f.Code == pki.CodeNames {
			why = append(why, f.What)
		}
	}
	return strings.Join(why, "; ")
}

// request sends a new key's request to the authority. The content is nil in a
// dry run, which cannot know the answer.
func (s *step) request(ctx context.Context, h steps.Host, l leaf, found set) (cert, key []byte, err error) {
	private, err := pki.GenerateKey(rand.Reader, pki.Algorithm(s.key))
	if err != nil {
		return nil, nil, err
	}
	csr, err := pki.NewRequest(rand.Reader, private, l.request)
	if err != nil {
		return nil, nil, err
	}
	answers := "certificates for " + s.dir
	argv, by := s.program()
	c := steps.Command{Argv: argv, Stdin: csr, Env: slices.Concat(s.env, s.acme.env()), Writes: []string{answers}}
	out, err := h.Exec(ctx, c)
	if err := steps.Succeed(c, out, err); err != nil {
		return nil, nil, err
	}
	now, err := clock(ctx, h, answers) // an answer may be valid from this moment on
	if _, dry := steps.IsUnforeseen(err); dry {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if key, err = pki.EncodeKey(private); err != nil {
		return nil, nil, err
	}
	if cert, err = pki.Chain(out.Stdout, private.Public()); err == nil {
		err = sound(pki.Set{Cert: cert, Key: key, CA: found.files[caCert].data}, l, now)
	}
	if err != nil {
		return nil, nil, &steps.Problem{What: fmt.Sprintf("what %s answered cannot be used for %s", by, s.at(l.certFile)),
			Why: err.Error(), Err: err, Do: "correct the authority's settings, or ca.pem; nothing was written" + s.acme.advice()}
	}
	return cert, key, nil
}

func sound(set pki.Set, l leaf, now time.Time) error {
	if why := objections(set, l, now, 0); why != "" {
		return errors.New(why)
	}
	return nil
}
