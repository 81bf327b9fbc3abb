package remote

import (
	"context"
	"log/slog"
	"sync"

	"lockstep/steps"
)

// How many logins go on at the same time. sshd drops connections at random
// when ten are not logged in yet (MaxStartups 10:30:100), and many names of an
// inventory may be one address; a jump host carries more, to other sshds.
const (
	loginsAtAddress   = 8
	loginsThroughJump = 32
	proxyCommands     = 8
)

// Network is what the connections of a run share: the connections to jump
// hosts, what is known of host keys, and how many logins go on at once. Its
// methods may be called by many goroutines.
type Network struct {
	log  *slog.Logger
	ctx  context.Context // ends with Close
	end  context.CancelFunc
	work sync.WaitGroup

	mu    sync.Mutex
	hops  map[string]*hop
	slots map[string]chan struct{}
	books map[string]*book
	keys  map[string]string // fingerprints of the keys that hosts have shown, by name and port

	shared contents
}

// NewNetwork returns a Network without connections.
func NewNetwork(log *slog.Logger) *Network {
	n := &Network{log: log, hops: map[string]*hop{}, slots: map[string]chan struct{}{}, books: map[string]*book{}, keys: map[string]string{}}
	n.ctx, n.end = context.WithCancel(context.Background())
	return n
}

// Close ends the connections to jump hosts, and with them what goes through
// them. It comes after the Close of each Conn.
func (n *Network) Close() error {
	n.end()
	n.work.Wait()
	return nil
}

// slot waits until fewer than width others hold what is named, and holds it.
func (n *Network) slot(ctx context.Context, name string, width int) (release func(), err error) {
	n.mu.Lock()
	s, ok := n.slots[name]
	if !ok {
		s = make(chan struct{}, width)
		n.slots[name] = s
	}
	n.mu.Unlock()
	select {
	case s <- struct{}{}:
		return func() { <-s }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// turn waits for the turn of one login at the target.
func (n *Network) turn(ctx context.Context, t Target) (release func(), err error) {
	if t.ProxyCommand != "" {
		return n.slot(ctx, "proxy command", proxyCommands)
	}
	address, err := n.slot(ctx, t.way()+" address", loginsAtAddress)
	if err != nil || t.Via == nil {
		return address, err
	}
	jump, err := n.slot(ctx, t.Via.key()+" jump", loginsThroughJump)
	if err != nil {
		address()
		return nil, err
	}
	return func() { jump(); address() }, nil
}

// hop is the one for the jump host before the target.
func (n *Network) hop(t Target) *hop {
	n.mu.Lock()
	defer n.mu.Unlock()
	h, ok := n.hops[t.key()]
	if !ok {
		h = &hop{network: n, target: t.withDefaults()}
		n.hops[t.key()] = h
	}
	return h
}

// way says where a connection ends, whoever logs in; key says as whom, too.
func (t Target) way() string {
	if t.Via == nil {
		return t.ProxyCommand + " " + t.hostport()
	}
	return t.Via.key() + " > " + t.hostport()
}

func (t Target) key() string { return t.User + "@" + t.way() }

// behind says of a jump host's problem which host is reached by it.
func behind(t Target, err error) error {
	problem, ok := asProblem(err)
	if !ok {
		problem = steps.Problem{What: err.Error(), Err: err}
	}
	problem.What = "ssh to " + t.login() + " goes through " + t.Via.Name + ": " + problem.What
	return &problem
}
