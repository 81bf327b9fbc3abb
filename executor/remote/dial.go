package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// login connects, checks the host's key and logs in.
func login(ctx context.Context, t Target) (*ssh.Client, error) {
	keys, err := newHostKeys(t)
	if err != nil {
		return nil, err
	}
	held, err := openAgent(ctx, t)
	if err != nil {
		return nil, err
	}
	defer held.close()
	auth, err := authMethods(t, held.held) // may ask a person, who has all the time
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", t.hostport())
	if err != nil {
		return nil, unreachable(ctx, t, err)
	}
	defer held.endWith(ctx)()
	client, err := handshake(ctx, t, conn, &ssh.ClientConfig{
		User:              t.User,
		Auth:              auth,
		HostKeyCallback:   keys.callback,
		HostKeyAlgorithms: keys.algorithms,
	})
	if err != nil {
		err = cmp.Or(held.problem(ctx, t), err)
	}
	return client, err
}

// handshake closes conn when ctx ends instead of setting deadlines, because a
// connection through another host's channel has none.
func handshake(ctx context.Context, t Target, conn net.Conn, config *ssh.ClientConfig) (*ssh.Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(withQuickAck(conn), t.hostport(), config)
	if !stop() && err == nil {
		_ = c.Close()
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, loginProblem(ctx, t, err)
	}
	return ssh.NewClient(c, channels, requests), nil
}

// loginProblem tells a refusal, which another try does not cure, from a host
// that was not reached.
func loginProblem(ctx context.Context, t Target, err error) error {
	var problem *steps.Problem
	switch text := err.Error(); {
	case errors.As(err, &problem):
		return problem
	case strings.Contains(text, "unable to authenticate"):
		return &steps.Problem{
			What: fmt.Sprintf("ssh to %s: the host does not accept our keys or password", t.login()),
			Why:  strings.TrimPrefix(text, "ssh: handshake failed: "),
			Do:   "check the user name and that its authorized_keys has one of our keys",
			Err:  steps.ErrRefused,
		}
	case strings.Contains(text, "no common algorithm for host key"):
		return &steps.Problem{
			What: fmt.Sprintf("%s has no host key of a type that is known for it", t.hostport()),
			Why:  strings.TrimPrefix(text, "ssh: handshake failed: "),
			Do:   "find out why its keys changed, then replace its lines in the known_hosts file",
			Err:  ErrHostKeyChanged,
		}
	}
	return unreachable(ctx, t, err)
}

func unreachable(ctx context.Context, t Target, err error) error {
	why := err.Error()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		why = fmt.Sprintf("no answer within %s", t.Timeout)
	}
	cause := error(steps.ErrUnreachable)
	if errors.Is(ctx.Err(), context.Canceled) {
		cause = errors.Join(steps.ErrUnreachable, context.Canceled)
	}
	return &steps.Problem{
		What: fmt.Sprintf("ssh to %s: no connection", t.login()),
		Why:  why,
		Do:   "check that the host is up and that its sshd listens there",
		Err:  cause,
	}
}
