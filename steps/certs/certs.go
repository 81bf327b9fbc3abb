// Package certs is the kind that makes and renews a cluster's certificates on
// the control machine: an authority, a certificate for the servers and one for
// the clients. It does not bring them to hosts. It replaces an authority only
// where the plan says that it rotates, and keeps the former one aside.
package certs

import (
	"context"
	_ "embed" // for doc.md
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/param"
)

//go:embed doc.md
var doc string

// Kind describes the kind to the registry.
func Kind() steps.Kind {
	return steps.Kind{
		Name:      "certs",
		Summary:   "a cluster's authority and certificates, made and renewed on the control machine",
		Doc:       doc,
		OnControl: true,
		New:       newStep,
	}
}

const day = 24 * time.Hour

func newStep() steps.Step {
	return &step{source: fromOwn, key: string(pki.RSA2048), issue: []string{string(pki.RoleServer), string(pki.RoleClient)}, caLifetime: pki.DefaultCALife, lifetime: pki.DefaultLeafLife, renewBefore: 30 * day}
}

type step struct {
	dir, name, key, passphrase        string
	source                            string
	names, issue, deployed            []string
	command, env                      []string
	acme                              acme
	caLifetime, lifetime, renewBefore time.Duration

	// When the authority is replaced; never where both are zero.
	caRenewBefore time.Duration
	caSinceText   string
	caSince       time.Time

	// leaves are the requests of the last probe, which alone knows the peers.
	leaves []leaf
}

func (s *step) Params(p *param.Set) {
	p.ControlPath(&s.dir, "dir", "the directory on the control machine that holds the files", param.Required())
	p.String(&s.name, "name", "the cluster's name, from which the subjects are made", param.Required())
	p.Strings(&s.names, "names", "host names and addresses in the server certificate; those of all hosts of the plan and localhost when left out")
	p.Strings(&s.issue, "issue", "which certificates are made; an empty list makes the authority alone", param.OneOf(string(pki.RoleServer), string(pki.RoleClient)))
	p.String(&s.source, "source", "where certificates come from: the authority in dir, files that somebody puts there, a command that asks an authority elsewhere, or an ACME server", param.OneOf(fromOwn, fromFiles, fromCommand, fromACME))
	p.Strings(&s.command, "command", "the program of source: command, and its arguments; it reads a signing request and prints the certificate and its chain")
	p.Strings(&s.env, "secret_env", "secrets that the program finds in its environment, as NAME=value")
	p.Object("acme", "the server of source: acme", s.acme.params)
	p.String(&s.passphrase, "ca_passphrase", "encrypts the authority's key, and opens it; a !secret. Without it the key is not encrypted")
	p.Paths(&s.deployed, "deployed", "the CA files on the hosts; while one of them holds another authority than dir, nothing is made and the run ends")
	p.String(&s.key, "key", "the kind of new keys; ecdsa-p256 needs MySQL 8.0 or MariaDB 10.4", param.OneOf(algorithms()...))
	p.Duration(&s.caLifetime, "ca_lifetime", "how long a new authority is valid")
	p.Duration(&s.lifetime, "lifetime", "how long a new certificate is valid, but never longer than the authority")
	p.Duration(&s.renewBefore, "renew_before", "how long before its end a certificate is renewed, but at most a third of its life")
	p.Duration(&s.caRenewBefore, "ca_renew_before", "how long before its end the authority is replaced, but at most a third of its life; without it and ca_since never. Only for a plan that rotates, see below")
	p.String(&s.caSinceText, "ca_since", "an authority that was made before this day or moment is replaced: 2027-01-31, or 2027-01-31T18:00:00Z. Only for a plan that rotates")
}

func algorithms() []string {
	var words []string
	for _, a := range pki.Algorithms() {
		words = append(words, string(a))
	}
	return words
}

// maxName leaves room in a common name, which has 64 bytes at most, for what
// the authority's gets behind it: " CA 20270101-1a2b3c4d".
const maxName = 40

// minPassphrase is the least that OpenSSL's commands take when they encrypt.
const minPassphrase = 4

