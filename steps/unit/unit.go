// Package unit is what kinds that handle services share: the state of a
// service as its host tells it, the acts on it, and the judgement whether it
// runs on its current files. It speaks systemd, and SysV scripts where systemd
// is not pid 1. It does not know what any service is for.
package unit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lockstep/steps"
)

// State is what a host tells about one of its services.
type State struct {
	Name    string // as the plan calls it
	Systemd bool   // false: a SysV script
	Load    string // loaded, not-found, masked, error, ...
	Active  string // active, activating, inactive, failed, ...
	Sub     string // running, exited, auto-restart, ...
	Result  string // success, exit-code, timeout, ...
	PID     int
	// Started is when the main process began, by the host's clock. It is zero
	// when nothing runs, or when the host cannot tell.
	Started time.Time
	// NeedReload: systemd has not read the unit's files since they changed.
	NeedReload bool
	// Enabled is systemd's word: enabled, disabled, static, masked, ...
	Enabled string
	// Files are the unit's own files, without those that systemd generates.
	Files []string

	fragment, dropIns string
	// foreseen is not empty in a dry run after a start that it foresaw: it is
	// the mark of the evidence of that moment.
	foreseen string
}

// Exists reports whether the host knows the service.
func (s State) Exists() bool { return s.Load != "not-found" && s.Load != "" }

// Running reports whether the service is up. One that is still starting, or
// that systemd is about to start again, is not.
func (s State) Running() bool { return s.Active == "active" || s.Active == "reloading" }

// Foreseen reports whether a dry run foresaw the state. What can be asked of
// the process itself, such as the certificate that it presents, must then be
// taken for current, unless Stale says otherwise.
func (s State) Foreseen() bool { return s.foreseen != "" }

// String says how the service is, for people.
func (s State) String() string {
	words := s.Active
	if s.Sub != "" && s.Sub != s.Active {
		words += " (" + s.Sub + ")"
	}
	if s.Result != "" && s.Result != "success" {
		words += ", result " + s.Result
	}
	return words
}

// Since says when the service was started, for people.
func (s State) Since() string {
	if s.Started.IsZero() {
		return "start unknown"
	}
	return "started " + clock(s.Started)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Resource is the word for the service in Command.Reads and Command.Writes.
func Resource(name string) string { return "service:" + strings.TrimSuffix(name, ".service") }

// Disruption describes what an act does to the service.
func Disruption(name string, e steps.Effect) *steps.Disruption {
	return &steps.Disruption{Service: strings.TrimSuffix(name, ".service"), Effect: e}
}

// Status asks for the state of a service. A service that the host does not
// know is no error: see State.Exists.
func Status(ctx context.Context, r steps.Reader, name string) (State, error) {
	booted, err := r.Stat(ctx, "/run/systemd/system")
	if err != nil {
		return State{}, err
	}
	if booted.Kind != steps.Directory {
		return sysvStatus(ctx, r, name)
	}
	c := ShowQuery(name)
	out, err := r.Query(ctx, c)
	if err == nil && out.Code != 0 && strings.Contains(string(out.Stderr), "--timestamp") {
		c = oldShowQuery(name) // systemd before 247
		out, err = r.Query(ctx, c)
	}
	if err := steps.Succeed(c, out, err); err != nil {
		return State{}, fmt.Errorf("service %s: %w", name, err)
	}
	s, err := ParseShow(string(out.Stdout))
	s.Name = name
	return s, err
}

// Must is Status for a service that has to exist.
func Must(ctx context.Context, r steps.Reader, name string) (State, error) {
	s, err := Status(ctx, r, name)
	switch {
	case err != nil:
		return s, err
	case !s.Exists():
		return s, &steps.Problem{What: fmt.Sprintf("%s has no service %s", r.Name(), name),
			Do: "install it first, or correct the name (`systemctl list-unit-files --type=service` lists all)"}
	case s.Load == "masked":
		return s, &steps.Problem{What: fmt.Sprintf("the service %s is masked", name),
			Why: "somebody decided that it must not be started", Do: "`systemctl unmask " + name + "` when that is over"}
	case s.Load != "loaded":
		return s, &steps.Problem{What: fmt.Sprintf("systemd cannot load the service %s: %s", name, s.Load),
			Do: "`systemd-analyze verify " + name + "` tells what is wrong with its unit file"}
	}
	return s, nil
}
