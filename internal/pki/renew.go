package pki

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// NeedsRenewal lists why leaf is no longer what want asks for, in words for
// the person who reads the plan; none means keep it, so that a second run
// changes nothing. ca is the authority that would issue the next one.
//
// An end nearer than renewBefore is a reason only if a new leaf would live
// longer: when the CA ends first, the CA is what needs renewing. renewBefore
// is cut to a third of the leaf's life, else a short-lived leaf would be
// renewed by every run. leaf or ca may be nil (nothing there yet).
func NeedsRenewal(leaf, ca *x509.Certificate, want LeafRequest, now time.Time, renewBefore time.Duration) []string {
	if leaf == nil {
		return []string{"there is no certificate yet"}
	}
	var why []string
	add := func(reason string) {
		if reason != "" {
			why = append(why, reason)
		}
	}
	add(endReason(leaf, ca, want, now, renewBefore))
	add(issuerReason(leaf, ca))
	add(subjectReason(leaf, want))
	add(namesReason(leaf, want.Names))
	add(roleReason(leaf, want.Role))
	add(keyReason(leaf, want.Algorithm))
	return why
}

// NeedsNewCA lists why ca should be replaced before more leaves are issued:
// it ends within renewBefore, cannot sign, or is too weak. Replacing a CA is a
// rotation, never part of renewing a leaf.
func NeedsNewCA(ca *x509.Certificate, now time.Time, renewBefore time.Duration) []string {
	if ca == nil {
		return []string{"there is no CA yet"}
	}
	var why []string
	if ca.NotAfter.Sub(now) < renewBefore {
		why = append(why, endText("the CA", ca, now))
	}
	if !ca.IsCA || !maySign(ca) {
		why = append(why, "its certificate may not sign others")
	}
	if weak := weakKey(ca.PublicKey); weak != "" {
		why = append(why, "it has "+weak)
	}
	return why
}

func endReason(leaf, ca *x509.Certificate, want LeafRequest, now time.Time, before time.Duration) string {
	before = min(before, leaf.NotAfter.Sub(leaf.NotBefore)/3)
	switch {
	case now.Before(leaf.NotBefore):
		return "it is valid from " + leaf.NotBefore.UTC().Format(time.RFC3339) + " only"
	case leaf.NotAfter.Sub(now) >= before:
		return ""
	}
	if ca != nil {
		next, err := leafEnd(ca, now, want.Lifetime)
		if err == nil && !next.After(leaf.NotAfter) {
			return ""
		}
	}
	return endText("it", leaf, now)
}

func endText(what string, c *x509.Certificate, now time.Time) string {
	left := c.NotAfter.Sub(now)
	if left < 0 {
		return fmt.Sprintf("%s ended %s", what, date(c.NotAfter))
	}
	return fmt.Sprintf("%s ends %s, in %d days", what, date(c.NotAfter), int(left/day))
}

func issuerReason(leaf, ca *x509.Certificate) string {
	if ca == nil || mayHaveIssued(ca, leaf) && leaf.CheckSignatureFrom(ca) == nil {
		return ""
	}
	return fmt.Sprintf("the CA changed from %q to %q", name(leaf.Issuer.String()), name(ca.Subject.String()))
}

func subjectReason(leaf *x509.Certificate, want LeafRequest) string {
	if leaf.Subject.CommonName == want.CommonName {
		return ""
	}
	return fmt.Sprintf("the common name changed from %q to %q", leaf.Subject.CommonName, want.CommonName)
}

func namesReason(leaf *x509.Certificate, want []string) string {
	wanted, found := nameSet(want), nameSet(Names(leaf))
	var parts []string
	if add := without(wanted, found); len(add) > 0 {
		parts = append(parts, "new: "+strings.Join(add, ", "))
	}
	if drop := without(found, wanted); len(drop) > 0 {
		parts = append(parts, "gone: "+strings.Join(drop, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return "the names changed (" + strings.Join(parts, "; ") + ")"
}

// Names are the DNS names and addresses of a certificate.
func Names(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// nameSet is sorted and without duplicates; a name that cannot be read stands
// for itself.
func nameSet(names []string) []string {
	var out []string
	for _, n := range names {
		if key, _, err := normalName(n); err == nil {
			n = key
		}
		out = append(out, printable(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func without(all, known []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(known, s) })
}

func roleReason(leaf *x509.Certificate, r Role) string {
	want, err := r.usages()
	if err != nil {
		return err.Error()
	}
	found := slices.Clone(leaf.ExtKeyUsage)
	slices.Sort(found)
	slices.Sort(want)
	if slices.Equal(found, want) && len(leaf.UnknownExtKeyUsage) == 0 {
		return ""
	}
	return fmt.Sprintf("its extended key usage is not that of a %s", r)
}

func keyReason(leaf *x509.Certificate, a Algorithm) string {
	want := keyNames()[cmp.Or(a, RSA2048)]
	if found := keyName(leaf.PublicKey); want != "" && found != want {
		return fmt.Sprintf("the key changed from %s to %s", found, want)
	}
	return ""
}

func keyNames() map[Algorithm]string {
	return map[Algorithm]string{RSA2048: "RSA 2048", RSA3072: "RSA 3072", RSA4096: "RSA 4096", ECDSAP256: "ECDSA P-256"}
}

// AlgorithmOf is the word for a public key's kind, or "" for one that
// GenerateKey does not make.
func AlgorithmOf(pub crypto.PublicKey) Algorithm {
	for a, name := range keyNames() {
		if name == keyName(pub) {
			return a
		}
	}
	return ""
}

// Lifetime is how long a certificate that Issue made was asked to live.
func Lifetime(c *x509.Certificate) time.Duration { return c.NotAfter.Sub(c.NotBefore) - backdate }
