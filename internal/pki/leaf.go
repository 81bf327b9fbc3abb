package pki

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
)

// LeafRequest describes a certificate for a node or a client.
type LeafRequest struct {
	CommonName string        // at most 64 bytes, not the CA's
	Names      []string      // DNS names and IP addresses, in any order; may be empty
	Role       Role          // what it may be used for
	Algorithm  Algorithm     // empty: RSA2048
	Lifetime   time.Duration // zero: DefaultLeafLife; never beyond the CA's end
}

// Issue makes a key and a certificate for it, signed by the authority.
// It refuses a request that no node would accept: a common name equal to the
// CA's (OpenSSL takes such a leaf for self-signed, error 18), a CA that may
// not sign, or a CA that has ended.
func (p *Pair) Issue(rand io.Reader, now time.Time, r LeafRequest) (*Pair, error) {
	if err := p.canIssue(now, r); err != nil {
		return nil, err
	}
	key, err := GenerateKey(rand, r.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", r.CommonName, err)
	}
	cert, err := p.IssueFor(rand, now, key.Public(), r)
	if err != nil {
		return nil, err
	}
	return &Pair{Cert: cert, Key: key}, nil
}

// IssueFor signs a certificate for a public key that exists already, for
// example to renew without a new key. The request's algorithm is not looked at.
func (p *Pair) IssueFor(rand io.Reader, now time.Time, pub crypto.PublicKey, r LeafRequest) (*x509.Certificate, error) {
	t, err := p.leafTemplate(now, r)
	if err != nil {
		return nil, err
	}
	cert, err := sign(rand, t, p.Cert, pub, p.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", r.CommonName, err)
	}
	return cert, nil
}

func (p *Pair) leafTemplate(now time.Time, r LeafRequest) (*x509.Certificate, error) {
	if err := p.canIssue(now, r); err != nil {
		return nil, err
	}
	usages, err := r.Role.usages()
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", r.CommonName, err)
	}
	names, err := parseNames(r.Names)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", r.CommonName, err)
	}
	end, err := leafEnd(p.Cert, now, r.Lifetime)
	if err != nil {
		return nil, fmt.Errorf("certificate %q: %w", r.CommonName, err)
	}
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: r.CommonName},
		NotBefore:             seconds(now.Add(-backdate)),
		NotAfter:              end,
		BasicConstraintsValid: true,
		ExtKeyUsage:           usages,
		DNSNames:              names.dns,
		IPAddresses:           names.ips,
	}, nil
}

// leafEnd is when a leaf made now ends: a leaf that outlives its CA only looks
// valid.
func leafEnd(ca *x509.Certificate, now time.Time, want time.Duration) (time.Time, error) {
	life, err := lifetime(want, DefaultLeafLife)
	if err != nil {
		return time.Time{}, err
	}
	end := seconds(now.Add(life))
	if end.After(ca.NotAfter) {
		end = ca.NotAfter
	}
	if !end.After(now) {
		return time.Time{}, fmt.Errorf("the CA %q ended %s: make a new CA first", commonName(ca), date(ca.NotAfter))
	}
	return end, nil
}

func (p *Pair) canIssue(now time.Time, r LeafRequest) error {
	if err := checkText(r.CommonName, maxCN); err != nil {
		return fmt.Errorf("common name %q: %w", r.CommonName, err)
	}
	ca := p.Cert
	switch {
	case strings.EqualFold(r.CommonName, ca.Subject.CommonName):
		return fmt.Errorf("common name %q is the CA's: OpenSSL would take the certificate for self-signed; choose another", r.CommonName)
	case !ca.IsCA || !maySign(ca):
		return fmt.Errorf("certificate %q may not sign others: it has no CA:TRUE or no keyCertSign; use the CA's certificate", commonName(ca))
	case !sameKey(ca.PublicKey, p.Key.Public()):
		return fmt.Errorf("the key at hand is not that of the CA %q: their public keys differ", commonName(ca))
	case now.Before(ca.NotBefore):
		return fmt.Errorf("the CA %q is valid from %s only: check this machine's clock", commonName(ca), ca.NotBefore.Format(time.RFC3339))
	}
	return nil
}

func maySign(c *x509.Certificate) bool {
	return c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageCertSign != 0
}

// altNames are subject alternative names, each list without duplicates and in
// the order asked for.
type altNames struct {
	dns []string
	ips []net.IP
}

func parseNames(names []string) (altNames, error) {
	var out altNames
	seen := map[string]bool{}
	for _, n := range names {
		key, ip, err := normalName(n)
		if err != nil {
			return altNames{}, err
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		if ip != nil {
			out.ips = append(out.ips, ip)
		} else {
			out.dns = append(out.dns, key)
		}
	}
	return out, nil
}

// normalName brings a wanted name into the form two names are compared in.
func normalName(n string) (key string, ip net.IP, err error) {
	if a, err := netip.ParseAddr(n); err == nil {
		if a.Zone() != "" {
			return "", nil, fmt.Errorf("name %q: an address with a zone cannot stand in a certificate", n)
		}
		ip := net.IP(a.Unmap().AsSlice())
		return ip.String(), ip, nil
	}
	key = strings.ToLower(strings.TrimSuffix(n, "."))
	if err := checkDNS(key); err != nil {
		return "", nil, fmt.Errorf("name %q: %w", n, err)
	}
	return key, nil, nil
}

// checkDNS takes host names as they occur: letters, digits, hyphens,
// underscores, and `*` as the whole first label.
func checkDNS(n string) error {
	if n == "" || len(n) > 253 {
		return errors.New("wanted a host name of 1 to 253 bytes or an IP address")
	}
	for i, label := range strings.Split(n, ".") {
		switch {
		case label == "" || len(label) > 63:
			return errors.New("each part between the dots needs 1 to 63 bytes")
		case i == 0 && label == "*" && strings.Contains(n, "."):
		case strings.ContainsFunc(label, notHostByte):
			return errors.New("only letters, digits, hyphens and underscores may stand in a host name (write others as xn--…)")
		}
	}
	return nil
}

func notHostByte(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}
