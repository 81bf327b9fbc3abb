package inventory

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
)

// ReadLimit replaces each @FILE in a --limit by what the file holds, one element
// a line, and returns a pattern for Match. A line that matches nothing is an
// error with its place; without an @ the limit is returned as it is.
func (inv *Inventory) ReadLimit(limit string) (string, error) {
	if !strings.Contains(limit, "@") {
		return limit, nil
	}
	var elements []string
	var problems *multierror.Error
	for _, e := range splitPattern(limit) {
		path, isFile := strings.CutPrefix(e, "@")
		if !isFile {
			elements = append(elements, e)
			continue
		}
		lines, err := inv.readLimitFile(path)
		problems = appendError(problems, err)
		elements = append(elements, lines...)
	}
	return strings.Join(elements, ","), problems.ErrorOrNil()
}

func appendError(problems *multierror.Error, err error) *multierror.Error {
	if err == nil {
		return problems
	}
	return multierror.Append(problems, err)
}

func (inv *Inventory) readLimitFile(path string) ([]string, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, &source.Error{Pos: source.Pos{File: path}, Msg: fmt.Sprintf("the file of hosts cannot be read: %v", reason(err))}
	}
	text, err := source.NewText(path, data, false)
	if err != nil {
		return nil, err
	}
	var elements []string
	var problems *multierror.Error
	for i, line := range text.Lines() {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		elements = append(elements, line)
		if err := inv.check(line); err != nil {
			problems = multierror.Append(problems, text.At(i+1, 1).Errorf(err.Hint, "%s", err.Msg))
		}
	}
	if len(elements) == 0 {
		return nil, &source.Error{Pos: source.Pos{File: path}, Msg: "the file names no host"}
	}
	return elements, problems.ErrorOrNil()
}

// check tells what is wrong with an element of a pattern by itself.
func (inv *Inventory) check(pattern string) *PatternError {
	m := matcher{inv: inv, pattern: pattern}
	for _, e := range splitPattern(pattern) {
		m.match(e, strings.TrimLeft(e, "!&"), e[0] != '!')
	}
	if m.problems == nil {
		return nil
	}
	return m.problems.Errors[0].(*PatternError) // fail records no other
}
