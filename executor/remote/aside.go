package remote

import (
	"context"
	"errors"
	"io"

	"lockstep/steps"
)

// asides is how many readings of a host that take long go on at once. With the
// two shells, one for ending things and the lanes of a big file that makes 9 of
// the 10 sessions that sshd grants.
const asides = 2

// aside is ask for a script that may take long: it runs in a sh of its own, so
// that no other read waits for it. Where the host opens no further session, the
// others have to.
func (c *Conn) aside(ctx context.Context, script string) (answer, error) {
	c.jobs.Add(1)
	defer c.jobs.Done()
	a, err := c.asideUntilClosed(ctx, script)
	if err != nil && ctx.Err() == nil && c.ended.Err() != nil {
		err = errClosed
	}
	return a, err
}

func (c *Conn) asideUntilClosed(ctx context.Context, script string) (answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ended, cancel)()
	select {
	case c.asides <- struct{}{}:
		defer func() { <-c.asides }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	for range 3 {
		a, err := c.asideOnce(ctx, script)
		switch {
		case errors.Is(err, steps.ErrRefused):
			return c.ask(ctx, script)
		case !errors.Is(err, errShellGone):
			return a, err
		}
	}
	return answer{}, lost(ctx, c.target, io.EOF)
}

func (c *Conn) asideOnce(ctx context.Context, script string) (answer, error) {
	l, s, err := c.shell(ctx, (*link).asideShell)
	if err != nil {
		return answer{}, err
	}
	a, err := s.do(ctx, script)
	_ = s.process.session.Close()
	c.jobs.Go(s.wait) // it may take a moment to end what was given up
	if errors.Is(err, errShellGone) {
		l.check()
	}
	return a, err
}

// asideShell is a sh for one script.
func (l *link) asideShell(ctx context.Context) (*shell, error) {
	return startShell(ctx, l.client, l.target, "", l.killBelow)
}
