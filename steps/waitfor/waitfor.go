// Package waitfor is the kind that waits for what comes about by itself. It
// knows how to look once; how often and how long is the executor's.
package waitfor

import (
	"context"
	_ "embed" // for doc.md
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"lockstep/steps"
	"lockstep/steps/param"
)

//go:embed doc.md
var doc string

// Kind describes the kind to the registry.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "wait_for",
		Summary: "a port, a path or a command's answer that comes about by itself",
		Doc:     doc,
		New: func() steps.Step {
			return &step{address: "127.0.0.1", timeout: 5 * time.Minute, every: time.Second}
		},
	}
}

type step struct {
	port           int
	address, path  string
	command        []string
	timeout, every time.Duration

	said steps.Output // what the command answered last
}

func (s *step) Params(p *param.Set) {
	p.Int(&s.port, "port", "the TCP port that must answer", param.Check(checkPort))
	p.String(&s.address, "address", "where the port is, as the host sees it")
	p.Path(&s.path, "path", "the path at which something must be")
	p.Strings(&s.command, "command", "a program and its arguments that must end with code 0 and change nothing")
	p.Duration(&s.timeout, "timeout", "how long to wait at most")
	p.Duration(&s.every, "every", "how long to wait before looking again")
}

func checkPort(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("port is %s, but ports go from 1 to 65535", text)
	}
	return nil
}

// Check demands exactly one thing to wait for.
func (s *step) Check() error {
	n := 0
	for _, given := range []bool{s.port != 0, s.path != "", len(s.command) > 0} {
		if given {
			n++
		}
	}
	switch {
	case n != 1:
		return errors.New("name exactly one thing to wait for: port, path or command")
	case s.every <= 0:
		return errors.New("every must be longer than nothing")
	}
	return nil
}

// Patience is how long the executor is to wait, and how often it looks.
func (s *step) Patience() (timeout, delay time.Duration) { return s.timeout, s.every }

// Wait looks once.
func (s *step) Wait(ctx context.Context, v steps.View) error {
	switch {
	case s.port != 0:
		return s.answers(ctx, v.Self)
	case s.path != "":
		return s.exists(ctx, v.Self)
	default:
		return s.succeeds(ctx, v.Self)
	}
}

func (s *step) answers(ctx context.Context, r steps.Reader) error {
	at := net.JoinHostPort(s.address, strconv.Itoa(s.port))
	conn, err := r.Dial(ctx, at)
	if _, unforeseen := steps.IsUnforeseen(err); unforeseen || errors.Is(err, steps.ErrUnreachable) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		return &steps.NotYet{What: fmt.Sprintf("%s does not answer: %v", at, err)}
	}
	return conn.Close()
}

func (s *step) exists(ctx context.Context, r steps.Reader) error {
	st, err := r.Stat(ctx, s.path)
	if err == nil && st.Kind == steps.Absent {
		return &steps.NotYet{What: s.path + " does not exist"}
	}
	return err
}

func (s *step) succeeds(ctx context.Context, r steps.Reader) error {
	c := steps.Command{Argv: s.command, Reads: []string{"*"}}
	s.said = steps.Output{Code: -1}
	out, err := r.Query(ctx, c)
	if err == nil {
		s.said = out
	}
	switch {
	case err != nil || out.Code == 0:
		return err
	case out.Code == 126 || out.Code == 127: // POSIX: found but not executable, not found
		return steps.Succeed(c, out, nil)
	}
	return &steps.NotYet{What: fmt.Sprintf("%s ended with code %d", c, out.Code)}
}

// Probe looks once too: what is not so yet may come about.
func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	err := s.Wait(ctx, v)
	var notYet *steps.NotYet
	if errors.As(err, &notYet) {
		return steps.Change{Unknown: "the run waits for it: " + notYet.What}, nil
	}
	return steps.Change{}, err
}

// Reports names what `register` gives of the command, and what an `until` on the
// step can ask for.
func (s *step) Reports() []string { return steps.OutputFields() }

// Report is what the command answered at the last look; without one there is
// nothing, with code 0.
func (s *step) Report() map[string]any { return steps.ReportOutput(s.said) }

// Apply changes nothing.
func (s *step) Apply(context.Context, steps.Host, steps.Change) error { return nil }
