package certs

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/param"
)

// leaf is one certificate below the authority.
type leaf struct {
	keyFile, certFile string
	request           pki.LeafRequest
}

// requests are the certificates that are wanted. Only the server's carries
// names: nobody connects to a client.
func (s *step) requests(peers []steps.Reader) []leaf {
	names := s.names
	if len(names) == 0 {
		for _, p := range peers {
			names = append(names, p.Name(), p.Address())
		}
		names = unique(append(names, "localhost"))
	}
	request := func(role pki.Role, names []string) pki.LeafRequest {
		cn := s.name + " " + string(role)
		if s.source == fromACME { // it can check names of hosts alone
			cn = ""
		}
		return pki.LeafRequest{CommonName: cn, Names: names, Role: role,
			Algorithm: pki.Algorithm(s.key), Lifetime: s.lifetime}
	}
	return slices.DeleteFunc([]leaf{
		{serverKey, serverCert, request(pki.RoleServer, names)},
		{clientKey, clientCert, request(pki.RoleClient, nil)},
	}, func(l leaf) bool { return !slices.Contains(s.issue, string(l.request.Role)) })
}

// unique keeps the first of equal names, and drops empty ones.
func unique(names []string) []string {
	var out []string
	for _, n := range names {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// describe tells what a new certificate will be.
func (s *step) describe(l leaf) string {
	names := "no names"
	if len(l.request.Names) > 0 {
		names = "names " + strings.Join(l.request.Names, ", ")
	}
	return fmt.Sprintf("new certificate CN %q, %s, %s, %s", l.request.CommonName, names, param.FormatDuration(s.lifetime), s.key)
}

func (s *step) newCA(found set, ca authority) []steps.Edit {
	return append(s.keepAside(found, ca),
		found.write(caKey, "new private key, "+s.key+s.encrypted(), ca.why),
		found.write(caCert, fmt.Sprintf("new authority CN \"%s CA DATE-RANDOM\", %s, %s", s.name, param.FormatDuration(s.caLifetime), s.key), ca.why))
}

func (s *step) encrypted() string {
	if s.passphrase == "" {
		return ""
	}
	return ", encrypted"
}

// keepCA leaves the authority as it is, but for modes and for a key that is to
// be encrypted. A key that is encrypted already stays so.
func (s *step) keepCA(found set) []steps.Edit {
	if s.passphrase == "" || pki.IsEncryptedKey(found.files[caKey].data) {
		return found.keep(caKey, caCert)
	}
	return append([]steps.Edit{found.write(caKey, "the same private key, encrypted", "ca_passphrase is given")}, found.keep(caCert)...)
}

// authority is what dir has, and why another is to be made, if it is.
type authority struct {
	pair *pki.Pair // nil: there is none
	why  string
}

// judgeCA returns the authority that is there. Whatever is wrong with one that
// is there is an error, unless the plan rotates and the authority is sound: a
// new one that nobody planned splits the cluster.
func (s *step) judgeCA(found set, now time.Time) (authority, error) {
	cert, key := found.files[caCert], found.files[caKey]
	switch {
	case !cert.exists() && !key.exists():
		return authority{why: "there is no authority yet"}, s.orphans(found)
	case !key.exists():
		return authority{}, &steps.Problem{What: fmt.Sprintf("%s is there, but %s is not", s.at(caCert), caKey),
			Why: "without its key the authority can sign nothing, and a new one would be strange to every host that trusts this one",
			Do:  "put the key back; or move the whole directory away to begin anew"}
	case !cert.exists():
		return authority{}, &steps.Problem{What: fmt.Sprintf("%s is there, but %s is not", s.at(caKey), caCert),
			Do: "put the certificate back, any host that trusts it has a copy; or move the key away if it was never used"}
	}
	ca, err := s.open(cert.data, key.data, s.at(caKey))
	if p := (*steps.Problem)(nil); errors.As(err, &p) {
		return authority{}, err
	}
	if err != nil {
		if half := s.cutOff(found, now); half.pair != nil {
			return half, nil
		}
		return authority{}, &steps.Problem{What: fmt.Sprintf("the authority in %s cannot be used", s.dir), Why: err.Error(), Err: err,
			Do: "repair it, or move the whole directory away to begin anew; it is not overwritten"}
	}
	why, err := s.mustGo(ca.Cert, now)
	return authority{ca, why}, err
}

// open is pki.OpenPair, with a *steps.Problem where the passphrase is at fault.
func (s *step) open(cert, key []byte, at string) (*pki.Pair, error) {
	ca, err := pki.OpenPair(cert, key, s.passphrase)
	switch {
	case errors.Is(err, pki.ErrEncryptedKey):
		return nil, &steps.Problem{What: at + " is encrypted", Do: "give ca_passphrase, best as a !secret"}
	case errors.Is(err, pki.ErrPassphrase):
		return nil, &steps.Problem{What: "ca_passphrase does not open " + at, Do: "correct it"}
	}
	return ca, err
}

// horizon is renew_before, but at most a third of the certificate's life.
func (s *step) horizon(c *x509.Certificate) time.Duration {
	return min(s.renewBefore, c.NotAfter.Sub(c.NotBefore)/3)
}

// orphans refuses to make an authority beside certificates of another.
func (s *step) orphans(found set) error {
	for _, name := range []string{serverCert, serverKey, clientCert, clientKey} {
		if found.files[name].exists() {
			return &steps.Problem{What: fmt.Sprintf("%s is there, but no authority", s.at(name)),
				Why: "a new authority would not be the one that signed it",
				Do:  "put ca.pem and ca-key.pem back, or move the file away"}
		}
	}
	return nil
}

// judgeLeaf tells why a certificate is to be made anew, or "". One that cannot
// be read is an error: it may be somebody's work.
func (s *step) judgeLeaf(found set, l leaf, ca authority, now time.Time) (why string, err error) {
	cert, key := found.files[l.certFile], found.files[l.keyFile]
	switch {
	case !cert.exists() && !key.exists():
		return "there is none yet", nil
	case !cert.exists():
		return l.certFile + " is missing", nil
	case !key.exists():
		return l.keyFile + " is missing", nil
	}
	certs, err := pki.ParseCerts(cert.data)
	if err != nil {
		return "", s.unreadable(l.certFile, err)
	}
	private, err := pki.ParseKey(key.data)
	if err != nil {
		return "", s.unreadable(l.keyFile, err)
	}
	if !equal(certs[0].PublicKey, private.Public()) {
		return "the key does not belong to the certificate", nil // a run was cut off between the two
	}
	if ca.why != "" {
		return "its authority is replaced", nil
	}
	return strings.Join(pki.NeedsRenewal(certs[0], ca.pair.Cert, l.request, now, s.renewBefore), "; "), nil
}

func (s *step) unreadable(name string, err error) error {
	return &steps.Problem{What: s.at(name) + " cannot be read", Why: err.Error(), Err: err, Do: "move it away to have it made anew"}
}

func equal(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
