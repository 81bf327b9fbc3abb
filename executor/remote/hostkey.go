package remote

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"lockstep/steps"
)

// Sentinels for a host that does not prove to be the one it should be. Nothing
// was sent to it and trying again does not help; both wrap steps.ErrRefused.
var (
	ErrHostKeyUnknown = fmt.Errorf("host key unknown: %w", steps.ErrRefused)
	ErrHostKeyChanged = fmt.Errorf("host key changed: %w", steps.ErrRefused)
)

// hostKeys is how the host's key is judged in one login.
type hostKeys struct {
	algorithms []string
	callback   ssh.HostKeyCallback
	shown      bool // the host has shown a key
}

func (n *Network) hostKeys(t Target) (*hostKeys, error) {
	db, err := n.book(t.KnownHosts)
	if err != nil {
		return nil, err
	}
	check := db.HostKeyCallback()
	keys := &hostKeys{algorithms: hostKeyAlgorithms(t, db)}
	if len(keys.algorithms) == 0 {
		return nil, noHostKeyType(t, db)
	}
	keys.callback = func(host string, addr net.Addr, key ssh.PublicKey) error {
		keys.shown = true
		err := check(host, addr, key)
		if err == nil {
			n.mu.Lock()
			n.keys[t.keyName()] = ssh.FingerprintSHA256(key)
			n.mu.Unlock()
		}
		return hostKeyProblem(t, key, err)
	}
	return keys, nil
}

// hostKeyAlgorithms are those that the host may use. Only types that are on
// file are offered: a host that also has a key of another type would seem to
// have changed. Certificates come first, and only where an authority is known.
func hostKeyAlgorithms(t Target, db *knownhosts.HostKeyDB) []string {
	safe, unsafe := ssh.SupportedAlgorithms().HostKeys, ssh.InsecureAlgorithms().HostKeys
	if t.HostKeyAlgorithms != "" {
		safe, unsafe = choose(t.HostKeyAlgorithms, safe, unsafe), nil
	}
	known := db.HostKeys(t.keyName())
	plain := map[string]bool{}
	authority := false
	for _, k := range known {
		if k.Cert {
			authority = true
			continue
		}
		plain[k.Type()] = true
		if k.Type() == ssh.KeyAlgoRSA {
			plain[ssh.KeyAlgoRSASHA256], plain[ssh.KeyAlgoRSASHA512] = true, true
		}
	}
	isCert := func(a string) bool { return strings.Contains(a, "-cert-") }
	return slices.DeleteFunc(slices.Concat(safe, unsafe), func(a string) bool {
		switch {
		case len(known) == 0:
			return isCert(a) || slices.Contains(unsafe, a)
		case isCert(a):
			return !authority || slices.Contains(unsafe, a)
		}
		return !plain[a]
	})
}

func noHostKeyType(t Target, db *knownhosts.HostKeyDB) error {
	var known []string
	for _, k := range db.HostKeys(t.keyName()) {
		known = append(known, k.Type())
	}
	return &steps.Problem{
		What: fmt.Sprintf("ssh to %s: there is no type of host key that it may show", t.login()),
		Why:  fmt.Sprintf("known for it are keys of the types %q, and HostKeyAlgorithms is %q", known, t.HostKeyAlgorithms),
		Do:   "accept a key of another type with `lockstep hostkeys accept`, or take HostKeyAlgorithms out of ssh_config",
		Err:  ErrHostKeyUnknown,
	}
}

// keyName is the name and port under which the host's keys are looked up.
func (t Target) keyName() string {
	if t.HostKeyAlias != "" {
		return net.JoinHostPort(t.HostKeyAlias, "22")
	}
	return t.hostport()
}

func hostKeyProblem(t Target, key ssh.PublicKey, err error) error {
	shown := fmt.Sprintf("%s %s", key.Type(), ssh.FingerprintSHA256(key))
	var revoked *xknownhosts.RevokedError
	var mismatch *xknownhosts.KeyError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return &steps.Problem{
			What: fmt.Sprintf("%s shows a revoked host key, %s", t.hostport(), shown),
			Why:  fmt.Sprintf("it is marked @revoked in %s:%d", revoked.Revoked.Filename, revoked.Revoked.Line),
			Err:  ErrHostKeyChanged,
		}
	case knownhosts.IsHostUnknown(err):
		return &steps.Problem{
			What: fmt.Sprintf("the host key of %s is not known: %s", t.hostport(), shown),
			Why:  fmt.Sprintf("no line for %s in %s", knownhosts.Normalize(t.keyName()), listed(t.KnownHosts)),
			Do:   "compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there), then run `lockstep hostkeys accept`",
			Err:  ErrHostKeyUnknown,
		}
	case errors.As(err, &mismatch):
		return changedKey(t, shown, mismatch.Want)
	}
	return &steps.Problem{
		What: fmt.Sprintf("the host certificate of %s is not accepted: %s", t.hostport(), shown),
		Why:  strings.TrimPrefix(err.Error(), "ssh: "),
		Do:   "have the host's certificate made anew for the name by which it is reached, or set HostKeyAlias to one of its names",
		Err:  ErrHostKeyUnknown,
	}
}

func changedKey(t Target, shown string, want []xknownhosts.KnownKey) error {
	var known []string
	for _, k := range want {
		known = append(known, fmt.Sprintf("%s %s (%s:%d)", k.Key.Type(), ssh.FingerprintSHA256(k.Key), k.Filename, k.Line))
	}
	return &steps.Problem{
		What: fmt.Sprintf("the host key of %s has CHANGED: it shows %s", t.hostport(), shown),
		Why:  "known is " + strings.Join(known, ", "),
		Do:   "find out whether the host was reinstalled or somebody is in between; only then replace the known line",
		Err:  ErrHostKeyChanged,
	}
}

func listed(files []string) string {
	if len(files) == 0 {
		return "any known_hosts file (none is named)"
	}
	return strings.Join(files, ", ")
}
