// Package trust is the kind that keeps a CA file on hosts while authorities
// change: it holds the wanted authority and those that are still needed. It
// makes no certificate, and lets no server load any.
package trust

import (
	"context"
	"crypto/x509"
	_ "embed" // for doc.md
	"io/fs"
	"path"
	"slices"
	"strings"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/dest"
	"lockstep/steps/param"
	"lockstep/steps/rotation"
)

//go:embed doc.md
var doc string

// Kind describes the kind to the registry.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "trust",
		Summary: "the CA file on hosts: the wanted authority and those that members still need",
		Doc:     doc,
		New:     func() steps.Step { return &step{} },
	}
}

type step struct {
	path, src, owner, group string
	mode                    *fs.FileMode
	certs                   []string
	keep                    bool
	ports                   rotation.Ports
	access                  rotation.Access
}

func (s *step) Params(p *param.Set) {
	p.Path(&s.path, "path", "the CA file on the hosts", param.Required())
	p.ControlPath(&s.src, "src", "the CA file on the control machine: the authorities that are wanted in the end", param.Required())
	p.Paths(&s.certs, "certs", "certificate files on the hosts, of servers and clients; their issuers are needed", param.Required())
	p.Bool(&s.keep, "keep", "whether former authorities stay although no certificate of the members needs them, for clients elsewhere")
	p.String(&s.owner, "owner", "the user who owns it; what is there stays when left out")
	p.String(&s.group, "group", "the group it belongs to; what is there stays when left out")
	p.Mode(&s.mode, "mode", "its permission bits; what is there stays when left out, and a new file gets 0600")
	s.ports.Params(p)
	s.access.Params(p)
}

// Needs lists the CA file of the control machine.
func (s *step) Needs() []string { return []string{s.src} }

// Makes is empty: nothing is made on the control machine.
func (s *step) Makes() []string { return nil }

// Probe implements steps.Step.
func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	wanted, unsettled, err := s.wanted(ctx, v.Control)
	if err != nil {
		return steps.Change{}, err
	}
	now, err := rotation.Now(ctx, v.Self)
	if err != nil {
		return steps.Change{}, err
	}
	files := rotation.Files{CA: s.path, Certs: s.certs, Ports: s.ports, Access: s.access}
	members, err := files.Look(ctx, v)
	if err != nil {
		return steps.Change{}, err
	}
	set, err := wanted.CAFile(members, now)
	if err != nil {
		return steps.Change{}, err
	}
	content, err := s.content(ctx, v.Self, members[0], set, unsettled)
	if err != nil {
		return steps.Change{}, err
	}
	e, err := dest.File{Path: s.path, Attrs: steps.Attrs{Owner: s.owner, Group: s.group, Mode: s.mode}}.Edit(ctx, v.Self, content)
	if err != nil {
		return steps.Change{}, err
	}
	c := steps.Change{Notes: notes(set)}
	if e != nil {
		if e.After != nil {
			e.Why = join(e.Why, why(members[0], set, wanted.New, unsettled))
		}
		c.Edits = []steps.Edit{*e}
	}
	return c, nil
}

// Apply implements steps.Step.
func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	return steps.ApplyFiles(ctx, h, c)
}

// wanted reads what the control machine has. Unsettled: a dry run stands in
// for what only the run makes.
func (s *step) wanted(ctx context.Context, control steps.Reader) (w rotation.Wanted, unsettled bool, err error) {
	at, stat, err := steps.Follow(ctx, control, s.src)
	if err != nil {
		return w, false, err
	}
	if stat.Kind != steps.Regular {
		return w, false, &steps.Problem{What: s.src + " is not a file on the control machine", Do: "make it with a certs step before this one, or correct src"}
	}
	data, err := control.ReadFile(ctx, at)
	if err != nil {
		return w, false, err
	}
	if w.New, err = pki.ParseCerts(data); err != nil {
		return w, false, &steps.Problem{What: s.src + " cannot be read as certificates", Why: err.Error(), Err: err, Do: "repair it; nothing was changed"}
	}
	w.Keep = s.keep
	w.Former, err = rotation.Former(ctx, control, path.Dir(s.src))
	return w, stat.Unsettled, err
}

// content is the file as it is to be. One that holds just these authorities
// stays as it is, whatever their order and the text around them.
func (s *step) content(ctx context.Context, r steps.Reader, self rotation.Member, set rotation.Set, unsettled bool) (*steps.Content, error) {
	if len(self.Trusts) == len(set.CAs) && pki.TrustFingerprint(self.Trusts) == pki.TrustFingerprint(set.CAs) {
		at, stat, err := steps.Follow(ctx, r, s.path)
		if err != nil {
			return nil, err
		}
		return steps.ReadContent(ctx, r, at, stat)
	}
	var parts [][]byte
	for _, ca := range set.CAs {
		parts = append(parts, pki.EncodeCert(ca))
	}
	data, err := pki.Bundle(parts...)
	if err != nil {
		return nil, err
	}
	return steps.NewContent(data, unsettled), nil
}

// why tells what comes and what goes. The names of what a dry run stands in for
// are not told: the run makes others.
func why(self rotation.Member, set rotation.Set, wanted []*x509.Certificate, unsettled bool) string {
	var parts []string
	if self.Broken != nil {
		parts = append(parts, self.Broken.Error())
	}
	for _, ca := range set.CAs {
		switch {
		case slices.ContainsFunc(self.Trusts, ca.Equal):
		case unsettled && slices.ContainsFunc(wanted, ca.Equal):
			parts = append(parts, "with the authority that is made at apply")
		case set.Needed[ca] != "":
			parts = append(parts, "with "+rotation.Describe([]*x509.Certificate{ca})+": "+set.Needed[ca])
		default:
			parts = append(parts, "with "+rotation.Describe([]*x509.Certificate{ca}))
		}
	}
	for _, ca := range self.Trusts {
		if !slices.ContainsFunc(set.CAs, ca.Equal) {
			parts = append(parts, "without "+rotation.Describe([]*x509.Certificate{ca})+", of which no member has a certificate")
		}
	}
	return strings.Join(parts, "; ")
}

func notes(set rotation.Set) []string {
	var out []string
	for _, ca := range set.Unknown {
		out = append(out, rotation.Describe([]*x509.Certificate{ca})+" stays in it: no member needs it, and it is not known as a former authority; "+
			"if nobody else does, put its certificate as ca-NAME.pem beside the wanted ca.pem on the control machine")
	}
	return out
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}
