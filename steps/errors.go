package steps

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is an error with its cause and its cure, as people need it at night.
// Why and Do may be empty.
type Problem struct {
	What, Why, Do string
	Err           error // the cause, for errors.Is; its text is not shown
}

// Error renders the problem over up to three lines.
func (p *Problem) Error() string {
	text := p.What
	if p.Why != "" {
		text += "\n  why: " + p.Why
	}
	if p.Do != "" {
		text += "\n  do:  " + p.Do
	}
	return text
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Unforeseen is what a dry run answers to a read whose answer depends on an
// act that has not happened.
type Unforeseen struct {
	Resource string // what was to be read
	By       string // the act that may change it
}

// Error says why the answer is unknown.
func (u *Unforeseen) Error() string {
	return fmt.Sprintf("%s depends on %s", u.Resource, u.By)
}

// NotYet is a gate's answer while waiting may help.
type NotYet struct {
	What string // the state that was found and the one that is waited for
}

// Error is the state that is waited for.
func (n *NotYet) Error() string { return n.What }

// IsUnforeseen returns the *Unforeseen in err's chain, if any.
func IsUnforeseen(err error) (*Unforeseen, bool) {
	var u *Unforeseen
	ok := errors.As(err, &u)
	return u, ok
}

// Succeed returns an error unless the command ran and ended with code 0. The
// error shows the command's words, not its arguments' values after the third,
// and the last lines of what it wrote.
func Succeed(c Command, out Output, err error) error {
	if err != nil {
		return err
	}
	if out.Code == 0 {
		return nil
	}
	said := lastLines(string(out.Stderr), 20)
	if said == "" {
		said = lastLines(string(out.Stdout), 20)
	}
	return &Problem{What: fmt.Sprintf("%s ended with code %d", c, out.Code), Why: said}
}

// String names the command in texts for people. A script shows its first line
// only, which may be a comment that says what it does.
func (c Command) String() string {
	words := c.Argv
	if len(words) > 3 {
		words = append(append([]string{}, words[:3]...), "...")
	}
	first, _, cut := strings.Cut(strings.Join(words, " "), "\n")
	if comment, ok := strings.CutPrefix(first, "sh -c # "); ok {
		return comment
	}
	if cut {
		first += " ..."
	}
	return first
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n       ")
}
