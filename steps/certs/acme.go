package certs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/param"
)

// acme are the parameters of source: acme. The order is made by the program
// lockstep, so that a dry run, which runs nothing, orders nothing.
type acme struct {
	directory, ca, profile string
	contact                []string
	agreeTerms             bool
	keyID, key             string // of the external account binding
	dns                    []string
	http                   string
}

// AccountKey is the file of dir that keeps the account at the server.
const AccountKey = "acme-account-key.pem"

// program is ourselves, as the shell finds us.
const program = "lockstep"

// BindingKey is the variable of the environment in which `lockstep certs acme`
// finds the key of an external account binding.
const BindingKey = "LOCKSTEP_ACME_EAB_KEY"

func (a *acme) params(p *param.Set) {
	p.String(&a.directory, "directory", "the URL of the server's directory", param.Required())
	p.ControlPath(&a.ca, "ca", "the CA file on the control machine for the server's own TLS; those of the system when left out")
	p.Strings(&a.dns, "dns", "dns-01: the program that puts a record into the DNS, and its arguments; it gets present or cleanup, the record's name and its value")
	p.String(&a.http, "http", "http-01: the address of the control machine to answer at, such as :80; port 80 of the names must lead there")
	p.Strings(&a.contact, "contact", "mail addresses for a new account")
	p.Bool(&a.agreeTerms, "agree_terms", "agree to the server's terms of service, where it has some")
	p.String(&a.profile, "profile", "the profile of the certificates, where the server has some")
	p.String(&a.keyID, "eab_kid", "the key ID of the external account binding, where the server wants one")
	p.String(&a.key, "eab_key", "its key, base64url; a !secret")
}

func (s *step) checkACME() error {
	a := s.acme
	if s.source != fromACME {
		if a.directory != "" {
			return errors.New("acme goes with source: acme")
		}
		return nil
	}
	at, err := url.Parse(a.directory)
	switch {
	case a.directory == "":
		return errors.New("source: acme needs acme: at least directory, and dns or http")
	case err != nil || at.Scheme != "https" || at.Host == "":
		return fmt.Errorf("acme.directory is %q, which is no URL such as https://ca:9000/acme/db/directory", a.directory)
	case len(a.dns) == 0 && a.http == "":
		return errors.New("acme needs dns or http: the server wants to see that the names are ours")
	case len(a.dns) > 0 && strings.Contains(a.dns[0], "/") && !filepath.IsAbs(a.dns[0]):
		return fmt.Errorf("acme.dns: the program runs in /, so %s must be an absolute path", a.dns[0])
	case (a.keyID == "") != (a.key == ""):
		return errors.New("acme.eab_kid and acme.eab_key go together")
	case len(s.names) == 0:
		return errors.New("source: acme needs names: the server checks each, which it cannot do for localhost and seldom for addresses")
	case slices.Contains(s.issue, string(pki.RoleClient)):
		return errors.New("source: acme needs issue: [server]: a client's certificate has no names, and an ACME server signs nothing else")
	}
	return nil
}

// findProgram refuses before anything is changed what would fail at apply.
func findProgram(ctx context.Context, r steps.Reader) error {
	out, err := r.Query(ctx, steps.Command{Argv: []string{"sh", "-c", "command -v " + program}})
	if err != nil || out.Code == 0 {
		return err
	}
	return &steps.Problem{What: "there is no " + program + " in PATH of the control machine",
		Why: "source: acme has it make the order, as `" + program + " certs acme`", Do: "put its directory into PATH"}
}

// argv calls the program that is documented for hands, too.
func (a acme) argv(account string) []string {
	argv := []string{program, "certs", "acme", "--directory=" + a.directory, "--account=" + account}
	add := func(flag string, values ...string) {
		for _, v := range values {
			if v != "" {
				argv = append(argv, "--"+flag+"="+v)
			}
		}
	}
	add("ca-cert", a.ca)
	add("contact", a.contact...)
	add("profile", a.profile)
	add("eab-kid", a.keyID)
	add("http", a.http)
	for _, word := range a.dns { // an argument may be empty
		argv = append(argv, "--dns="+word)
	}
	if a.agreeTerms {
		argv = append(argv, "--agree-terms")
	}
	return argv
}

// env holds what must not stand in argv.
func (a acme) env() []string {
	if a.key == "" {
		return nil
	}
	return []string{BindingKey + "=" + a.key}
}

// advice is for answers that cannot be used.
func (a acme) advice() string {
	if a.directory == "" {
		return ""
	}
	return ". An authority that leaves out clientAuth, as public ones do, cannot serve nodes: Galera presents one certificate on both sides of a connection"
}
