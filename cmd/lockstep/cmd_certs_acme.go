package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockstep/internal/acmepki"
	"lockstep/internal/pki"
	"lockstep/internal/secret"
	"lockstep/steps"
	"lockstep/steps/certs"
	"lockstep/steps/param"
)

// acmeFlags say which server is asked, as whom, and how names are shown.
type acmeFlags struct {
	directory, caCert, profile string
	account                    string
	contact                    []string
	agreeTerms                 bool
	bindingID, bindingFile     string
	dns                        []string
	http, patience             string
}

func (a *app) certsACMECommand() *cobra.Command {
	f := &acmeFlags{}
	cmd := &cobra.Command{
		Use:   "acme --directory URL --account FILE",
		Short: "Have a signing request signed by an ACME server, such as step-ca",
		Long: `Reads a signing request from stdin, has it signed by an ACME server (RFC 8555), and
prints the certificate and its chain. It is what a step of kind certs with source:
acme runs; the private key does not leave this machine. The request's common name
must be one of its names, or be missing.

The server wants to see that each name is ours, by one of:

  --dns PROGRAM   dns-01: PROGRAM present _acme-challenge.db1.example.net. VALUE puts
                  a TXT record into the zone, and ends when all its servers answer
                  with it; PROGRAM cleanup ... takes it away. No port of a host need
                  be open. Give --dns once more for each argument.
  --http ADDRESS  http-01: answers at ADDRESS of this machine, such as :80, while it
                  waits. Port 80 of each name must lead there, by a redirect or a
                  proxy. It is the only way for addresses.

With both, --dns is for names and --http for addresses. The account is made with
the first request; --account keeps its key, mode 0600. The key of an external
account binding comes from --eab-key-file or $LOCKSTEP_ACME_EAB_KEY.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.certsACME(cmd.Context(), *f) },
	}
	fl := cmd.Flags()
	f.server(fl)
	fl.StringVar(&f.account, "account", "", "the `file` with the account's private key; it is made when it is missing")
	fl.StringVar(&f.patience, "patience", "10m", "how long all of it may take")
	return cmd
}

// server are the flags that `certs issue` and `certs renew` take, too.
func (f *acmeFlags) server(fl *pflag.FlagSet) {
	fl.StringVar(&f.directory, "directory", "", "the server's directory, such as https://ca:9000/acme/db/directory")
	fl.StringVar(&f.caCert, "ca-cert", "", "the CA `file` of the server itself (default: those of the system)")
	fl.StringSliceVar(&f.contact, "contact", nil, "mail addresses for a new account")
	fl.BoolVar(&f.agreeTerms, "agree-terms", false, "agree to the server's terms of service")
	fl.StringVar(&f.profile, "profile", "", "the profile of the certificate, where the server has some")
	fl.StringVar(&f.bindingID, "eab-kid", "", "the key ID of the external account binding")
	fl.StringVar(&f.bindingFile, "eab-key-file", "", "the `file` with its key (default: $LOCKSTEP_ACME_EAB_KEY)")
	fl.StringArrayVar(&f.dns, "dns", nil, "the `program` that puts records into the DNS, and its arguments")
	fl.StringVar(&f.http, "http", "", "the `address` to answer http-01 at")
}

func (a *app) certsACME(ctx context.Context, f acmeFlags) error {
	r, err := a.signingRequest()
	if err != nil {
		return err
	}
	patience, err := param.ParseDuration(f.patience)
	if err != nil || patience <= 0 {
		return fmt.Errorf("--patience is %q, which is not a time such as 10m", f.patience)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := a.acmeServer(ctx, f)
	if err != nil {
		return err
	}
	proofs, done, err := f.proofs(ctx)
	if err != nil {
		return err
	}
	defer done()
	text, err := s.Sign(ctx, r, proofs...)
	return a.printPEM("the ACME server gave no certificate", text, err)
}

// proofs are the ways to show that a name is ours; done ends them.
func (f acmeFlags) proofs(ctx context.Context) (proofs []acmepki.Proof, done func(), err error) {
	done = func() {}
	if len(f.dns) > 0 {
		proofs = append(proofs, acmepki.DNS{Argv: f.dns})
	}
	if f.http != "" {
		h, err := acmepki.Listen(ctx, f.http)
		if err != nil {
			return nil, done, fmt.Errorf("--http %s: %w", f.http, err)
		}
		proofs, done = append(proofs, h), func() { _ = h.Close() } // nobody asks any more
	}
	if len(proofs) == 0 {
		err = errors.New("--dns and --http are missing: one of them shows the server that the names are ours")
	}
	return proofs, done, err
}

func (a *app) acmeServer(ctx context.Context, f acmeFlags) (acmepki.Server, error) {
	s := acmepki.Server{Directory: f.directory, Contact: f.contact, AgreeTerms: f.agreeTerms, Profile: f.profile}
	switch {
	case f.directory == "":
		return s, errors.New("--directory is missing: the URL of the server's directory")
	case f.account == "":
		return s, errors.New("--account is missing: the file that keeps the account's private key")
	}
	var err error
	if s.Binding, err = a.binding(ctx, f); err != nil {
		return s, err
	}
	roots, err := rootsOf(f.caCert)
	if err != nil {
		return s, err
	}
	s.Client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	s.Key, err = accountKey(ctx, f.account)
	return s, err
}

func (a *app) binding(ctx context.Context, f acmeFlags) (*acmepki.Binding, error) {
	key := a.getenv(certs.BindingKey)
	if f.bindingFile != "" {
		file, err := filepath.Abs(f.bindingFile)
		if err != nil {
			return nil, err
		}
		if key, err = secret.Resolve(ctx, secret.Ref{File: file}); err != nil {
			return nil, err
		}
	}
	a.redactor.Add(key)
	switch {
	case f.bindingID == "":
		return nil, nil
	case key == "":
		return nil, fmt.Errorf("there is no key for --eab-kid: give --eab-key-file, or set %s", certs.BindingKey)
	}
	return &acmepki.Binding{KeyID: f.bindingID, Key: key}, nil
}

// accountKey reads the account's key, or makes it. That it is written before
// anybody sees it keeps an account from getting lost.
func accountKey(ctx context.Context, file string) (crypto.Signer, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return newAccountKey(ctx, file)
	}
	text, err := secret.Resolve(ctx, secret.Ref{File: file})
	if err != nil {
		return nil, err
	}
	key, err := pki.ParseKey([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

func newAccountKey(ctx context.Context, file string) (crypto.Signer, error) {
	key, err := pki.GenerateKey(rand.Reader, pki.ECDSAP256)
	if err != nil {
		return nil, err
	}
	text, err := pki.EncodeKey(key)
	if err != nil {
		return nil, err
	}
	mode := fs.FileMode(0o600)
	if err := (controlHost{}).WriteFile(ctx, file, text, steps.Attrs{Mode: &mode}); err != nil {
		return nil, fmt.Errorf("the account's key: %w", err)
	}
	return key, nil
}
