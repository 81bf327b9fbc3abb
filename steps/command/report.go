package command

import (
	"strings"

	"lockstep/steps"
)

// Reports names what `register` gives of a command, beside what it gives of
// every step.
func (s *step) Reports() []string { return []string{"rc", "stdout", "stderr", "stdout_lines"} }

// Report is what the command answered; one that had nothing to do answered
// nothing, with code 0, and one that did not come to its end has code -1.
func (s *step) Report() map[string]any {
	said := steps.Output{}
	if s.said != nil {
		said = *s.said
	}
	out, lines := string(said.Stdout), []any{}
	for line := range strings.Lines(out) {
		lines = append(lines, strings.TrimRight(line, "\r\n"))
	}
	return map[string]any{
		"rc": said.Code, "stdout": strings.TrimRight(out, "\n"), "stderr": strings.TrimRight(string(said.Stderr), "\n"), "stdout_lines": lines,
	}
}