// Check finds parameters that do not go together.
func (s *step) Check() error {
	var problems *multierror.Error
	if s.name == "" || len(s.name) > maxName {
		problems = multierror.Append(problems, fmt.Errorf("name must have 1 to %d bytes", maxName))
	}
	if s.passphrase != "" && len(s.passphrase) < minPassphrase {
		problems = multierror.Append(problems, fmt.Errorf("ca_passphrase must have %d bytes or more", minPassphrase))
	}
	if err := s.checkSource(); err != nil {
		problems = multierror.Append(problems, err)
	}
	if err := s.checkRotation(); err != nil {
		problems = multierror.Append(problems, err)
	}
	if s.lifetime == 0 || s.caLifetime == 0 {
		problems = multierror.Append(problems, errors.New("lifetime and ca_lifetime must be longer than nothing"))
	}
	if s.lifetime > s.caLifetime {
		problems = multierror.Append(problems, fmt.Errorf("lifetime (%s) is longer than ca_lifetime (%s): a certificate ends with its authority",
			param.FormatDuration(s.lifetime), param.FormatDuration(s.caLifetime)))
	}
	return problems.ErrorOrNil()
}

// The names of the files, as MySQL's documentation has them.
const (
	caCert, caKey         = "ca.pem", "ca-key.pem"
	serverCert, serverKey = "server-cert.pem", "server-key.pem"
	clientCert, clientKey = "client-cert.pem", "client-key.pem"
)

// Needs lists what somebody else brings: nothing of our own authority's.
func (s *step) Needs() []string {
	switch s.source {
	case fromFiles:
		return append([]string{s.at(caCert)}, s.leafPaths()...)
	case fromCommand, fromACME:
		return []string{s.at(caCert)}
	}
	return nil
}

// Makes lists the files that are there afterwards.
func (s *step) Makes() []string {
	switch s.source {
	case fromFiles:
		return nil
	case fromCommand, fromACME:
		return s.leafPaths()
	}
	return append([]string{s.at(caCert), s.at(caKey)}, s.leafPaths()...)
}

func (s *step) leafPaths() []string {
	var paths []string
	for _, l := range s.requests(nil) {
		paths = append(paths, s.at(l.certFile), s.at(l.keyFile))
	}
	return paths
}

func (s *step) secrets() []string {
	var all []string
	if s.passphrase != "" {
		all = append(all, s.passphrase)
	}
	for _, e := range slices.Concat(s.env, s.acme.env()) {
		_, value, _ := strings.Cut(e, "=")
		all = append(all, value)
	}
	return all
}

func (s *step) at(name string) string { return path.Join(s.dir, name) }

func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	found, err := readSet(ctx, v.Self, s.dir)
	if err != nil {
		return steps.Change{}, err
	}
	now, err := clock(ctx, v.Self)
	if err != nil {
		return steps.Change{}, err
	}
	onHosts, err := s.readDeployed(ctx, v.Peers())
	if err != nil {
		return steps.Change{}, err
	}
	s.leaves = s.requests(v.Peers())
	if s.foreign() {
		c, err := s.judgeForeign(found, onHosts, now)
		if err == nil && s.source == fromACME && len(c.Edits) > 0 {
			err = findProgram(ctx, v.Self)
		}
		return c, err
	}
	return s.judge(found, onHosts, now)
}

// judge is pure: it compares the wanted set with the found one, and with what
// hosts trust already.
func (s *step) judge(found set, onHosts []deployed, now time.Time) (steps.Change, error) {
	var c steps.Change
	add := func(edits ...steps.Edit) { c.Edits = append(c.Edits, edits...) }
	add(keepDir(s.dir, found.dir)...)
	ca, err := s.judgeCA(found, now)
	if err == nil {
		err = s.agrees(s.ours(ca, found), onHosts)
	}
	if err != nil {
		return steps.Change{}, err
	}
	if ca.why == "" {
		add(s.keepCA(found)...)
	} else {
		add(s.newCA(found, ca)...)
	}
	c.Secrets = s.secrets()
	for _, l := range s.leaves {
		why, err := s.judgeLeaf(found, l, ca, now)
		if err != nil {
			return steps.Change{}, err
		}
		if why == "" {
			add(found.keep(l.keyFile, l.certFile)...)
		} else {
			add(found.write(l.keyFile, "new private key, "+s.key, why), found.write(l.certFile, s.describe(l), why))
		}
	}
	return c, nil
}
