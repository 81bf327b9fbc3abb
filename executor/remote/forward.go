package remote

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// forwardProblem tells an sshd that forbids forwarding from a port where
// nobody listens.
func forwardProblem(t Target, address string, err error) error {
	var open *ssh.OpenChannelError
	if errors.As(err, &open) && open.Reason == ssh.Prohibited {
		return &steps.Problem{
			What: fmt.Sprintf("%s does not let us connect to %s through it", t.hostport(), address),
			Why:  "its sshd forbids TCP forwarding: " + open.Message,
			Do:   fmt.Sprintf("set AllowTcpForwarding local (and PermitOpen) for %s in its sshd_config", t.User),
			Err:  steps.ErrRefused,
		}
	}
	return fmt.Errorf("connect from %s to %s: %w", t.Address, address, err)
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
