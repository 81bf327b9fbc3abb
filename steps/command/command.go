// Package command is the kind that runs a program of the user's. It knows
// nothing of what the program does, and says so in a dry run.
package command

import (
	"context"
	_ "embed" // for doc.md
	"fmt"
	"strings"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

//go:embed doc.md
var doc string

// Kind describes the kind to the registry.
func Kind() steps.Kind {
	return steps.Kind{
		Name:    "command",
		Summary: "a program or script of your own",
		Doc:     doc,
		New:     func() steps.Step { return &step{shell: "/bin/sh"} },
	}
}

type step struct {
	argv          []string
	script, shell string
	chdir, stdin  string
	writes        []string

	envValue, secretValue   source.Value
	unlessValue, checkValue source.Value
	creates, removes        string
	readOnly                bool

	env, secrets  []string // of env and secret_env; secrets are values only
	unless, check *question

	said *steps.Output // what the last run answered
}

func (s *step) Params(p *param.Set) {
	p.Strings(&s.argv, "argv", "the program and its arguments, which no shell reads")
	p.String(&s.script, "script", "a shell script, in place of argv; it travels as standard input, so its own is empty")
	p.Path(&s.shell, "shell", "the shell that runs scripts; it must understand what sh does")
	p.Path(&s.chdir, "chdir", "the working directory; / when left out")
	p.Raw(&s.envValue, "env", "map of text", "variables of the environment, added to a small clean one")
	p.Raw(&s.secretValue, "secret_env", "map of text", "more variables, whose values are masked wherever they occur")
	p.String(&s.stdin, "stdin", "the standard input of argv")
	p.Path(&s.creates, "creates", "run only while nothing is at this path; it must be there afterwards")
	p.Path(&s.removes, "removes", "run only while something is at this path; it must be gone afterwards")
	p.Raw(&s.unlessValue, "unless", "list or text", "a command or script that changes nothing: code 0 means that there is nothing to do")
	p.Raw(&s.checkValue, "check", "list or text", "as unless, but it must also answer with code 0 afterwards")
	p.Bool(&s.readOnly, "read_only", "the command changes nothing, so that a dry run runs it too")
	p.Strings(&s.writes, "writes", "all that the command may change: paths, or words such as service:mariadb; anything when left out", param.Check(checkResource))
}

// always is why a dry run cannot tell what a command does.
const always = "the effect of a command is not known before it ran"

func (s *step) Probe(ctx context.Context, v steps.View) (steps.Change, error) {
	if s.readOnly {
		return steps.Change{Secrets: s.secrets}, s.read(ctx, v.Self)
	}
	done, why, err := s.done(ctx, v.Self)
	unknown := s.unknown()
	if u, ok := steps.IsUnforeseen(err); ok {
		// It may run. Told as a change, so that a dry run takes what it may
		// write for unknown too.
		done, why, err, unknown = false, "", nil, "whether it runs is not known: "+u.Error()
	}
	if err != nil {
		s.said = &steps.Output{Code: -1}
	}
	if err != nil || done {
		return steps.Change{}, err
	}
	return steps.Change{
		Edits:   []steps.Edit{{Op: steps.Run, Subject: s.subject(), Summary: s.summary(), Why: why}},
		Unknown: unknown,
		Secrets: s.secrets,
	}, nil
}

// read runs a command that changes nothing. It may rest on anything.
func (s *step) read(ctx context.Context, r steps.Reader) error {
	c := s.query(&question{argv: s.argv, script: s.script})
	if s.script == "" {
		c.Stdin = []byte(s.stdin)
	}
	s.said = &steps.Output{Code: -1}
	out, err := r.Query(ctx, c)
	if err != nil {
		return err
	}
	s.said = &out
	return steps.Succeed(steps.Command{Argv: []string{s.summary()}}, out, nil)
}

func (s *step) unknown() string {
	if len(s.writes) == 0 {
		return always
	}
	return always + ", except that it keeps to " + strings.Join(s.writes, ", ")
}

func (s *step) subject() string {
	if s.script != "" {
		return "script"
	}
	return "command"
}

// summary is the command, or the first line of the script that does anything.
func (s *step) summary() string {
	if s.script == "" {
		return steps.Command{Argv: s.argv}.String()
	}
	lines := strings.Split(strings.TrimSpace(s.script), "\n")
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "set -") {
			return shorten(line, len(lines) > 1)
		}
	}
	return shorten(lines[0], len(lines) > 1)
}

