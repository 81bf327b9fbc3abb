package rotation

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
)

// Trusted reports why who trusts cas would refuse a chain, both as a server and
// as a client, for another reason than its dates: what has expired is to be
// replaced, and that is not made harder by refusing to.
func Trusted(chain, cas []*x509.Certificate, now time.Time) error {
	return Valid(chain, cas, Before(chain, cas, now))
}

// Before is now, or a moment before that when nothing of the chain had expired.
func Before(chain, cas []*x509.Certificate, now time.Time) time.Time {
	for _, c := range append(pki.Issuers(chain, cas, now), chain...) {
		if now.After(c.NotAfter) {
			now = c.NotAfter
		}
	}
	return now
}

// Valid is Trusted with the dates.
func Valid(chain, cas []*x509.Certificate, now time.Time) error {
	for _, purpose := range []pki.Purpose{pki.PurposeServer, pki.PurposeClient} {
		if err := pki.Verify(chain, cas, pki.Rules{Now: now, Purpose: purpose, Level: pki.UsualLevel}); err != nil {
			return err
		}
	}
	return nil
}

// Wanted is what the CA file of a member is made of.
type Wanted struct {
	New    []*x509.Certificate // that are wanted in the end
	Former []*x509.Certificate // that they took the place of, as far as it is known
	Keep   bool                // keep the former ones whether or not they are needed
}

// Set are the authorities of a CA file, in their order, and why.
type Set struct {
	CAs []*x509.Certificate
	// Needed tells for each that is not wanted in the end who needs it.
	Needed map[*x509.Certificate]string
	// Unknown are those that no member needs and that nobody knows as a former
	// one. They stay: somebody put them there.
	Unknown []*x509.Certificate
}

// CAFile decides what the first member must trust: what is wanted in the end,
// and each authority that issued a certificate which some member still has in a
// file or presents. So nobody stops trusting what somebody may present, and the
// same question has a shorter answer once all certificates are exchanged.
func (w Wanted) CAFile(members []Member, now time.Time) (Set, error) {
	pool := slices.Concat(w.New, w.Former)
	for _, m := range members {
		pool = append(pool, m.Trusts...)
	}
	s := Set{CAs: unique(w.New), Needed: map[*x509.Certificate]string{}}
	var rest []*x509.Certificate
	for _, m := range members {
		for _, l := range m.Leaves() {
			issuers := pki.Issuers(l.Chain, pool, now)
			if len(issuers) == 0 {
				return s, unknownIssuer(m, l)
			}
			for _, ca := range issuers {
				if has(s.CAs, ca) || has(rest, ca) {
					continue
				}
				rest = append(rest, ca)
				s.Needed[ca] = m.Name + " has a certificate of it (" + l.Where + ")"
			}
		}
	}
	for _, ca := range members[0].Trusts {
		former := has(w.Former, ca)
		if has(s.CAs, ca) || has(rest, ca) || former && !w.Keep {
			continue
		}
		rest = append(rest, ca)
		if !former {
			s.Unknown = append(s.Unknown, ca)
		}
	}
	slices.SortStableFunc(rest, func(a, b *x509.Certificate) int { return b.NotBefore.Compare(a.NotBefore) })
	s.CAs = append(s.CAs, rest...)
	return s, mixes(s.CAs, now)
}

func unknownIssuer(m Member, l Leaf) error {
	return &steps.Problem{What: fmt.Sprintf("%s has a certificate whose issuer nobody knows: %s (%s)", m.Name, pki.DescribeCert(l.Chain[0]), l.Where),
		Why: "no CA file of a member holds the issuer, so the others could not be told to trust it",
		Do:  "put the issuer's certificate as ca-NAME.pem beside the wanted ca.pem on the control machine, then run again"}
}

// mixes refuses authorities that cannot stand in one file.
func mixes(cas []*x509.Certificate, now time.Time) error {
	for _, f := range pki.CheckBundle(cas, now) {
		if f.Severity >= pki.Fail {
			return &steps.Problem{What: f.What, Why: f.Why, Do: f.Do}
		}
	}
	return nil
}

func has(all []*x509.Certificate, c *x509.Certificate) bool { return slices.ContainsFunc(all, c.Equal) }

func unique(all []*x509.Certificate) []*x509.Certificate {
	var out []*x509.Certificate
	for _, c := range all {
		if !has(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// Legal refuses what would cut the first member off from another: it presents a
// certificate, after what is about to happen, that the other's file does not
// trust, or it trusts, by its own file, none of the issuers of what the other
// presents. The way on is always to let all trust both first.
func Legal(members []Member, cert string, now time.Time) error {
	self := members[0]
	own, ok := self.File(cert)
	if !ok {
		return &steps.Problem{What: fmt.Sprintf("%s has no %s", self.Name, cert), Do: "bring it to the host in a step before this one"}
	}
	for _, peer := range members[1:] {
		theirs := peer.Presents
		if l, ok := peer.File(cert); ok {
			theirs = append([]Leaf{l}, theirs...)
		}
		if len(theirs) == 0 {
			continue // no member of the cluster
		}
		if err := Trusted(own.Chain, peer.Trusts, now); err != nil {
			return cutOff(self, peer, own, err)
		}
		for _, l := range theirs {
			if err := Trusted(l.Chain, self.Trusts, now); err != nil {
				return cutOff(peer, self, l, err)
			}
		}
	}
	return nil
}

// File is the certificate in one of the member's files.
func (m Member) File(path string) (Leaf, bool) {
	i := slices.IndexFunc(m.Files, func(l Leaf) bool { return l.Where == path })
	if i < 0 {
		return Leaf{}, false
	}
	return m.Files[i], true
}

func cutOff(holder, judge Member, l Leaf, err error) error {
	return CutOff(holder, judge, fmt.Sprintf("%s does not trust the certificate of %s (%s): %v", judge.Name, holder.Name, l.Where, err), err)
}

// CutOff is the refusal of what would part two members, and the way on.
func CutOff(holder, judge Member, what string, err error) error {
	return &steps.Problem{What: what, Err: err,
		Why: fmt.Sprintf("%s and %s could not connect to each other again, and the first short fault of the network would part the cluster", holder.Name, judge.Name),
		Do: "let every member trust the old and the new authority, in its file and in its process, before any presents a new certificate: " +
			"a trust step on all, then tls on one after the other, then the certificates"}
}

// Describe names authorities in a line.
func Describe(cas []*x509.Certificate) string {
	var names []string
	for _, ca := range cas {
		names = append(names, fmt.Sprintf("%s (sha256 %s)", ca.Subject, pki.Short(pki.Fingerprint(ca))))
	}
	return strings.Join(names, ", ")
}
