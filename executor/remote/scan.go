package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// KeyState is how a key that a host shows stands to what is known of the host.
type KeyState string

// The states. Further is a key of one more type of a host that also shows one
// that is known; it is not needed.
const (
	KeyKnown   KeyState = "known"
	KeyNew     KeyState = "new"
	KeyFurther KeyState = "further"
	KeyChanged KeyState = "CHANGED"
	KeyRevoked KeyState = "REVOKED"
)

// ShownKey is a key that a host shows.
type ShownKey struct {
	Type, Fingerprint string
	State             KeyState
	Why               string // of a key that is changed or revoked
	key               ssh.PublicKey
	problem           error
}

// errSeen ends a handshake when the key was seen.
var errSeen = errors.New("the key was seen")

// Scan asks a host for its keys of all types and judges them. Nobody logs in to
// the host, but to the jump hosts before it, whose keys must be known.
func (n *Network) Scan(ctx context.Context, t Target) ([]ShownKey, error) {
	t = t.withDefaults()
	db, err := n.book(t.KnownHosts)
	if err != nil {
		return nil, err
	}
	release, err := n.turn(ctx, t)
	if err != nil {
		return nil, err
	}
	defer release()
	var shown []ShownKey
	for _, types := range keyTypes(db.HostKeys(t.keyName())) {
		key, problem, err := n.look(ctx, t, types, db.HostKeyCallback())
		if err != nil {
			return nil, err
		}
		if key != nil {
			shown = append(shown, ShownKey{Type: key.Type(), Fingerprint: ssh.FingerprintSHA256(key), key: key, problem: problem})
		}
	}
	judgeKeys(shown)
	return shown, nil
}

// keyTypes are the types to ask for, each by itself; certificates only where an
// authority is known.
func keyTypes(known []knownhosts.PublicKey) (types [][]string) {
	for _, k := range known {
		if k.Cert {
			var certs []string
			for _, a := range ssh.SupportedAlgorithms().HostKeys {
				if strings.Contains(a, "-cert-") {
					certs = append(certs, a)
				}
			}
			types = append(types, certs)
			break
		}
	}
	return append(types, []string{ssh.KeyAlgoED25519}, []string{ssh.KeyAlgoECDSA256}, []string{ssh.KeyAlgoECDSA384},
		[]string{ssh.KeyAlgoECDSA521}, []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256})
}

// look is one handshake up to the key; no key means that the host has none of
// these types. problem is what is wrong with it.
func (n *Network) look(ctx context.Context, t Target, types []string, check ssh.HostKeyCallback) (key ssh.PublicKey, problem, err error) {
	config, err := t.config(&hostKeys{algorithms: types}, nil)
	if err != nil {
		return nil, nil, err
	}
	config.HostKeyCallback = func(host string, addr net.Addr, shown ssh.PublicKey) error {
		key, problem = shown, check(host, addr, shown)
		return errSeen
	}
	for try := 1; ; try++ {
		err := n.lookOnce(ctx, t, config)
		switch {
		case key != nil:
			return key, problem, nil
		case err != nil && strings.Contains(err.Error(), "no common algorithm for host key"):
			return nil, nil, nil
		case !isDrop(err) || try == tries || !pause(ctx, try):
			return nil, nil, err
		}
	}
}

func (n *Network) lookOnce(ctx context.Context, t Target, config *ssh.ClientConfig) error {
	clock := newDeadline(ctx, t.Timeout)
	defer clock.stop()
	conn, err := n.reach(clock, t)
	if err != nil {
		return unreachable(clock, t, err)
	}
	client, err := handshake(clock, t, conn, config)
	if err == nil { // it never is, since every key ends it
		_ = client.Close()
		return nil
	}
	return proxyProblem(t, conn, unreachable(clock, t, err))
}

// judgeKeys decides by all keys of a host: where one is known, the others do not
// matter, and where none is though some should be, all have changed.
func judgeKeys(shown []ShownKey) {
	proven, known := false, false
	for i := range shown {
		k := &shown[i]
		var mismatch *xknownhosts.KeyError
		var revoked *xknownhosts.RevokedError
		switch {
		case k.problem == nil:
			k.State, proven = KeyKnown, true
		case errors.As(k.problem, &revoked):
			k.State, k.Why = KeyRevoked, fmt.Sprintf("%s:%d", revoked.Revoked.Filename, revoked.Revoked.Line)
		case errors.As(k.problem, &mismatch):
			known = known || len(mismatch.Want) > 0
			k.State = KeyNew
			for _, want := range mismatch.Want {
				k.Why = fmt.Sprintf("known is %s %s (%s:%d)", want.Key.Type(), ssh.FingerprintSHA256(want.Key), want.Filename, want.Line)
				if want.Key.Type() == k.Type {
					k.State = KeyChanged
					break
				}
			}
		default:
			k.State, k.Why, known = KeyChanged, k.problem.Error(), true
		}
	}
	for i := range shown {
		k := &shown[i]
		switch {
		case k.State != KeyNew:
		case proven:
			k.State, k.Why = KeyFurther, ""
		case known:
			k.State = KeyChanged
		}
	}
}

// Line is the key's line for a known_hosts file, with the target's name hashed
// if hash is set.
func (k ShownKey) Line(t Target, hash bool) string {
	name := t.withDefaults().keyName()
	if !hash {
		return knownhosts.Line([]string{name}, k.key)
	}
	_, rest, _ := strings.Cut(knownhosts.Line([]string{name}, k.key), " ")
	return xknownhosts.HashHostname(xknownhosts.Normalize(name)) + " " + rest
}
