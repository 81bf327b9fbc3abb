package executor

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/secret"
	"lockstep/steps"
)

// Approval is what a dry run has shown, as data, so that somebody can agree to
// that and to nothing else. It holds no content of files and no secret.
type Approval struct {
	// Steps are those that change something, in the order of the dry run.
	Steps []ApprovedStep `json:"steps"`
}

// ApprovedStep is what one step is to do on one host.
type ApprovedStep struct {
	Host  string       `json:"host"`
	Step  string       `json:"step"` // stage.step, or stage.step.element
	Name  string       `json:"name"`
	Kind  string       `json:"kind"`
	Edits []steps.Edit `json:"edits,omitempty"`
	// Unknown says why it could not be foreseen; whatever it does is agreed to.
	Unknown string `json:"unknown,omitempty"`
}

// note takes an event of a dry run. A step without a change is left out.
func (a *Approval) note(e Event) {
	if e.Type != EventStep || e.Status != StatusChange && e.Status != StatusUnknown {
		return
	}
	s := ApprovedStep{Host: e.Host, Step: e.Step, Name: e.Name, Kind: e.Kind}
	if e.Change != nil {
		s.Edits, s.Unknown = withoutContent(e.Change.Edits), e.Change.Unknown
	}
	if e.Status == StatusUnknown && s.Unknown == "" {
		s.Unknown = e.Message
	}
	a.Steps = append(a.Steps, s)
}

func withoutContent(edits []steps.Edit) []steps.Edit {
	out := slices.Clone(edits)
	for i, e := range out {
		out[i].Before, out[i].After, out[i].Wanted = described(e.Before), described(e.After), steps.Attrs{}
	}
	return out
}

// described is content without its bytes.
func described(c *steps.Content) *steps.Content {
	if c == nil {
		return nil
	}
	return &steps.Content{SHA256: c.SHA256, Size: c.Size, Unsettled: c.Unsettled}
}

// masked is the approval without secrets in its texts.
func (a *Approval) masked(r *secret.Redactor) Approval {
	out := Approval{Steps: slices.Clone(a.Steps)}
	for i := range out.Steps {
		out.Steps[i] = out.Steps[i].masked(r)
	}
	return out
}

func (s ApprovedStep) masked(r *secret.Redactor) ApprovedStep {
	s.Name, s.Unknown, s.Edits = r.String(s.Name), r.String(s.Unknown), slices.Clone(s.Edits)
	for i := range s.Edits {
		e := &s.Edits[i]
		e.Subject, e.Summary, e.Why = r.String(e.Subject), r.String(e.Summary), r.String(e.Why)
		e.Attrs = slices.Clone(e.Attrs)
		for j, a := range e.Attrs {
			e.Attrs[j].Before, e.Attrs[j].After = r.String(a.Before), r.String(a.After)
		}
	}
	return s
}