func shorten(line string, more bool) string {
	const most = 60
	if runes := []rune(line); len(runes) > most {
		line, more = string(runes[:most]), true
	}
	if more {
		line += " ..."
	}
	return line
}

// done judges whether there is nothing to do, and if there is, why.
func (s *step) done(ctx context.Context, r steps.Reader) (done bool, why string, err error) {
	switch {
	case s.creates != "":
		st, err := r.Stat(ctx, s.creates)
		return st.Kind != steps.Absent, s.creates + " does not exist", err
	case s.removes != "":
		st, err := r.Stat(ctx, s.removes)
		return st.Kind == steps.Absent, s.removes + " exists", err
	case s.unless != nil:
		return s.ask(ctx, r, "unless", s.unless)
	case s.check != nil:
		return s.ask(ctx, r, "check", s.check)
	}
	return false, "", nil
}

func (s *step) ask(ctx context.Context, r steps.Reader, name string, q *question) (done bool, why string, err error) {
	out, err := r.Query(ctx, s.query(q))
	if err != nil {
		return false, "", fmt.Errorf("%s: %w", name, err)
	}
	if out.Code == 126 || out.Code == 127 { // POSIX: found but not executable, not found
		return false, "", &steps.Problem{What: fmt.Sprintf("%s could not be run: code %d", name, out.Code),
			Why: strings.TrimSpace(string(out.Stderr)), Do: "a question that cannot be asked is no answer: correct it"}
	}
	return out.Code == 0, fmt.Sprintf("%s answered with code %d", name, out.Code), nil
}

// query is a question as a command. It may rest on anything.
func (s *step) query(q *question) steps.Command {
	c := s.command(q.argv, q.script)
	c.Reads = []string{"*"}
	return c
}

// command has a script read from standard input as a whole before it begins,
// so that it is in no list of processes and no program in it can swallow the
// rest of it.
func (s *step) command(argv []string, script string) steps.Command {
	c := steps.Command{Argv: argv, Env: s.env, Dir: s.chdir}
	if script != "" {
		c.Argv, c.Stdin = []string{s.shell, "-c", `eval "$(cat)" </dev/null`}, []byte(script)
	}
	return c
}

func (s *step) Apply(ctx context.Context, h steps.Host, c steps.Change) error {
	if len(c.Edits) == 0 {
		return nil
	}
	run := s.command(s.argv, s.script)
	if s.script == "" {
		run.Stdin = []byte(s.stdin)
	}
	run.Long, run.Writes, run.Foresees = true, s.writes, s.foresees()
	s.said = &steps.Output{Code: -1} // unless it comes to its end
	out, err := h.Exec(ctx, run)
	if err == nil {
		s.said = &out
	}
	return steps.Succeed(steps.Command{Argv: []string{c.Edits[0].Summary}}, out, err)
}

// foresees is what holds after success, since Verify asks for it. That a path
// exists says nothing of its content, so creates foresees nothing.
func (s *step) foresees() []steps.Foreseen {
	switch {
	case s.removes != "":
		return []steps.Foreseen{{Path: s.removes}}
	case s.check != nil:
		return []steps.Foreseen{{Query: s.query(s.check)}}
	}
	return nil
}

// Verify asks again what must hold after the command, if anything.
func (s *step) Verify(ctx context.Context, v steps.View) error {
	if s.creates == "" && s.removes == "" && s.check == nil {
		return nil
	}
	done, why, err := s.done(ctx, v.Self)
	if err != nil || done {
		return err
	}
	return &steps.Problem{What: fmt.Sprintf("%s ended well, but %s", s.subject(), why),
		Do: "correct the command, or what it is judged by"}
}
