package main

import (
	"os"
	"os/exec"

	"github.com/spf13/cobra"
)

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
			return ssh.Run()
		},
	}
	c.Flags().StringVarP(&user, "user", "u", user, "root, deploy, dba or nosudo")
	return c
}
