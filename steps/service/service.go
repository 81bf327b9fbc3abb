// Package service is the kind that keeps a service running on its current
// files, certificates and settings. It does not know what a service is for:
// what it must have read is told by the plan.
package service

import (
	"context"
	_ "embed" // for doc.md
	"errors"
	"fmt"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
	"lockstep/steps/unit"
)

//go:embed doc.md
var doc string

// Kind describes the kind to the registry.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "service",
		Summary: "a service that runs on its current files, certificates and settings",
		Doc:     doc,
		New:     func() steps.Step { return &step{} },
	}
}

// The states a service can be wanted in.
const (
	started   = "started"
	stopped   = "stopped"
	restarted = "restarted"
	current   = "current"
)

type step struct {
	name, state  string
	enabledValue source.Value
	enabled      *bool
	replaces     []string
	files        []string
	certificates []certificate
	settings     []setting
}

func (s *step) Params(p *param.Set) {
	p.String(&s.name, "name", "the service", param.Required(), param.Check(checkName))
	p.String(&s.state, "state", "the state it is to be in; current restarts only what does not run on its files", param.OneOf(started, stopped, restarted, current))
	p.Raw(&s.enabledValue, "enabled", "true or false", "whether it starts at boot; as it is when left out")
	p.Strings(&s.replaces, "replaces", "units that may run the same server in its place, such as mysql@bootstrap; one that runs is stopped, and the service is started")
	p.Paths(&s.files, "files", "what it reads at start: files, globs in the last part of a path, directories with all below them")
	param.List(p, &s.certificates, "certificates", "certificates that it must present, each compared with its file", (*certificate).params)
	param.List(p, &s.settings, "settings", "settings that it must have, each asked for by a command", (*setting).params)
}

// Check finds parameters that do not go together.
func (s *step) Check() error {
	var problems *multierror.Error
	add := func(err error) {
		if err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	evidence := len(s.files) + len(s.certificates) + len(s.settings)
	switch {
	case s.state == "" && s.enabledValue.Shape == source.Null:
		add(errors.New("there is nothing to keep: give state or enabled"))
	case evidence > 0 && s.state != current:
		add(errors.New("files, certificates and settings are evidence for state: current"))
	case evidence == 0 && s.state == current:
		add(errors.New("state: current needs evidence: name the files that the service reads, the certificates that it presents, or settings"))
	}
	if len(s.replaces) > 0 && (s.state == "" || s.state == stopped) {
		add(errors.New("replaces goes with a state in which the service runs"))
	}
	for _, name := range s.replaces {
		add(checkName(name))
	}
	add(s.decodeEnabled())
	for i := range s.settings {
		add(s.settings[i].check())
	}
	return problems.ErrorOrNil()
}

func (s *step) decodeEnabled() error {
	if s.enabledValue.Shape == source.Null {
		return nil
	}
	on, ok := s.enabledValue.Any.(bool)
	if !ok || s.enabledValue.Quoted {
		return s.enabledValue.Errorf("write true or false", "enabled must be true or false, but this is %q", s.enabledValue.Text)
	}
	s.enabled = &on
	return nil
}

func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	found, err := unit.Must(ctx, v.Self, s.name)
	if err != nil {
		return steps.Change{}, err
	}
	var c steps.Change
	if e, err := s.probeEnabled(found); err != nil {
		return steps.Change{}, err
	} else if e != nil {
		c.Edits = append(c.Edits, *e)
	}
	e, err := s.probeState(ctx, v.Self, found)
	if u, ok := steps.IsUnforeseen(err); ok {
		// It may restart. Told as a change, so that a dry run counts the
		// disruption and takes what hangs on it for unknown too.
		e, err, c.Unknown = s.run(restart, "", steps.Restarts), nil, "whether it must restart is not known: "+u.Error()
	}
	if err != nil {
		return steps.Change{}, err
	}
	if e != nil {
		c.Edits = append(c.Edits, *e)
	}
	return c, nil
}

// The summaries of edits, by which Apply knows what to do.
const (
	enable  = "enable at boot"
	disable = "disable at boot"
	start   = "start"
	stop    = "stop"
	restart = "restart"
	take    = "take over"
)

func (s *step) run(summary, why string, effect steps.Effect) *steps.Edit {
	return &steps.Edit{Op: steps.Run, Subject: "service " + s.name, Summary: summary, Why: why, Disrupts: unit.Disruption(s.name, effect)}
}