// Fingerprint identifies what the steps do: equal effects have equal
// fingerprints. It tells nothing about the content of files beyond equality.
func (a *Approval) Fingerprint() string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, s := range a.Steps {
		s.Edits = slices.Clone(s.Edits)
		for i := range s.Edits {
			s.Edits[i].Why = "" // evidence, which may tell times
		}
		if err := enc.Encode(s); err != nil { // it holds nothing that JSON cannot
			return "unprintable"
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Drift is an effect that differs from what was agreed to. Planned, Now and
// Wanted are in words; Planned is what was found then.
type Drift struct {
	Host, Step, Name     string
	Subject              string
	Planned, Now, Wanted string
}

// Drifts compares what was agreed to with what a later dry run would do. What
// has become as wanted is no drift, nor is what could not be foreseen then.
func (a *Approval) Drifts(now *Approval) []Drift {
	before := a.index()
	var all []Drift
	for _, s := range now.Steps {
		all = append(all, before.drifts(s)...)
	}
	return all
}

// approvals are approved steps by host and step.
type approvals map[[2]string]ApprovedStep

func (a *Approval) index() approvals {
	m := make(approvals, len(a.Steps))
	for _, s := range a.Steps {
		m[[2]string{s.Host, s.Step}] = s
	}
	return m
}

func (m approvals) masked(r *secret.Redactor) approvals {
	out := make(approvals, len(m))
	for at, s := range m {
		out[at] = s.masked(r)
	}
	return out
}

// find returns the step, or the loop or group above it.
func (m approvals) find(host, step string) (ApprovedStep, bool) {
	for {
		if s, ok := m[[2]string{host, step}]; ok {
			return s, true
		}
		cut := strings.LastIndexByte(step, '.')
		if cut < 0 {
			return ApprovedStep{}, false
		}
		step = step[:cut]
	}
}

func (m approvals) drifts(now ApprovedStep) []Drift {
	agreed, _ := m.find(now.Host, now.Step)
	d := Drift{Host: now.Host, Step: now.Step, Name: now.Name}
	switch {
	case agreed.Unknown != "":
		return nil
	case now.Unknown != "":
		d.Subject, d.Planned, d.Now = now.Name, "could be foreseen", "cannot be foreseen: "+now.Unknown
		return []Drift{d}
	}
	var all []Drift
	for _, e := range now.Edits {
		if slices.ContainsFunc(agreed.Edits, func(o steps.Edit) bool { return sameEdit(o, e) }) {
			continue
		}
		d := d
		d.Subject, d.Now, d.Wanted = e.Subject, found(e), wanted(e)
		switch i := slices.IndexFunc(agreed.Edits, func(o steps.Edit) bool { return o.Subject == e.Subject && (o.Op == steps.Run) == (e.Op == steps.Run) }); {
		case i >= 0:
			d.Planned = found(agreed.Edits[i])
			if wantsOther(agreed.Edits[i], e) {
				d.Wanted = wanted(agreed.Edits[i]) + ", and now " + d.Wanted
			}
		default:
			d.Planned = "nothing to do there"
		}
		all = append(all, d)
	}
	return all
}

// sameEdit reports whether two edits find the same and do the same. Of content
// that only a run makes nothing is known before.
func sameEdit(agreed, now steps.Edit) bool {
	return agreed.Op == now.Op && agreed.Subject == now.Subject && agreed.Summary == now.Summary &&
		sameContent(agreed.Before, now.Before) && sameContent(agreed.After, now.After) &&
		slices.Equal(agreed.Attrs, now.Attrs) && sameDisruption(agreed.Disrupts, now.Disrupts)
}

// wantsOther reports whether two edits of a subject are to leave different things.
// Attributes that were as wanted are in no edit.
func wantsOther(agreed, now steps.Edit) bool {
	attr := func(a steps.AttrEdit) bool {
		return slices.ContainsFunc(agreed.Attrs, func(b steps.AttrEdit) bool { return a.Name == b.Name && a.After != b.After })
	}
	switch {
	case agreed.Op == steps.Run, agreed.Op == steps.Delete, now.Op == steps.Delete:
		return wanted(agreed) != wanted(now)
	case agreed.After == nil || now.After == nil:
		return slices.ContainsFunc(now.Attrs, attr)
	}
	return !sameContent(agreed.After, now.After) || slices.ContainsFunc(now.Attrs, attr)
}

func sameContent(agreed, now *steps.Content) bool {
	if agreed == nil || now == nil {
		return agreed == now
	}
	return agreed.Unsettled || now.Unsettled || agreed.SHA256 == now.SHA256 && agreed.Size == now.Size
}

func sameDisruption(a, b *steps.Disruption) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// found says what an edit finds.
func found(e steps.Edit) string {
	switch {
	case e.Op == steps.Run:
		return "to be acted on"
	case e.Op == steps.Create:
		return "absent"
	}
	return words(e.Before, e.Attrs, func(a steps.AttrEdit) string { return a.Before })
}

// wanted says what an edit leaves.
func wanted(e steps.Edit) string {
	switch e.Op {
	case steps.Run:
		return e.Summary
	case steps.Delete:
		return "absent"
	}
	return words(e.After, e.Attrs, func(a steps.AttrEdit) string { return a.After })
}

func words(c *steps.Content, attrs []steps.AttrEdit, side func(steps.AttrEdit) string) string {
	var all []string
	switch {
	case c == nil:
	case c.Unsettled:
		all = append(all, "content that the run makes")
	case c.SHA256 != "":
		all = append(all, fmt.Sprintf("%d bytes, SHA-256 %.12s", c.Size, c.SHA256))
	}
	for _, a := range attrs {
		if v := side(a); v != "" {
			all = append(all, a.Name+" "+v)
		}
	}
	if len(all) == 0 {
		return "present"
	}
	return strings.Join(all, ", ")
}

// Error is the drift in words.
func (d Drift) Error() string {
	text := fmt.Sprintf("%s, step %s %s: %s\n  planned: %s\n  now:     %s", d.Host, d.Step, d.Name, d.Subject, d.Planned, d.Now)
	if d.Wanted != "" {
		text += "\n  wanted:  " + d.Wanted
	}
	return text
}
