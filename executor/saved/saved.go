// Package saved is a plan that was kept to be carried out later: what a dry run
// found to do, and what that rests on, in one file without secrets. It knows the
// form of the file and tells what is not as it was; it asks no host and nobody.
package saved

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"lockstep/executor"
	"lockstep/executor/journal"
	"lockstep/internal/source"
)

// Version is that of the form of the file, which begins with it.
const Version = 1

// Plan is a saved plan. Its texts are without secrets when it is made.
type Plan struct {
	Version  int       `json:"lockstep_plan"`
	Name     string    `json:"name"`
	Made     time.Time `json:"made"`
	Expires  time.Time `json:"expires"`
	User     string    `json:"user"`
	Lockstep string    `json:"lockstep"`

	// Args have the paths as they were given.
	Args   journal.Args   `json:"args"`
	Inputs []source.File  `json:"inputs"`
	Hosts  []journal.Host `json:"hosts"`

	// Fingerprint is that of the steps, as the dry run has shown it.
	Fingerprint string                  `json:"fingerprint"`
	Steps       []executor.ApprovedStep `json:"steps"`
	Preview     string                  `json:"preview"`

	// Digest is the SHA-256 of the file with this empty: it finds edits, and does
	// not keep anybody from making them.
	Digest string `json:"digest"`
}

// Approval is what was planned.
func (p *Plan) Approval() *executor.Approval { return &executor.Approval{Steps: p.Steps} }

// Encode is the plan as a file, with version, fingerprint and digest set. Equal
// plans give equal bytes.
func (p *Plan) Encode() ([]byte, error) {
	out := *p
	out.Version, out.Fingerprint = Version, p.Approval().Fingerprint()
	digest, err := out.digest()
	if err != nil {
		return nil, err
	}
	out.Digest = digest
	return out.text()
}

func (p *Plan) digest() (string, error) {
	bare := *p
	bare.Digest = ""
	text, err := bare.text()
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

func (p *Plan) text() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(p)
	return b.Bytes(), err
}

// head is how a saved plan begins.
var head = regexp.MustCompile(`^\s*\{\s*"lockstep_plan"\s*:`)

// Is reports whether a file is a saved plan, sound or not.
func Is(data []byte) bool { return head.Match(data) }

// Parse reads a saved plan. Its errors, which alone use name, are of files that are
// not whole and of forms that this program does not know; see Check for the rest.
func Parse(name string, data []byte) (*Plan, error) {
	var form struct {
		Version  int    `json:"lockstep_plan"`
		Lockstep string `json:"lockstep"`
	}
	if err := json.Unmarshal(data, &form); err != nil {
		return nil, fmt.Errorf("%s: this saved plan cannot be read: %w\n  why: it is not whole, or was edited\n  do:  make it again with `lockstep plan -o`", name, err)
	}
	if form.Version != Version {
		return nil, fmt.Errorf("%s: the saved plan has the form %d, and this lockstep reads %d: use the lockstep that wrote it, %s", name, form.Version, Version, form.Lockstep)
	}
	var p Plan
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return nil, fmt.Errorf("%s: this saved plan cannot be read: %w\n  why: it was edited, or written by another lockstep: %s", name, err, form.Lockstep)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: something stands behind the saved plan: it was edited", name)
	}
	return &p, nil
}

// Check says why a plan must not be carried out at a time, whatever the hosts say.
func (p *Plan) Check(now time.Time) error {
	digest, err := p.digest()
	switch {
	case err != nil:
		return err
	case p.Approval().Fingerprint() != p.Fingerprint:
		return fmt.Errorf("the saved plan was edited: its steps have the fingerprint %s, and what was planned had %s", p.Approval().Fingerprint(), p.Fingerprint)
	case digest != p.Digest:
		return fmt.Errorf("the saved plan was edited: its digest is %s, and it says %s", digest, p.Digest)
	case now.After(p.Expires):
		return fmt.Errorf("the saved plan is too old: it was made %s and expired %s; --expires of lockstep plan says how long one is good for", stamp(p.Made), stamp(p.Expires))
	case now.Before(p.Made.Add(-slack)):
		return fmt.Errorf("the saved plan is from the future: it was made %s, and here it is %s; a clock is wrong", stamp(p.Made), stamp(now))
	}
	return nil
}

// slack is how far the clocks of two machines may be apart.
const slack = 5 * time.Minute

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// OtherHosts says in words which hosts are not those of the plan.
func (p *Plan) OtherHosts(now []journal.Host) []string {
	var out []string
	at := func(list []journal.Host, name string) int {
		return slices.IndexFunc(list, func(h journal.Host) bool { return h.Name == name })
	}
	for _, h := range p.Hosts {
		switch i := at(now, h.Name); {
		case i < 0:
			out = append(out, h.Name+" is no host of the plan any more")
		case now[i].Key != h.Key:
			out = append(out, fmt.Sprintf("%s has another host key: planned %s, now %s", h.Name, h.Key, now[i].Key))
		}
	}
	for _, h := range now {
		if at(p.Hosts, h.Name) < 0 {
			out = append(out, h.Name+" was no host of the plan")
		}
	}
	return out
}

// Done are the steps that are to do nothing any more.
func (p *Plan) Done(now *executor.Approval) int {
	n := 0
	for _, s := range p.Steps {
		if !slices.ContainsFunc(now.Steps, func(o executor.ApprovedStep) bool { return o.Host == s.Host && o.Step == s.Step }) {
			n++
		}
	}
	return n
}
