package unit

import (
	"context"
	"strings"

	"lockstep/steps"
)

func sysvQuery(name string) steps.Command {
	return steps.Command{Argv: []string{"service", sysvName(name), "status"}, Reads: []string{Resource(name)}}
}

func sysvName(name string) string { return strings.TrimSuffix(name, ".service") }

// sysvStatus asks a SysV script. By the LSB, status ends with 0 when the
// service runs, 3 when it is stopped, and 1 or 2 when it died.
func sysvStatus(ctx context.Context, r steps.Reader, name string) (State, error) {
	s := State{Name: name, Load: "not-found", Active: "inactive"}
	script, err := r.Stat(ctx, "/etc/init.d/"+sysvName(name))
	if err != nil || script.Kind == steps.Absent {
		return s, err
	}
	out, err := r.Query(ctx, sysvQuery(name))
	if err != nil {
		return s, err
	}
	s.Load = "loaded"
	switch out.Code {
	case 0:
		s.Active = "active"
	case 1, 2:
		s.Active = "failed"
	}
	if _, after, ok := strings.Cut(string(out.Stdout), mark+"="); ok {
		s.foreseen = strings.TrimSpace(after)
	}
	if s.Running() && !s.Foreseen() {
		err = s.readPIDFile(ctx, r)
	}
	return s, err
}

// readPIDFile takes the time of the service's pid file for its start. That is
// a little late: the service wrote it once it ran.
func (s *State) readPIDFile(ctx context.Context, r steps.Reader) error {
	name := sysvName(s.Name)
	for _, at := range []string{"/run/" + name + ".pid", "/run/" + name + "/" + name + ".pid", "/run/mysqld/mysqld.pid"} {
		st, err := r.Stat(ctx, at)
		if err != nil {
			return err
		}
		if st.Kind == steps.Regular {
			s.Started = st.Changed.UTC()
			return nil
		}
	}
	return nil
}
