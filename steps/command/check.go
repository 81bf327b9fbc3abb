package command

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
)

// question is a command or script that changes nothing.
type question struct {
	argv   []string
	script string
}

// Check finds parameters that do not go together, and reads those whose shape
// is left open.
func (s *step) Check() error {
	var problems *multierror.Error
	add := func(err error) {
		if err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	add(s.checkProgram())
	add(s.checkConditions())
	var err error
	s.env, err = readEnv("env", s.envValue)
	add(err)
	secrets, err := readEnv("secret_env", s.secretValue)
	add(err)
	s.secrets = nil
	for _, pair := range secrets {
		_, value, _ := strings.Cut(pair, "=")
		s.secrets = append(s.secrets, value)
	}
	s.env = append(s.env, secrets...)
	s.unless, err = readQuestion("unless", s.unlessValue)
	add(err)
	s.check, err = readQuestion("check", s.checkValue)
	add(err)
	return problems.ErrorOrNil()
}

func (s *step) checkProgram() error {
	script := strings.TrimSpace(s.script) != ""
	switch {
	case len(s.argv) == 0 && !script:
		return errors.New("there is nothing to run: give argv or script")
	case len(s.argv) > 0 && script:
		return errors.New("argv and script are both given: keep one")
	case len(s.argv) > 0 && s.argv[0] == "":
		return errors.New("the first word of argv is the program, and it is empty")
	case len(s.argv) == 1 && strings.ContainsAny(s.argv[0], " |;&"):
		return fmt.Errorf("argv has the one word %q, which no shell will split: write a list of words, or use script", s.argv[0])
	case script && s.stdin != "":
		return errors.New("a script travels as standard input and so has none of its own: use a here-document in it")
	}
	return nil
}

func (s *step) checkConditions() error {
	given := 0
	for _, is := range []bool{s.creates != "", s.removes != "", s.unlessValue.Shape != source.Null, s.checkValue.Shape != source.Null, s.readOnly} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return errors.New("creates, removes, unless, check and read_only exclude each other: keep one")
	case s.readOnly && len(s.writes) > 0:
		return errors.New("the command is read_only and yet writes something: keep one of them")
	}
	return nil
}

func readQuestion(name string, v source.Value) (*question, error) {
	switch v.Shape {
	case source.Null:
		return nil, nil
	case source.Scalar:
		if strings.TrimSpace(v.Text) == "" {
			return nil, v.Errorf("", "%s is empty", name)
		}
		return &question{script: v.Text}, nil
	case source.Map:
		return nil, v.Errorf("write a list of words, or the text of a script", "%s must be a list or a text, but this is a map", name)
	}
	q := &question{}
	for _, item := range v.Items {
		if item.Shape != source.Scalar {
			return nil, item.Errorf("", "%s must hold single words, but this is %s", name, item.Shape)
		}
		q.argv = append(q.argv, item.Text)
	}
	if len(q.argv) == 0 || q.argv[0] == "" {
		return nil, v.Errorf("", "%s names no program", name)
	}
	return q, nil
}

// readEnv never shows a value.
func readEnv(name string, v source.Value) ([]string, error) {
	if v.Shape != source.Map && v.Shape != source.Null {
		return nil, v.Errorf("write NAME: value", "%s must be a map, but this is %s", name, v.Shape)
	}
	var env []string
	for _, f := range v.Fields {
		switch {
		case !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(f.Key):
			return nil, v.ErrorAt(f.KeyPos, "", "%q is not the name of a variable", f.Key)
		case f.Value.Shape == source.List || f.Value.Shape == source.Map:
			return nil, f.Value.Errorf("", "the variable %s must be a single value, but this is %s", f.Key, f.Value.Shape)
		case strings.Contains(f.Value.Text, "\x00"):
			return nil, f.Value.Errorf("", "the variable %s holds a zero byte", f.Key)
		}
		env = append(env, f.Key+"="+f.Value.Text)
	}
	return env, nil
}

func checkResource(text string) error {
	word, rest, isWord := strings.Cut(text, ":")
	if text == "*" || path.IsAbs(text) || isWord && word != "" && rest != "" && !strings.Contains(word, "/") {
		return nil
	}
	return fmt.Errorf("%q is neither an absolute path nor a word such as service:mariadb", text)
}
