package certs

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/rotation"
)

// rotates reports whether the plan lets the authority be replaced.
func (s *step) rotates() bool { return s.caRenewBefore > 0 || s.caSinceText != "" }

func (s *step) checkRotation() error {
	if !s.rotates() {
		return nil
	}
	if s.foreign() {
		return fmt.Errorf("ca_renew_before and ca_since go with an authority of our own, not with source: %s", s.source)
	}
	if s.caSinceText == "" {
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, s.caSinceText); err == nil {
			s.caSince = at.UTC()
			return nil
		}
	}
	return fmt.Errorf("ca_since is %q, which is neither a day (2027-01-31) nor a moment (2027-01-31T18:00:00Z)", s.caSinceText)
}

// mustGo tells why a sound authority is to be replaced, or "". In a plan that
// does not rotate that is an error.
func (s *step) mustGo(ca *x509.Certificate, now time.Time) (string, error) {
	if s.caSince.After(now) {
		return "", &steps.Problem{What: fmt.Sprintf("ca_since (%s) lies ahead of the clock (%s)", s.caSinceText, now.UTC().Format(time.RFC3339)),
			Why: "until then each run would make another authority", Do: "name a moment that has passed"}
	}
	before := s.horizon(ca)
	if s.caRenewBefore > 0 {
		before = min(s.caRenewBefore, ca.NotAfter.Sub(ca.NotBefore)/3)
	}
	why := pki.NeedsNewCA(ca, now, before)
	if made := pki.MadeAt(ca); made.Before(s.caSince) {
		why = append(why, fmt.Sprintf("it was made %s, before %s", made.UTC().Format(time.DateOnly), s.caSinceText))
	}
	text := strings.Join(why, "; ")
	if text == "" || s.rotates() {
		return text, nil
	}
	return "", &steps.Problem{What: fmt.Sprintf("the authority in %s must be replaced", s.dir), Why: text,
		Do: "run a plan that rotates, such as examples/galera-rotate: all hosts must trust the old and the new authority before any presents a new certificate"}
}

// keepAside are the edits that keep the authority which is to be replaced:
// hosts may need its certificate, and its key is never lost silently. They
// stand before those of the new one, so that a run which is cut off has them.
func (s *step) keepAside(found set, ca authority) []steps.Edit {
	if ca.pair == nil {
		return nil
	}
	certName, keyName := rotation.FormerFiles(ca.pair.Cert)
	var edits []steps.Edit
	for _, f := range []struct{ name, of string }{{keyName, caKey}, {certName, caCert}} {
		if _, kept := found.aside[f.name]; kept {
			continue
		}
		wanted := attrs(f.name)
		edits = append(edits, steps.Edit{Op: steps.Create, Subject: s.at(f.name), Why: "the former authority is kept",
			Attrs: steps.DiffAttrs(steps.Stat{Kind: steps.Absent}, wanted), Wanted: wanted, After: steps.NewContent(found.files[f.of].data, false)})
	}
	return edits
}

// cutOff recognizes a replacement that ended between the new key and the new
// certificate: the key of ca.pem is kept aside already. Nothing was ever issued
// with the new key, so another new authority takes the place of both.
func (s *step) cutOff(found set, now time.Time) authority {
	certs, err := pki.ParseCerts(found.files[caCert].data)
	if err != nil || !s.rotates() {
		return authority{}
	}
	_, keyName := rotation.FormerFiles(certs[0])
	key, kept := found.aside[keyName]
	if !kept {
		return authority{}
	}
	ca, err := s.open(found.files[caCert].data, key, s.at(keyName))
	if err != nil {
		return authority{}
	}
	why, err := s.mustGo(ca.Cert, now)
	if err != nil || why == "" { // the plan has changed since; the half must not stay
		why = "it was being replaced"
	}
	return authority{ca, why + ", and the run that did was cut off"}
}
