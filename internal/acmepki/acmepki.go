// Package acmepki has requests signed by an ACME server (RFC 8555), such as
// step-ca. It knows accounts, orders and two ways to show that a name is ours,
// and judges no certificate: a request goes in, PEM comes out. The private key
// of the certificate is never here; that of the account is.
package acmepki

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/crypto/acme"
)

// Server is an ACME server and our account there.
type Server struct {
	Directory  string        // URL of the directory
	Key        crypto.Signer // of the account; a secret
	Contact    []string      // mail addresses
	AgreeTerms bool          // to the terms of service that the server names
	Binding    *Binding      // nil: the server wants none
	Profile    string        // empty: the server's default
	Client     *http.Client
}

// Binding ties a new account to one that the authority knows already.
type Binding struct {
	KeyID string
	Key   string // base64url as authorities hand it out; a secret
}

// Proof is a way to show that a name is ours.
type Proof interface {
	// Type is that of the challenge, such as dns-01.
	Type() string
	// Show makes the answer to a challenge for a name visible to the server,
	// and returns what takes it away.
	Show(ctx context.Context, c *acme.Client, name, token string) (remove func(context.Context) error, err error)
	// Doubt tells what may have gone wrong when the server did not see it.
	Doubt(token string) string
}

// Sign orders a certificate for the names of r and returns it and its chain,
// PEM. Each name is shown by the first of proofs that the server offers for it.
// The first order makes the account. What was shown is taken away again, also
// when ctx ended.
func (s Server) Sign(ctx context.Context, r *x509.CertificateRequest, proofs ...Proof) ([]byte, error) {
	ids, err := identifiers(r)
	if err != nil {
		return nil, err
	}
	c := &acme.Client{Key: s.Key, HTTPClient: s.Client, DirectoryURL: s.Directory, UserAgent: "lockstep"}
	if err := s.join(ctx, c); err != nil {
		return nil, err
	}
	var options []acme.OrderOption
	if s.Profile != "" {
		options = append(options, acme.WithOrderIssuanceProfile(acme.ProfileName(s.Profile)))
	}
	o, err := c.AuthorizeOrder(ctx, ids, options...)
	if err != nil {
		return nil, fmt.Errorf("order: %w", told(err))
	}
	if err := prove(ctx, c, o.AuthzURLs, proofs); err != nil {
		return nil, err
	}
	if o, err = c.WaitOrder(ctx, o.URI); err != nil {
		return nil, fmt.Errorf("order: %w", told(err))
	}
	ders, _, err := c.CreateCertFromOrder(ctx, o, r.Raw, true)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", told(err))
	}
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out, nil
}

// identifiers are the names that the server is to check. A common name that is
// none of them cannot be signed.
func identifiers(r *x509.CertificateRequest) ([]acme.AuthzID, error) {
	ids := acme.DomainIDs(r.DNSNames...)
	for _, ip := range r.IPAddresses {
		ids = append(ids, acme.IPIDs(ip.String())...)
	}
	switch cn := r.Subject.CommonName; {
	case len(ids) == 0:
		return nil, errors.New("the request has no names, and an ACME server signs nothing else")
	case cn != "" && !slices.ContainsFunc(ids, func(id acme.AuthzID) bool { return id.Value == cn }):
		return nil, fmt.Errorf("the request's common name %q is none of its names, so that no ACME server can check it: make the request without one", cn)
	}
	return ids, nil
}

// join finds the account, or makes it.
func (s Server) join(ctx context.Context, c *acme.Client) error {
	dir, err := c.Discover(ctx)
	if err != nil {
		return fmt.Errorf("directory %s: %w", s.Directory, told(err))
	}
	_, err = c.GetReg(ctx, "")
	if !errors.Is(err, acme.ErrNoAccount) {
		return account(err)
	}
	if dir.Terms != "" && !s.AgreeTerms {
		return fmt.Errorf("the server makes no account unless its terms of service are agreed to: %s", dir.Terms)
	}
	a := &acme.Account{}
	for _, to := range s.Contact {
		a.Contact = append(a.Contact, "mailto:"+strings.TrimPrefix(to, "mailto:"))
	}
	if dir.ExternalAccountRequired && s.Binding == nil {
		return errors.New("the server makes an account only for those whom it knows (external account binding), and no key for that is given")
	}
	if s.Binding != nil {
		key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s.Binding.Key, "="))
		if err != nil { // which names no more than a position
			return fmt.Errorf("the key of the external account binding is not base64url: %w", err)
		}
		a.ExternalAccountBinding = &acme.ExternalAccountBinding{KID: s.Binding.KeyID, Key: key}
	}
	_, err = c.Register(ctx, a, acme.AcceptTOS)
	return account(err)
}

func account(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("account: %w", told(err))
}

// told is what the server said, without the type's URN and the library's words
// around it.
func told(err error) error {
	var e *acme.Error
	if !errors.As(err, &e) {
		return err
	}
	kind, urn := strings.CutPrefix(e.ProblemType, "urn:ietf:params:acme:error:")
	if !urn { // not of an ACME server: its page would tell nothing
		return fmt.Errorf("%d %s", e.StatusCode, http.StatusText(e.StatusCode))
	}
	text := kind + ": " + e.Detail
	for _, sub := range e.Subproblems {
		if sub.Identifier != nil {
			text += "; " + sub.Identifier.Value
		}
		text += ": " + sub.Detail
	}
	return errors.New(text)
}
