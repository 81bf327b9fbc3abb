package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
	"unicode"
)

const (
	// grace is how long a command that was broken off may hold its output open.
	grace = 2 * time.Second
	// patience is how long a command may take, a person who types into it included.
	patience = 5 * time.Minute
)

// fromCommand runs argv without a shell and without input; its standard output
// is the secret. It may ask on the terminal that lockstep has.
func fromCommand(outer context.Context, patience time.Duration, argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(outer, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = grace
	out, said := &bounded{max: maxSecret}, &tail{}
	cmd.Stdout, cmd.Stderr = out, said
	err := cmd.Run()
	switch {
	case ctx.Err() != nil && outer.Err() == nil:
		return "", &Error{What: fmt.Sprintf("the command %s for a secret was broken off", argv[0]), Why: fmt.Sprintf("it took longer than %s", patience),
			Do: "run it by hand to see what it waits for", Err: ctx.Err()}
	case ctx.Err() != nil:
		return "", &Error{What: fmt.Sprintf("the command %s for a secret was broken off", argv[0]), Why: ctx.Err().Error(),
			Do: "run it by hand to see what it waits for", Err: ctx.Err()}
	case errors.Is(err, exec.ErrNotFound):
		return "", &Error{What: fmt.Sprintf("the command %s for a secret is not installed", argv[0]), Do: "install it, or write its whole path", Err: err}
	case out.over:
		return "", &Error{What: fmt.Sprintf("the command %s for a secret wrote more than %d bytes", argv[0], maxSecret)}
	case err != nil:
		return "", &Error{What: fmt.Sprintf("the command %s for a secret failed: %s", argv[0], ended(err)),
			Why: said.last(string(out.data)), Do: "run it by hand", Err: err}
	}
	return string(out.data), nil
}

// ended says how a command ended without what it wrote.
func ended(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ProcessState.String()
	}
	return cause(err)
}

// bounded keeps up to max bytes.
type bounded struct {
	data []byte
	max  int
	over bool
}

// Write takes all and keeps what fits, so that the command is not blocked.
func (b *bounded) Write(p []byte) (int, error) {
	kept := p
	if room := b.max - len(b.data); len(p) > room {
		b.over = true
		kept = p[:room]
	}
	b.data = append(b.data, kept...)
	return len(p), nil
}

// tail keeps the end of what was written.
type tail struct{ data []byte }

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	const kept = 4096
	t.data = append(t.data, p...)
	if len(t.data) > kept {
		t.data = bytes.Clone(t.data[len(t.data)-kept:])
	}
	return len(p), nil
}

// last is the last line with words in it, fit for a terminal, and without
// anything that stdout held or that a name calls secret.
func (t *tail) last(stdout string) string {
	var hide Redactor
	hide.Add(strings.TrimSpace(stdout))
	for _, line := range strings.Split(stdout, "\n") {
		hide.Add(strings.TrimSpace(line))
	}
	lines := strings.FieldsFunc(string(t.data), func(r rune) bool { return r == '\n' || r == '\r' })
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, strings.ToValidUTF8(lines[i], ""))
		if line = strings.TrimSpace(line); line != "" {
			return MaskSettings(hide.String(line))
		}
	}
	return ""
}
