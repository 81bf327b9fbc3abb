package audit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"lockstep/executor"
	"lockstep/steps"
)

// The checks that any plan has, beside those of its steps.
const (
	idState = "plan.state" // the host is as the step wants it
	idProof = "plan.proof" // the step's own verification holds
	idStep  = "plan.step"  // the step could be walked through
	idGate  = "plan.gate"  // the gate is healthy
	idHost  = "plan.host"  // the host can be looked at
)

// Collector makes findings of the events of an audit.
type Collector struct {
	// Clean makes a text fit to be shown: no secret in it, and nothing that steers
	// a terminal. It comes before any format, since their escapes would hide both.
	Clean func(string) string

	plan  string
	hosts []string
	found []Finding
}

// Event takes one event.
func (c *Collector) Event(e executor.Event) {
	switch e.Type {
	case executor.EventStart:
		c.plan, c.hosts = c.Clean(e.Name), e.Hosts
	case executor.EventStep:
		c.step(e)
	case executor.EventGate:
		if e.Status == executor.StatusRed {
			c.failure(e, "gate", idGate)
		}
	}
}

func (c *Collector) step(e executor.Event) {
	for _, f := range e.Findings {
		c.add(e, f)
	}
	switch {
	case e.Err != nil:
		c.failure(e, e.Kind, idStep)
	case e.Findings != nil:
	case e.Status == executor.StatusVerified:
		c.add(e, steps.Finding{ID: idProof, Area: e.Kind, Severity: steps.Critical, Result: steps.Passed, Subject: e.Name,
			Looked: "the verification of the step", Found: "it holds"})
	case e.Change != nil:
		c.add(e, state(e))
	}
}

// state is what a step without findings of its own has to say.
func state(e executor.Event) steps.Finding {
	f := steps.Finding{ID: idState, Area: e.Kind, Severity: steps.Warning, Result: steps.Passed, Subject: e.Name,
		Looked: "what the step would change", Found: "nothing: the host is as the plan wants it", Expected: "nothing"}
	var edits []string
	for _, x := range e.Change.Edits {
		edits = append(edits, edit(x))
	}
	switch {
	case e.Status == executor.StatusUnknown || e.Change.Unknown != "":
		why := e.Change.Unknown
		if why == "" {
			why = e.Message
		}
		f.Result, f.Found = steps.Undecidable, "unknown, because "+why
	case len(edits) > 0:
		f.Result, f.Found = steps.Wrong, strings.Join(edits, "\n")
		f.Why = "the host is not as the plan wants it"
		f.Do = "`lockstep plan` shows each difference, `lockstep apply` makes it so; or change the plan"
	}
	return f
}

func edit(x steps.Edit) string {
	parts := []string{string(x.Op), x.Subject}
	if x.Summary != "" {
		parts = append(parts, x.Summary)
	}
	for _, a := range x.Attrs {
		parts = append(parts, attribute(a))
	}
	text := strings.Join(parts, " ")
	if x.Why != "" {
		text += " (" + x.Why + ")"
	}
	return text
}

func attribute(a steps.AttrEdit) string {
	if a.Before == "" {
		return a.Name + " " + a.After
	}
	return fmt.Sprintf("%s %s -> %s", a.Name, a.Before, a.After)
}

// failure tells each error of a step or gate by itself.
func (c *Collector) failure(e executor.Event, area, id string) {
	for _, err := range apart(e.Err) {
		c.add(e, failed(err, area, id, e.Name))
	}
}

// failed is the finding that err is. What could not be reached or looked at is
// unknown; all else is wrong.
func failed(err error, area, id, subject string) steps.Finding {
	f := steps.Finding{ID: id, Area: area, Severity: steps.Critical, Result: steps.Wrong, Subject: subject, Found: err.Error()}
	var p *steps.Problem
	if errors.As(err, &p) {
		f.Found, f.Why, f.Do = p.What, p.Why, p.Do
	}
	if errors.Is(err, executor.ErrUnaudited) || errors.Is(err, steps.ErrUnreachable) || errors.Is(err, steps.ErrRefused) {
		f.Result = steps.Undecidable
		f.Found = "unknown, because " + f.Found
	}
	return f
}

// apart are the errors of a list, each by itself.
func apart(err error) []error {
	var list interface{ WrappedErrors() []error }
	if errors.As(err, &list) && !errors.Is(err, executor.ErrUnaudited) {
		var all []error
		for _, e := range list.WrappedErrors() {
			all = append(all, apart(e)...)
		}
		return all
	}
	return []error{err}
}

func (c *Collector) add(e executor.Event, f steps.Finding) {
	for _, text := range []*string{&f.Area, &f.Subject, &f.Looked, &f.Found, &f.Expected, &f.Why, &f.Do, &f.Source, &f.Peer, &e.Name} {
		*text = c.Clean(*text)
	}
	c.found = append(c.found, Finding{Finding: f, Host: e.Host, Step: e.Step, Name: e.Name})
}

// Report is all that was found, host by host. Failures of hosts outside of any
// step, and what was lost with a host, are findings too.
func (c *Collector) Report(failures []executor.HostError) Report {
	for _, f := range failures {
		switch {
		case f.Step == "":
			c.add(executor.Event{Host: f.Host}, failed(f.Err, "host", idHost, f.Host))
		case errors.Is(f.Err, steps.ErrUnreachable), errors.Is(f.Err, steps.ErrRefused):
			c.add(executor.Event{Host: f.Host}, steps.Finding{ID: idHost, Area: "host", Severity: steps.Critical, Result: steps.Undecidable, Subject: f.Host,
				Found: "unknown, because the host was lost: nothing behind step " + f.Step + " was looked at"})
		}
	}
	order := c.hosts
	for _, f := range c.found {
		if !slices.Contains(order, f.Host) {
			order = append(order[:len(order):len(order)], f.Host) // the control machine, or a helper
		}
	}
	at := func(f Finding) int { return slices.Index(order, f.Host) }
	slices.SortStableFunc(c.found, func(a, b Finding) int { return at(a) - at(b) })
	return Report{Plan: c.plan, Hosts: order, Findings: c.found, FailOn: steps.Warning}
}
