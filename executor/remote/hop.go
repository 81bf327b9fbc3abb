package remote

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// hop is a jump host: one SSH connection that targets share, made when it is
// first needed and again after it was lost.
type hop struct {
	network *Network
	target  Target

	mu  sync.Mutex
	now *trip
}

// trip is one connection to a jump host, or the attempt to make it. Who waits
// for the same attempt shares its failure: a jump host that refuses us is
// asked once, and not once for each host behind it.
type trip struct {
	made   chan struct{} // closed when client and err are set
	client *ssh.Client
	err    error
	lost   chan struct{}
}

// client returns the connection. It may end at any time.
func (h *hop) client(ctx context.Context) (*ssh.Client, error) {
	h.mu.Lock()
	if h.now == nil || h.now.over() {
		t := &trip{made: make(chan struct{}), lost: make(chan struct{})}
		h.now = t
		h.network.work.Go(func() { h.run(t) })
	}
	t := h.now
	h.mu.Unlock()
	select {
	case <-t.made:
		return t.client, t.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// over reports whether another attempt is due. After a refusal there is none.
func (t *trip) over() bool {
	select {
	case <-t.made:
	default:
		return false
	}
	if t.err != nil {
		return !errors.Is(t.err, steps.ErrRefused)
	}
	select {
	case <-t.lost:
		return true
	default:
		return false
	}
}

// run makes the connection and keeps it until it is lost or the network ends.
func (h *hop) run(t *trip) {
	n := h.network
	t.client, t.err = n.login(n.ctx, h.target)
	close(t.made)
	if t.err != nil {
		return
	}
	n.log.Debug("connected to jump host", "host", h.target.Name, "as", h.target.login())
	stop := context.AfterFunc(n.ctx, func() { _ = t.client.Close() })
	defer stop()
	n.work.Go(func() { keepAlive(t.client, h.target, t.lost, h.silent) })
	_ = t.client.Wait()
	close(t.lost)
}

func (h *hop) silent(d time.Duration) {
	h.network.log.Warn("a jump host does not answer any more", "host", h.target.Name, "silent", d)
}
