package remote

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"lockstep/steps"
)

func dirOf(p string) string { return path.Dir(path.Clean(p)) }

// stage puts all payloads into their private files: small ones within the text
// for the remote sh, which costs no round trip of its own, else by SFTP, and
// where the host has no sftp-server through the stdin of a cat. It returns the
// write that failed.
func (c *Conn) stage(ctx context.Context, plan []staged) (at int, err error) {
	total, first := 0, -1
	for i, s := range plan {
		if s.temp != "" {
			total += len(s.Data)
			if first < 0 {
				first = i
			}
		}
	}
	if first < 0 {
		return 0, nil
	}
	l, _, err := c.shell(ctx, (*link).writeShell)
	if err != nil {
		return first, err
	}
	if total <= c.inline {
		at, err = l.stageInline(ctx, plan)
	} else {
		at, err = c.stageFiles(ctx, l, plan)
	}
	if err != nil && ctx.Err() == nil {
		l.check()
	}
	if err != nil && (errors.Is(err, errShellGone) || !l.alive()) && ctx.Err() == nil {
		err = lost(ctx, c.target, err)
	}
	return at, err
}

func (c *Conn) stageFiles(ctx context.Context, l *link, plan []staged) (int, error) {
	at, err := l.stageSFTP(ctx, plan, c.servers)
	if !errors.Is(err, errNoSFTP) {
		return at, err
	}
	c.log.Info("no sftp-server on the host: files go through cat", "host", c.target.Name)
	return l.stageCat(ctx, plan)
}

// stageInline lets the remote sh itself write the bytes.
func (l *link) stageInline(ctx context.Context, plan []staged) (int, error) {
	s, err := l.writeShell(ctx)
	if err != nil {
		return 0, err
	}
	var b strings.Builder
	b.WriteString("umask 077; set -C\nbroken() { echo \"fail $1\"; " + freeFunction + "; exit 1; }\n")
	for i, w := range plan {
		if w.temp != "" {
			temp := shellescape.Quote(w.temp)
			fmt.Fprintf(&b, "printf '%%b' %s >%s || broken %d %s\n", printfQuote(w.Data), temp, i, temp)
		}
	}
	a, err := s.do(ctx, b.String())
	if err != nil || a.code == 0 {
		return 0, err
	}
	out := steps.Output{Stdout: a.out, Stderr: a.err, Code: a.code}
	at := failedAt(plan, out)
	return at, stageError(plan[at], out)
}

func failedAt(plan []staged, out steps.Output) int {
	for _, line := range strings.Split(string(out.Stdout), "\n") {
		var i int
		if _, err := fmt.Sscanf(line, "fail %d", &i); err == nil && i >= 0 && i < len(plan) {
			return i
		}
	}
	return 0
}

func stageError(s staged, out steps.Output) error {
	return fmt.Errorf("no temporary file beside it: %w", toolError(s.real, out))
}