func (s *step) probeState(ctx context.Context, r steps.Reader, found unit.State) (*steps.Edit, error) {
	switch {
	case s.state == "":
		return nil, nil
	case s.state == stopped && (found.Active == "inactive" || found.Active == "failed"):
		return nil, nil
	case s.state == stopped:
		return s.run(stop, "it is "+found.String(), steps.Stops), nil
	case found.Active == "activating" || found.Active == "deactivating":
		return nil, &steps.Problem{What: fmt.Sprintf("the service %s is %s", s.name, found),
			Why: "it is in the middle of a start or stop, which may be a long one, such as a state transfer",
			Do:  "wait until it is over, or stop it by hand, then run again"}
	case !found.Running() && len(s.replaces) > 0:
		return s.probePlace(ctx, r, found)
	case !found.Running():
		return s.run(start, "it is "+found.String(), steps.Starts), nil
	case s.state == restarted:
		return s.run(restart, "the plan asks for it each time", steps.Restarts), nil
	case s.state == current:
		return s.probeCurrent(ctx, r, found)
	}
	return nil, nil
}

// probePlace is about a service that does not run: another unit may run its server.
func (s *step) probePlace(ctx context.Context, r steps.Reader, found unit.State) (*steps.Edit, error) {
	for _, name := range s.replaces {
		other, err := unit.Status(ctx, r, name)
		switch {
		case err != nil:
			return nil, err
		case other.Running():
			return s.run(take, name+" runs in its place, and is stopped first", steps.Restarts), nil
		case other.Active == "activating" || other.Active == "deactivating":
			return nil, &steps.Problem{What: fmt.Sprintf("%s, which %s replaces, is %s", name, s.name, other),
				Do: "wait until it is over, or stop it by hand, then run again"}
		}
	}
	return s.run(start, "it is "+found.String(), steps.Starts), nil
}

// takeOver stops what runs in the place of the service.
func (s *step) takeOver(ctx context.Context, h steps.Host) error {
	for _, name := range s.replaces {
		other, err := unit.Status(ctx, h, name)
		if err == nil && other.Running() {
			err = unit.Stop(ctx, h, name)
		}
		if err != nil {
			return err
		}
	}
	return unit.Start(ctx, h, s.name, s.files...)
}

func (s *step) probeEnabled(found unit.State) (*steps.Edit, error) {
	if s.enabled == nil {
		return nil, nil
	}
	if !found.Systemd {
		return nil, &steps.Problem{What: fmt.Sprintf("whether %s starts at boot cannot be set: its host does not run systemd", s.name),
			Do: "leave enabled out, and use update-rc.d or chkconfig in a command step"}
	}
	on := found.Enabled == "enabled"
	off := found.Enabled == "disabled"
	switch {
	case *s.enabled && on || !*s.enabled && (off || found.Enabled == "static" || found.Enabled == "indirect"):
		return nil, nil
	case !on && !off && found.Enabled != "enabled-runtime":
		return nil, &steps.Problem{What: fmt.Sprintf("whether %s starts at boot cannot be set: its unit is %q", s.name, found.Enabled),
			Why: "only a systemd unit with an [Install] section can be enabled or disabled", Do: "leave enabled out, and set it by hand"}
	case *s.enabled:
		return &steps.Edit{Op: steps.Run, Subject: "service " + s.name, Summary: enable, Why: "it is " + found.Enabled}, nil
	default:
		return &steps.Edit{Op: steps.Run, Subject: "service " + s.name, Summary: disable, Why: "it is " + found.Enabled}, nil
	}
}

func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	for _, e := range c.Edits {
		if err := s.act(ctx, h, e.Summary); err != nil {
			return err
		}
	}
	return nil
}

func (s *step) act(ctx context.Context, h steps.Host, summary string) error {
	switch summary {
	case enable, disable:
		return unit.Enable(ctx, h, s.name, summary == enable)
	case take:
		return s.takeOver(ctx, h)
	case start:
		return unit.Start(ctx, h, s.name, s.files...)
	case stop:
		return unit.Stop(ctx, h, s.name)
	case restart:
		return unit.Restart(ctx, h, s.name, s.files...)
	}
	return fmt.Errorf("internal error: %q is not an act on a service", summary)
}

// Verify proves the state afterwards: a service can say that it was started
// and be gone a moment later.
func (s *step) Verify(ctx context.Context, v steps.View) error {
	once := *s
	if s.state == restarted {
		once.state = started
	}
	c, err := once.Probe(ctx, v)
	if err != nil || c.Empty() {
		return err
	}
	e := c.Edits[len(c.Edits)-1]
	return unit.Failure(ctx, v.Self, s.name, fmt.Sprintf("the service %s is not as wanted: it still needs %s, since %s", s.name, e.Summary, e.Why))
}
