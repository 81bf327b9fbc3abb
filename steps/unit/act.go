package unit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lockstep/steps"
)

// Start starts the service; files are what it reads at start, see Stale. It
// is systemd's job that a start ends when the service is ready. When the
// service does not come up the error is a *steps.Problem with the last lines
// of its journal.
func Start(ctx context.Context, h steps.Host, name string, files ...string) error {
	return act(ctx, h, name, "start", files)
}

// Restart stops and starts the service; see Start.
func Restart(ctx context.Context, h steps.Host, name string, files ...string) error {
	return act(ctx, h, name, "restart", files)
}

// Stop stops the service.
func Stop(ctx context.Context, h steps.Host, name string) error {
	return act(ctx, h, name, "stop", nil)
}

// Enable lets the service start at boot, or not. Only systemd is supported.
func Enable(ctx context.Context, h steps.Host, name string, on bool) error {
	s, err := Status(ctx, h, name)
	if err != nil {
		return err
	}
	verb, after := "disable", s
	after.Enabled = "disabled"
	if on {
		verb, after.Enabled = "enable", "enabled"
	}
	c := after.foresee(steps.Command{Argv: []string{"systemctl", verb, "--", name}, Writes: []string{Resource(name), "/etc/systemd/system/multi-user.target.wants"}})
	out, err := h.Exec(ctx, c)
	return steps.Succeed(c, out, err)
}

func act(ctx context.Context, h steps.Host, name, verb string, files []string) error {
	s, err := Status(ctx, h, name)
	if err != nil {
		return err
	}
	if s, err = reload(ctx, h, s); err != nil {
		return err
	}
	after, err := s.after(ctx, h, verb, files)
	if err != nil {
		return err
	}
	c := after.foresee(steps.Command{Argv: s.argv(verb), Long: true, Writes: writes(name)})
	out, err := h.Exec(ctx, c)
	if err != nil {
		return err
	}
	if out.Code != 0 {
		return s.failure(ctx, h, c, out)
	}
	return nil
}

// writes is what a service that starts or stops may change beside itself.
func writes(name string) []string { return []string{Resource(name), "/var/lib", "/var/log"} }

func (s State) argv(verb string) []string {
	if s.Systemd {
		return []string{"systemctl", verb, "--", s.Name}
	}
	return []string{"service", sysvName(s.Name), verb}
}

// reload lets systemd read the unit's files when they changed.
func reload(ctx context.Context, h steps.Host, s State) (State, error) {
	if !s.Systemd {
		return s, nil
	}
	changed, err := unitChanged(ctx, h, s)
	if _, unforeseen := steps.IsUnforeseen(err); unforeseen {
		return s, nil // a reload more or less: nothing hangs on it
	}
	if err != nil || !changed {
		return s, err
	}
	after := s
	after.NeedReload = false
	c := after.foresee(steps.Command{Argv: []string{"systemctl", "daemon-reload"}, Writes: []string{Resource(s.Name)}})
	out, err := h.Exec(ctx, c)
	return after, steps.Succeed(c, out, err)
}

// after is the state that a successful act leads to.
func (s State) after(ctx context.Context, r steps.Reader, verb string, files []string) (State, error) {
	a := s
	if verb == "stop" {
		a.Active, a.Sub, a.Result, a.PID, a.foreseen = "inactive", "dead", "success", 0, ""
		return a, nil
	}
	a.Active, a.Sub, a.Result, a.foreseen = "active", "running", "success", "soon"
	found, err := gather(ctx, r, a, files)
	if err != nil {
		return a, err
	}
	a.foreseen, err = fingerprint(ctx, r, found)
	return a, err
}

// foresee adds to c that the service will be as s says.
func (s State) foresee(c steps.Command) steps.Command {
	f := steps.Foreseen{Query: ShowQuery(s.Name), Output: steps.Output{Stdout: []byte(s.show())}}
	if !s.Systemd {
		f = steps.Foreseen{Query: sysvQuery(s.Name), Output: steps.Output{Stdout: []byte(mark + "=" + s.foreseen)}}
		if !s.Running() {
			f.Output.Code = 3
		}
	}
	c.Foresees = append(c.Foresees, f)
	return c
}

// failure tells why an act did not succeed.
func (s State) failure(ctx context.Context, r steps.Reader, c steps.Command, out steps.Output) error {
	words := slices.DeleteFunc(slices.Clone(c.Argv), func(w string) bool { return w == "--" })
	p := Failure(ctx, r, s.Name, fmt.Sprintf("%s ended with code %d", strings.Join(words, " "), out.Code))
	if p.Why == "" {
		p.Why = quote(string(out.Stderr) + string(out.Stdout))
	}
	return p
}

// Failure describes a service that is not as it should be, in its own words:
// what, how it is now, and the last lines of its journal unless it runs.
func Failure(ctx context.Context, r steps.Reader, name, what string) *steps.Problem {
	p := &steps.Problem{What: what, Do: "correct what it complains about, then run again: what is done already is left alone"}
	now, err := Status(ctx, r, name)
	if err == nil {
		p.What += fmt.Sprintf("; %s is %s", name, now)
	}
	if err == nil && now.Systemd && !now.Running() {
		c := JournalQuery(name)
		var out steps.Output
		out, err = r.Query(ctx, c)
		err = steps.Succeed(c, out, err)
		p.Why = quote(string(out.Stdout))
	}
	if err != nil {
		p.What += " (its journal cannot be read: " + err.Error() + ")"
		p.Err = err
	}
	return p
}

func quote(said string) string {
	said = strings.TrimSpace(said)
	if said == "" {
		return ""
	}
	return "it said\n       " + strings.ReplaceAll(said, "\n", "\n       ")
}

// JournalQuery asks for the last 20 lines that the service wrote.
func JournalQuery(name string) steps.Command {
	return steps.Command{Argv: []string{"journalctl", "-u", name, "-n", "20", "--no-pager", "-o", "cat"}, Reads: []string{Resource(name)}}
}
