package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/spf13/cobra"
)

// errRemote marks an exit status that belongs to the command on the host.
var errRemote = errors.New("ssh")

func sshCommand(a *app) *cobra.Command {
	user := "root"
	c := &cobra.Command{
		Use:   "ssh NODE [-- COMMAND...]",
		Short: "Log in to a host over real ssh",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := a.open()
			if err != nil {
				return err
			}
			n, err := l.Node(args[0])
			if err != nil {
				return err
			}
			argv := append([]string{"-F", "none", "-i", l.Path("id_ed25519"), "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
				"-o", "UserKnownHostsFile=" + l.Path("known_hosts"), "-o", "StrictHostKeyChecking=yes", user + "@" + n.Addr().String()}, args[1:]...)
			ssh := exec.CommandContext(cmd.Context(), "ssh", argv...)
			ssh.Stdin, ssh.Stdout, ssh.Stderr = os.Stdin, cmd.OutOrStdout(), cmd.ErrOrStderr()
			if err := ssh.Run(); err != nil {
				return fmt.Errorf("%w: %w", errRemote, err)
			}
			return nil
		},
	}
	c.Flags().StringVarP(&user, "user", "u", user, "root, deploy, dba or nosudo")
	return c
}
