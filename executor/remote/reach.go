package remote

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// reach opens the stream over which SSH is spoken: to the host itself, through
// the jump host before it, or over a command's stdin and stdout.
func (n *Network) reach(ctx *deadline, t Target) (net.Conn, error) {
	switch {
	case t.ProxyCommand != "":
		return startProxy(t)
	case t.Via == nil:
		return (&net.Dialer{}).DialContext(ctx, "tcp", t.hostport())
	}
	arrived := ctx.waiting()
	jump, err := n.hop(*t.Via).client(ctx)
	arrived()
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, behind(t, err)
	}
	conn, err := jump.DialContext(ctx, "tcp", t.hostport())
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) {
		return nil, jumpRefuses(t, refused)
	}
	return conn, err
}

// jumpRefuses says in whose name a channel was refused.
func jumpRefuses(t Target, err *ssh.OpenChannelError) error {
	if err.Reason == ssh.Prohibited {
		return &steps.Problem{
			What: fmt.Sprintf("ssh to %s goes through %s: it does not let us connect to other hosts", t.login(), t.Via.Name),
			Why:  "its sshd forbids TCP forwarding: " + err.Message,
			Do:   fmt.Sprintf("set AllowTcpForwarding yes (and PermitOpen) for %s in its sshd_config", t.Via.User),
			Err:  steps.ErrRefused,
		}
	}
	problem := &steps.Problem{
		What: fmt.Sprintf("ssh to %s goes through %s: it cannot connect to %s", t.login(), t.Via.Name, t.hostport()),
		Why:  err.Message,
		Do:   "check that the host is up and that the jump host can resolve and reach it",
		Err:  steps.ErrUnreachable,
	}
	if strings.Contains(strings.ToLower(err.Message), "refused") {
		problem.Err = errors.Join(steps.ErrUnreachable, syscall.ECONNREFUSED)
	}
	return problem
}

// isDrop tells a connection that was refused or cut off from one that failed
// for a reason which another try does not cure.
func isDrop(err error) bool {
	for _, drop := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNREFUSED, net.ErrClosed} {
		if errors.Is(err, drop) {
			return true
		}
	}
	return false
}

// asProblem is a copy of the problem in err's chain.
func asProblem(err error) (steps.Problem, bool) {
	var problem *steps.Problem
	if errors.As(err, &problem) {
		return *problem, true
	}
	return steps.Problem{}, false
}
