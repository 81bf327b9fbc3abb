package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// inOwnNetwork runs the benchmark in a network namespace that has a loopback and
// nothing else: its sshd can listen on all addresses there, one for each host,
// and nobody else can reach it.
func inOwnNetwork(ctx context.Context, args []string, out io.Writer) error {
	if os.Getuid() != 0 {
		return errors.New("the benchmark needs root: its hosts are directories behind a real sshd")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	up := `ip link set lo up && exec "$0" "$@"`
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", up, self, asAlone}, args...)...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("in a network of its own: %w", err)
	}
	return nil
}
