package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"lockstep/steps"
)

// sshAgent is a connection to the ssh-agent for one login.
type sshAgent struct {
	conn *agentConn // nil when there is no agent
	held []ssh.Signer
}

// openAgent asks the agent which keys it holds. An agent that is not there
// holds none; one that does not answer within the target's time is an error.
func openAgent(ctx context.Context, t Target) (*sshAgent, error) {
	a := &sshAgent{}
	if t.AgentSocket == "" {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", t.AgentSocket)
	if err != nil {
		return a, nil
	}
	a.conn = &agentConn{Conn: conn}
	defer a.endWith(ctx)()
	if a.held, err = agent.NewClient(a.conn).Signers(); err == nil {
		return a, nil
	}
	a.close()
	if problem := a.problem(ctx, t); problem != nil {
		return nil, problem
	}
	a.held = nil
	return a, nil
}

// endWith ends the agent when ctx ends, until the returned function is called.
func (a *sshAgent) endWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		if a.conn != nil {
			a.conn.silent.Store(a.conn.asked.Load())
			a.close()
		}
	})
}

// problem is what is to be said when ctx ended while the agent owed an answer.
func (a *sshAgent) problem(ctx context.Context, t Target) error {
	switch {
	case a.conn == nil || !a.conn.silent.Load():
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	}
	return &steps.Problem{
		What: fmt.Sprintf("ssh to %s: the ssh-agent at %s does not answer", t.login(), t.AgentSocket),
		Why:  fmt.Sprintf("it took the question and gave no answer within %s", t.Timeout),
		Do:   "confirm the use of the key if it asks somewhere for that; or restart the agent, or unset SSH_AUTH_SOCK to go without it",
		Err:  steps.ErrRefused,
	}
}

func (a *sshAgent) close() {
	if a.conn != nil {
		_ = a.conn.Close()
	}
}

// agentConn knows whether an answer is awaited: from the question on, which the
// agent's client writes before it reads.
type agentConn struct {
	net.Conn
	asked  atomic.Bool
	silent atomic.Bool // it was asked when it was given up
}

// Write asks.
func (c *agentConn) Write(b []byte) (int, error) {
	c.asked.Store(true)
	return c.Conn.Write(b)
}

// Read awaits a part of an answer.
func (c *agentConn) Read(b []byte) (int, error) {
	c.asked.Store(true)
	defer c.asked.Store(false)
	return c.Conn.Read(b)
}
