package stepstest

import (
	"context"
	"fmt"
	"net"
	"slices"

	"lockstep/steps"
)

// DialFunc serves the connections that are opened on a Fake.
type DialFunc func(ctx context.Context, address string) (net.Conn, error)

// AnswerFunc answers a command. It may change the host through f's methods
// for tests (PutFile, Edit, Answer, ...).
type AnswerFunc func(f *Fake, c steps.Command) steps.Output

type scripted struct {
	argv   []string
	stdin  []byte
	anyIn  bool
	answer AnswerFunc
}

// Answer scripts a query with this argv, whatever its standard input: it
// prints stdout and ends with code 0. A later script of one argv wins.
func (f *Fake) Answer(stdout string, argv ...string) {
	f.AnswerWith(steps.Output{Stdout: []byte(stdout)}, argv...)
}

// AnswerWith scripts the whole output of a query with this argv.
func (f *Fake) AnswerWith(out steps.Output, argv ...string) {
	f.OnQuery(func(*Fake, steps.Command) steps.Output { return out }, argv...)
}

// AnswerTo scripts the output of a query with the Argv and Stdin of c.
func (f *Fake) AnswerTo(c steps.Command, out steps.Output) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries = append(f.queries, scripted{argv: c.Argv, stdin: c.Stdin,
		answer: func(*Fake, steps.Command) steps.Output { return out }})
}

// OnQuery scripts a query with this argv by a function.
func (f *Fake) OnQuery(answer AnswerFunc, argv ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries = append(f.queries, scripted{argv: argv, anyIn: true, answer: answer})
}

// OnOther answers all queries that nobody scripted.
func (f *Fake) OnOther(answer AnswerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.other = answer
}

// OnExec scripts a command that changes the host; effect does what the
// command would do, and nil does nothing and ends with code 0.
func (f *Fake) OnExec(effect AnswerFunc, argv ...string) {
	if effect == nil {
		effect = func(*Fake, steps.Command) steps.Output { return steps.Output{} }
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.execs = append(f.execs, scripted{argv: argv, anyIn: true, answer: effect})
}

// OnDial serves connections; without it every Dial is refused.
func (f *Fake) OnDial(serve DialFunc) { f.dial = serve }

// Queries returns the queries that were asked so far.
func (f *Fake) Queries() []steps.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// Execs returns the commands that were executed so far, also by a preview.
func (f *Fake) Execs() []steps.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.done)
}

// Query implements steps.Reader.
func (f *Fake) Query(ctx context.Context, c steps.Command) (steps.Output, error) {
	if err := f.read(ctx); err != nil {
		return steps.Output{}, err
	}
	f.mu.Lock()
	f.asked = append(f.asked, c)
	out, known, err := f.foresee(c)
	answer := lookup(f.queries, c)
	if answer == nil {
		answer = f.other
	}
	f.mu.Unlock()
	switch {
	case known || err != nil:
		return out, err
	case answer == nil:
		return out, fmt.Errorf("stepstest: nobody scripted the query %q with stdin %q on %s", c.Argv, c.Stdin, f.name)
	}
	return answer(f, c), nil
}

// Exec implements steps.Host.
func (f *Fake) Exec(ctx context.Context, c steps.Command) (steps.Output, error) {
	if err := f.write(ctx); err != nil {
		return steps.Output{}, err
	}
	f.mu.Lock()
	f.done = append(f.done, c)
	failing := len(f.done) == f.failExec
	answer := lookup(f.execs, c)
	if f.preview {
		f.remember(c)
	}
	f.mu.Unlock()
	switch {
	case f.preview:
		return steps.Output{}, nil
	case failing:
		return steps.Output{Code: 1, Stderr: []byte("it was made to fail")}, nil
	case answer == nil:
		return steps.Output{}, fmt.Errorf("stepstest: nobody scripted the command %q with stdin %q on %s", c.Argv, c.Stdin, f.name)
	}
	return answer(f, c), nil
}

// Dial implements steps.Reader.
func (f *Fake) Dial(ctx context.Context, address string) (net.Conn, error) {
	if err := f.read(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	by := ""
	if len(f.acts) > 0 {
		by = f.acts[len(f.acts)-1].name
	}
	f.mu.Unlock()
	switch {
	case by != "":
		return nil, &steps.Unforeseen{Resource: "the connection to " + address, By: by}
	case f.dial == nil:
		return nil, fmt.Errorf("dial %s: connection refused", address)
	}
	return f.dial(ctx, address)
}

func lookup(all []scripted, c steps.Command) AnswerFunc {
	for _, s := range slices.Backward(all) {
		if slices.Equal(s.argv, c.Argv) && (s.anyIn || string(s.stdin) == string(c.Stdin)) {
			return s.answer
		}
	}
	return nil
}
