package verify

import (
	"context"
	"fmt"
	"time"

	"lockstep/internal/tlsprobe"
	"lockstep/steps"
	"lockstep/steps/param"
)

// galera is what the port for replication must do.
type galera struct {
	port             int
	ca, cert, key    string
	plaintextRefused bool
	own              bool
}

func (g *galera) params(p *param.Set) {
	p.Int(&g.port, "port", "the port of the group communication")
	p.Path(&g.ca, "ca", "the CA file on the host, socket.ssl_ca", param.Required())
	p.Path(&g.cert, "cert", "the node's certificate file on the host, socket.ssl_cert", param.Required())
	p.Path(&g.key, "key", "the node's key file on the host, socket.ssl_key", param.Required())
	p.Bool(&g.own, "own", "whether the host's own port is looked at; false for a node that is still to join")
	p.Bool(&g.plaintextRefused, "plaintext_refused", "whether a node without TLS must be refused; false while socket.dynamic is set")
}

// checks look at the host's own port in three ways, unless it is still to join, and from this host at the
// port of every other one: over all hosts, each pair is tried in both
// directions. A cluster whose links are up says nothing about the next one.
func (g *galera) checks(v steps.View) []check {
	var checks []check
	if g.own {
		checks = append(checks, g.itself, g.stranger)
	}
	if g.own && g.plaintextRefused {
		checks = append(checks, g.plaintext)
	}
	for _, peer := range v.Peers() {
		checks = append(checks, func(ctx context.Context, w world) error {
			if err := settled(ctx, peer); err != nil {
				return err
			}
			_, err := g.handshake(ctx, w, endpoint(peer.Address(), g.port))
			if err != nil {
				return fmt.Errorf("from %s to %s: %w", w.view.Self.Name(), peer.Name(), err)
			}
			return nil
		})
	}
	return checks
}

// settled is an *steps.Unforeseen error in a dry run that would change the peer:
// what is dialed from here is the peer of today, not the one that is foreseen.
func settled(ctx context.Context, peer steps.Reader) error {
	c := clockQuery()
	c.Reads = []string{"*"}
	out, err := peer.Query(ctx, c)
	return steps.Succeed(c, out, err)
}

// itself proves that the node speaks TLS and presents the certificate of its file.
func (g *galera) itself(ctx context.Context, w world) error {
	at := endpoint(w.address, g.port)
	r, err := g.handshake(ctx, w, at)
	if err != nil {
		return err
	}
	return w.presents(ctx, at, r, g.cert)
}

// handshake joins as another node would: with a certificate of the cluster's
// CA. Galera compares no names.
func (g *galera) handshake(ctx context.Context, w world, at string) (tlsprobe.Result, error) {
	roots, pair, err := w.trusts(ctx, g.ca, g.cert, g.key)
	if err != nil {
		return tlsprobe.Result{}, err
	}
	conn, err := w.dial(ctx, at)
	if err != nil {
		return tlsprobe.Result{}, err
	}
	r, err := tlsprobe.TLS(ctx, conn, tlsprobe.Options{Certificate: pair, Roots: roots, Now: w.now})
	if err != nil {
		return r, &steps.Problem{What: fmt.Sprintf("%s: no TLS: %v", at, err),
			Why: "replication, with every row that is written, goes over that port",
			Do:  "check socket.ssl_* in wsrep_provider_options; a change counts after a restart", Err: err}
	}
	return r, accepted(at, r)
}

// stranger makes sure that nobody without a certificate gets in.
func (g *galera) stranger(ctx context.Context, w world) error {
	at := endpoint(w.address, g.port)
	conn, err := w.dial(ctx, at)
	if err != nil {
		return err
	}
	r, err := tlsprobe.TLS(ctx, conn, tlsprobe.Options{Now: w.now})
	switch {
	case ctx.Err() != nil:
		return err
	case err != nil || r.Outcome == tlsprobe.OutcomeRefused || r.Outcome == tlsprobe.OutcomeClosed:
		return nil // that it speaks TLS at all is proven by itself
	}
	return &steps.Problem{What: at + " lets in a peer without a certificate",
		Why: "whoever reaches the port could take a full copy of the data",
		Do:  "check socket.ssl_ca, and that this is the node itself and no proxy"}
}

// silence is how long the node is given to speak first. With socket.dynamic it
// waits 750 ms for TLS before it falls back (Galera source, AsioTcpSocket).
const silence = 2 * time.Second

// plaintext makes sure that the node does not greet in plain text, which it
// does without TLS and with socket.dynamic.
func (g *galera) plaintext(ctx context.Context, w world) error {
	at := endpoint(w.address, g.port)
	conn, err := w.dial(ctx, at)
	if err != nil {
		return err
	}
	first, err := tlsprobe.SpeaksFirst(ctx, conn, silence)
	if err != nil {
		return err
	}
	if first.Plaintext() {
		return &steps.Problem{What: at + " greets in plain text",
			Why: "nodes can replicate without encryption",
			Do:  "set socket.ssl* and remove socket.dynamic from wsrep_provider_options, then restart the node; while socket.dynamic is wanted set plaintext_refused: false"}
	}
	return nil
}
