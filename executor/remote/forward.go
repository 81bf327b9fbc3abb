package remote

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// isForbidden tells an sshd that forbids forwarding from a port where nobody
// listens.
func isForbidden(err error) bool {
	var open *ssh.OpenChannelError
	return errors.As(err, &open) && open.Reason == ssh.Prohibited
}

func forbidden(t Target, address string) error {
	return &steps.Problem{
		What: fmt.Sprintf("%s does not let us connect to %s through it", t.hostport(), address),
		Why:  "its sshd forbids TCP forwarding, and the host has neither socat nor nc",
		Do:   fmt.Sprintf("install socat or nc there, or set AllowTcpForwarding local (and PermitOpen) for %s in its sshd_config", t.User),
		Err:  steps.ErrRefused,
	}
}

// readLimited reads text to its end and keeps at most limit bytes.
func readLimited(r io.Reader, limit int64) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit))
	if err != nil {
		return string(b), err
	}
	_, err = io.Copy(io.Discard, r)
	return string(b), err
}
