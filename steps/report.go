package steps

import (
	"context"
	"strings"
	"time"
)

// Reporter is implemented by a step that tells more of its work than whether it
// changed something. A plan reads it under the name that `register` gives.
type Reporter interface {
	// Reports names the fields. It is called on steps without parameters too.
	Reports() []string
	// Report returns the fields' values: text, numbers, truths, lists of these.
	// It is called after Apply, also one that failed, or after a Probe that
	// found nothing to do.
	Report() map[string]any
}

// OutputFields are the fields of ReportOutput.
func OutputFields() []string { return []string{"rc", "stdout", "stderr", "stdout_lines"} }

// ReportOutput is what a step reports that lets a plan see a command's answer:
// its code, and its texts without the end of the last line.
func ReportOutput(out Output) map[string]any {
	text, lines := string(out.Stdout), []any{}
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, "\r\n"))
	}
	return map[string]any{
		"rc": out.Code, "stdout": strings.TrimRight(text, "\n"), "stderr": strings.TrimRight(string(out.Stderr), "\n"), "stdout_lines": lines,
	}
}

// Waiter is implemented by a step whose wanted state comes about by itself. The
// step knows no time: the executor asks again until it holds.
type Waiter interface {
	// Wait looks once. It returns a *NotYet while waiting may help.
	Wait(ctx context.Context, v View) error
	// Patience is how long to wait at most, and how long before each look
	// after the first.
	Patience() (timeout, delay time.Duration)
}
