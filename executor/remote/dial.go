package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// tries is how often a host is tried that drops us before it says who it is.
const tries = 3

// login connects, checks the host's key and logs in.
func (n *Network) login(ctx context.Context, t Target) (*ssh.Client, error) {
	release, err := n.turn(ctx, t)
	if err != nil {
		return nil, unreachable(ctx, t, err)
	}
	defer release()
	held, err := openAgent(ctx, t)
	if err != nil {
		return nil, err
	}
	defer held.close()
	clock := newDeadline(ctx, t.Timeout)
	defer clock.stop()
	proof, err := newProof(clock, t, held.held)
	if err != nil {
		return nil, err
	}
	defer held.endWith(clock)()
	for try := 1; ; try++ {
		client, again, err := n.loginOnce(clock, t, proof)
		if err == nil {
			return client, nil
		}
		if again = again || clock.asked() && isDrop(err); !again || try == tries || !pause(clock, try) {
			return nil, cmp.Or(held.problem(clock, t), proof.late, err)
		}
		n.log.Debug("trying again", "host", t.Name, "try", try+1, "error", err)
	}
}

// pause waits longer after each try, and not as long as others do who were
// dropped at the same time.
func pause(ctx context.Context, try int) bool {
	wait := time.Duration(try) * 200 * time.Millisecond
	select {
	case <-time.After(wait/2 + rand.N(wait)):
		return true
	case <-ctx.Done():
		return false
	}
}

// loginOnce reports whether another try may help: the connection was refused
// or cut off before the host showed its key. sshd does so when too many others
// are logging in, or while it starts.
func (n *Network) loginOnce(clock *deadline, t Target, proof *proof) (client *ssh.Client, again bool, err error) {
	keys, err := n.hostKeys(t)
	if err != nil {
		return nil, false, err
	}
	config, err := t.config(keys, proof)
	if err != nil {
		return nil, false, err
	}
	conn, err := n.reach(clock, t)
	if err != nil {
		return nil, isDrop(err), unreachable(clock, t, err)
	}
	client, err = handshake(clock, t, conn, config)
	if err != nil {
		return nil, isDrop(err) && !keys.shown, proxyProblem(t, conn, loginProblem(clock, t, proof, err))
	}
	return client, false, nil
}

// config is for one handshake; without proof it leads to no login.
func (t Target) config(keys *hostKeys, proof *proof) (*ssh.ClientConfig, error) {
	var methods []ssh.AuthMethod
	if proof != nil {
		var err error
		if methods, err = proof.methods(); err != nil {
			return nil, err
		}
	}
	config := &ssh.ClientConfig{
		User: t.User, Auth: methods, HostKeyCallback: keys.callback, HostKeyAlgorithms: keys.algorithms,
	}
	safe, unsafe := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	for _, list := range []struct {
		name, wish   string
		safe, unsafe []string
		to           *[]string
	}{
		{"KexAlgorithms", t.KexAlgorithms, safe.KeyExchanges, unsafe.KeyExchanges, &config.KeyExchanges},
		{"Ciphers", t.Ciphers, safe.Ciphers, unsafe.Ciphers, &config.Ciphers},
		{"MACs", t.MACs, safe.MACs, unsafe.MACs, &config.MACs},
	} {
		if list.wish == "" {
			continue
		}
		if *list.to = choose(list.wish, list.safe, list.unsafe); len(*list.to) == 0 {
			return nil, noAlgorithm(t, list.name, list.wish)
		}
	}
	return config, nil
}

// handshake closes conn when ctx ends instead of setting deadlines, because a
// connection through another host's channel has none.
func handshake(ctx context.Context, t Target, conn net.Conn, config *ssh.ClientConfig) (*ssh.Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(withQuickAck(conn), t.keyName(), config)
	if !stop() && err == nil {
		_ = c.Close()
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// loginProblem tells a refusal, which another try does not cure, from a host
// that was not reached.
func loginProblem(ctx context.Context, t Target, proof *proof, err error) error {
	text := strings.TrimPrefix(err.Error(), "ssh: handshake failed: ")
	switch problem, ok := asProblem(err); {
	case ok:
		return &problem
	case strings.Contains(text, "Too many authentication failures"):
		return &steps.Problem{
			What: fmt.Sprintf("ssh to %s: the host broke off after too many keys that it does not accept", t.login()),
			Why:  fmt.Sprintf("%d keys were at hand, and its MaxAuthTries allows fewer", len(proof.signers)),
			Do:   "name the right key (--private-key, or IdentityFile in ssh_config) and set IdentitiesOnly yes, so that the agent's other keys are left out",
			Err:  steps.ErrRefused,
		}
	case strings.Contains(text, "unable to authenticate"):
		return &steps.Problem{
			What: fmt.Sprintf("ssh to %s: the host does not accept our keys or password", t.login()),
			Why:  strings.Join(append([]string{text}, proof.notOffered()...), "; "),
			Do:   "check the user name and that its authorized_keys has one of our keys",
			Err:  steps.ErrRefused,
		}
	case strings.Contains(text, "no common algorithm for host key"):
		return &steps.Problem{
			What: fmt.Sprintf("%s has no host key of a type that is known for it", t.hostport()),
			Why:  text,
			Do:   "find out why its keys changed, then replace its lines in the known_hosts file",
			Err:  ErrHostKeyChanged,
		}
	}
	return unreachable(ctx, t, err)
}

// unreachable says why there is no connection, unless err says it already.
func unreachable(ctx context.Context, t Target, err error) error {
	if problem, ok := asProblem(err); ok {
		return &problem
	}
	why := err.Error()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		why = fmt.Sprintf("no answer within %s", t.Timeout)
	}
	cause := errors.Join(steps.ErrUnreachable, err)
	if errors.Is(ctx.Err(), context.Canceled) {
		cause = errors.Join(steps.ErrUnreachable, context.Canceled)
	}
	what := fmt.Sprintf("ssh to %s: no connection", t.login())
	if t.Via != nil {
		what = fmt.Sprintf("ssh to %s: no connection through %s", t.login(), t.Via.Name)
	}
	return &steps.Problem{
		What: what, Why: why,
		Do:  "check that the host is up and that its sshd listens there",
		Err: cause,
	}
}
