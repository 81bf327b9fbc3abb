package optionfile

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Severity says what a problem means for the server and for an edit.
type Severity int

const (
	// Warning: the server reads it, but likely not as its writer meant.
	Warning Severity = iota
	// Refuse: the file must not be edited before a person has looked at it.
	Refuse
	// Fatal: the server does not start with it. In an included file it stops
	// reading that file there and goes on with the next one.
	Fatal
)

func (s Severity) String() string {
	switch s {
	case Fatal:
		return "fatal"
	case Refuse:
		return "refuse"
	}
	return "warning"
}

// Problem is something wrong at one line. It never quotes a value, which may
// be a secret.
type Problem struct {
	File     string
	Line     int // 0: the file as a whole
	Severity Severity
	Text     string // what, and why it matters
	Do       string // what to do about it; may be empty
}

// Error returns "file:line: text; do".
func (p Problem) Error() string {
	s := p.Text
	if p.Do != "" {
		s += "; " + p.Do
	}
	switch {
	case p.File == "" && p.Line == 0:
		return s
	case p.Line == 0:
		return fmt.Sprintf("%s: %s", p.File, s)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, s)
}

// refusals returns the problems from Refuse upwards as one error.
func refusals(problems []Problem) error {
	var all []error
	for _, p := range problems {
		if p.Severity >= Refuse {
			all = append(all, p)
		}
	}
	return combine(all)
}

// combine returns one error for several, each on a line of its own, or nil.
func combine(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	all := multierror.Append(&multierror.Error{ErrorFormat: oneALine}, errs...)
	return all.ErrorOrNil()
}

func oneALine(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "\n")
}
