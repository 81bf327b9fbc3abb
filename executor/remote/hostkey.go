package remote

import (
	"errors"
	"fmt"
	"net"
	"os"
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
	callback   ssh.HostKeyCallback
	algorithms []string
}

func newHostKeys(t Target) (hostKeys, error) {
	var files []string
	for _, file := range t.KnownHosts {
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		}
	}
	db, err := knownhosts.NewDB(files...)
	if err != nil {
		return hostKeys{}, fmt.Errorf("known hosts: %w", err)
	}
	check := db.HostKeyCallback()
	return hostKeys{
		// Only types that are on file are offered: a host that also has a key
		// of another type would seem to have changed.
		algorithms: db.HostKeyAlgorithms(t.hostport()),
		callback: func(host string, addr net.Addr, key ssh.PublicKey) error {
			return hostKeyProblem(t, key, check(host, addr, key))
		},
	}, nil
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
			Why:  "no line for it in " + listed(t.KnownHosts),
			Do:   fmt.Sprintf("compare the fingerprint with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there), then add its line: ssh-keyscan -p %d %s >> %s", t.withDefaults().Port, t.Address, t.KnownHosts[0]),
			Err:  ErrHostKeyUnknown,
		}
	case errors.As(err, &mismatch):
		return changedKey(t, shown, mismatch.Want)
	}
	return fmt.Errorf("host key of %s: %w", t.hostport(), err)
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
