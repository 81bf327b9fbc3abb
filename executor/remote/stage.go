package remote

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"lockstep/steps"
)

func dirOf(p string) string { return path.Dir(path.Clean(p)) }

// stage puts all payloads into their private files and returns the write that
// failed. Small ones travel within the text for the remote sh, which costs no
// round trip of its own: they are returned as a script. Others go by SFTP, and
// where the host has no sftp-server through the stdin of a cat.
func (c *Conn) stage(ctx context.Context, plan []staged) (script string, at int, err error) {
	total, first := int64(0), -1
	for i, s := range plan {
		if s.temp != "" {
			total += s.Size()
			if first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return "", 0, nil
	}
	if total <= int64(c.inline) && !hasBig(plan) {
		return inlineScript(plan), 0, nil
	}
	l, _, err := c.shell(ctx, (*link).writeShell)
	if err != nil {
		return "", first, err
	}
	at, err = c.stageFiles(ctx, l, plan)
	if err != nil && ctx.Err() == nil && !errors.Is(err, steps.ErrUnreachable) {
		if l.check(); !l.alive() {
			err = lost(ctx, c.target, err)
		}
	}
	return "", at, err
}

func (c *Conn) stageFiles(ctx context.Context, l *link, plan []staged) (int, error) {
	at, err := l.stageSFTP(ctx, plan, c.servers)
	if errors.Is(err, errNoSFTP) {
		c.sayCat()
		at, err = l.stageCat(ctx, plan)
	}
	if err != nil {
		return at, err
	}
	for i, s := range plan {
		if s.From == nil {
			continue
		}
		if err := c.stageBig(ctx, l, s); err != nil {
			return i, err
		}
	}
	return 0, nil
}

// sayCat remarks once that files take a slower way.
func (c *Conn) sayCat() {
	c.cats.Do(func() {
		c.telling.Lock()
		defer c.telling.Unlock()
		c.remarks = append(c.remarks, "there is no sftp-server: files go through cat, one after the other")
	})
}

func hasBig(plan []staged) bool {
	return slices.ContainsFunc(plan, func(s staged) bool { return s.From != nil })
}

// inlineScript lets the remote sh itself write the bytes. printf is a builtin,
// so that they are in nobody's argument list.
func inlineScript(plan []staged) string {
	var b strings.Builder
	b.WriteString("umask 077; set -C\nbroken() { echo \"fail $1\"; " + freeFunction + "; exit 1; }\n")
	for i, w := range plan {
		if w.temp != "" {
			temp := shellescape.Quote(w.temp)
			fmt.Fprintf(&b, "printf '%%b' %s >%s || broken %d %s\n", printfQuote(w.Data), temp, i, temp)
		}
	}
	return b.String()
}

// inlineError is what went wrong in inlineScript.
func inlineError(plan []staged, out steps.Output) (at int, err error) {
	for _, line := range strings.Split(string(out.Stdout), "\n") {
		var i int
		if _, err := fmt.Sscanf(line, "fail %d", &i); err == nil && i >= 0 && i < len(plan) {
			at = i
		}
	}
	return at, stageError(plan[at], out)
}

func stageError(s staged, out steps.Output) error {
	err := toolError(s, out)
	var problem *steps.Problem
	if errors.As(err, &problem) {
		return err
	}
	return fmt.Errorf("no temporary file beside it: %w", err)
}
