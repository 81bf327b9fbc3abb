package secret

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/spell"
)

// Ref says where a secret is kept, in place of the secret. Exactly one of its
// sources is set.
type Ref struct {
	File    string   // a file on the control machine that others cannot read
	Env     string   // an environment variable of lockstep
	Command []string // a program and its arguments, whose output is the secret
	Age     string   // a file encrypted with age
	// Identity is the file with the key for Age: an age identity or an SSH key.
	Identity string
}

// ParseRef reads a reference from its plain form, such as
// {"age": "db.age", "identity": "~/.ssh/id_ed25519"}. All problems are in the
// one error; none shows a value.
func ParseRef(plain map[string]any) (Ref, error) {
	var r Ref
	var problems *multierror.Error
	for _, key := range sortedKeys(plain) {
		if err := r.set(key, plain[key]); err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	if problems == nil {
		if err := r.check(); err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	return r, problems.ErrorOrNil()
}

// Keys returns the words of a reference's plain form.
func Keys() []string { return []string{"file", "env", "command", "age", "identity"} }

func sortedKeys(m map[string]any) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (r *Ref) set(key string, value any) error {
	into := map[string]*string{"file": &r.File, "env": &r.Env, "age": &r.Age, "identity": &r.Identity}[key]
	switch {
	case key == "command":
		return r.setCommand(value)
	case into == nil:
		hint := "the keys are " + strings.Join(Keys(), ", ")
		if n := spell.Nearest(key, Keys()); n != "" {
			hint = fmt.Sprintf("did you mean %q?", n)
		}
		return &Error{What: fmt.Sprintf("a secret reference has no key %q", key), Do: hint}
	}
	text, ok := value.(string)
	if !ok || text == "" || strings.ContainsAny(text, "\x00\n") {
		return &Error{What: key + " of a secret reference must be a text on one line"}
	}
	*into = text
	return nil
}

func (r *Ref) setCommand(value any) error {
	wrong := &Error{What: "command of a secret reference must be a list of texts",
		Why: "it is run without a shell", Do: "write it as [pass, show, db/root]"}
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		return wrong
	}
	for _, item := range list {
		word, ok := item.(string)
		if !ok || strings.Contains(word, "\x00") {
			return wrong
		}
		r.Command = append(r.Command, word)
	}
	if r.Command[0] == "" {
		return wrong
	}
	return nil
}

func (r Ref) check() error {
	var given []string
	for _, source := range []struct {
		key string
		set bool
	}{{"file", r.File != ""}, {"env", r.Env != ""}, {"command", len(r.Command) > 0}, {"age", r.Age != ""}} {
		if source.set {
			given = append(given, source.key)
		}
	}
	switch {
	case len(given) == 0:
		return &Error{What: "a secret reference names no source", Do: "write one of file, env, command, age"}
	case len(given) > 1:
		return &Error{What: "a secret reference names " + strings.Join(given, " and "), Do: "keep one"}
	case r.Age != "" && r.Identity == "":
		return &Error{What: "the secret " + r.Age + " has no identity", Why: "age needs a key to decrypt it",
			Do: "add identity: the file with an age identity or an SSH key"}
	case r.Age == "" && r.Identity != "":
		return &Error{What: "identity goes with age, not with " + given[0]}
	}
	return nil
}

// In returns r with its relative paths below folder, and ~/ below home.
func (r Ref) In(folder, home string) Ref {
	for _, p := range []*string{&r.File, &r.Age, &r.Identity} {
		rest, atHome := strings.CutPrefix(*p, "~/")
		switch {
		case *p == "":
		case atHome && home != "":
			*p = filepath.Join(home, rest)
		case !filepath.IsAbs(*p):
			*p = filepath.Join(folder, *p)
		}
	}
	return r
}

// String names the reference for people. Of a command it shows the program
// alone: an argument may tell more than it should.
func (r Ref) String() string {
	switch {
	case r.File != "":
		return "the file " + r.File
	case r.Env != "":
		return "the environment variable " + r.Env
	case len(r.Command) > 0:
		return "the command " + r.Command[0]
	}
	return "the age file " + r.Age
}

// key tells references apart.
func (r Ref) key() string {
	return fmt.Sprintf("%q %q %q %q %q", r.File, r.Env, r.Command, r.Age, r.Identity)
}

// Error is what went wrong with a secret, without the secret. Why and Do may
// be empty.
type Error struct {
	What, Why, Do string
	Err           error // the cause, for errors.Is; its text is not shown
}

// Error renders the problem over up to three lines.
func (e *Error) Error() string {
	text := e.What
	if e.Why != "" {
		text += "\n  why: " + e.Why
	}
	if e.Do != "" {
		text += "\n  do:  " + e.Do
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// cause is the innermost words of a system's error, without its path.
func cause(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return cmp.Or(err.Error(), "unknown")
}
