package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"lockstep/internal/sshserver"
)

// served is what each served host holds at first, below its own folder. ROOT
// in it stands for that folder.
//
//go:embed served
var served embed.FS

func serveCommand(a *app) *cobra.Command {
	var nodes int
	cmd := &cobra.Command{
		Use:   "serve [flags] -- COMMAND [ARG]...",
		Short: "Run a command against hosts that this process serves itself: no root, no database",
		Long: `serve starts an SSH server on loopback for each host, gives each a folder with
MariaDB's option files in it, and runs COMMAND with LOCKSTEP_INVENTORY naming
their inventory. The variable root of each host is its folder: what runs there
runs as you, so a plan for these hosts keeps below {{ root }}. All of it is gone
when COMMAND ends.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return serve(cmd.Context(), nodes, args) },
	}
	cmd.Flags().IntVar(&nodes, "nodes", 3, "how many hosts")
	return cmd
}

func serve(ctx context.Context, nodes int, argv []string) (err error) {
	dir, err := os.MkdirTemp("", "lockstep-serve-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	key, err := clientKey(filepath.Join(dir, "id_ed25519"))
	if err != nil {
		return err
	}
	var hosts, known strings.Builder
	for i := range nodes {
		name := fmt.Sprintf("node%d", i+1)
		root := filepath.Join(dir, name)
		if err := seed(root); err != nil {
			return err
		}
		s, err := sshserver.Start(ctx, sshserver.Options{Keys: []ssh.PublicKey{key}})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		fmt.Fprintf(&hosts, "    %s: {ansible_host: 127.0.0.1, ansible_port: %d, root: %q}\n", name, s.Addr().Port, root)
		fmt.Fprintln(&known, s.KnownHostsLine())
	}
	inventory, err := describe(dir, hosts.String(), known.String())
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "LOCKSTEP_INVENTORY="+inventory)
	if err := cmd.Run(); err != nil {
		return errors.Join(errRemote, err)
	}
	return nil
}

// clientKey makes the key that the served hosts let in.
func clientKey(file string) (ssh.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "lockstep-lab serve")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(public)
}

// seed gives a host its first files.
func seed(root string) error {
	return fs.WalkDir(served, "served", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(root, strings.TrimPrefix(path, "served"))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := served.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, []byte(strings.ReplaceAll(string(data), "ROOT", root)), 0o644)
	})
}

// describe writes the inventory and the known hosts.
func describe(dir, hosts, known string) (string, error) {
	me, err := user.Current()
	if err != nil {
		return "", err
	}
	knownHosts, inventory := filepath.Join(dir, "known_hosts"), filepath.Join(dir, "inventory.yml")
	text := fmt.Sprintf(`# Hosts that lockstep-lab serves itself, on loopback.
pxc:
  hosts:
%s  vars:
    ansible_user: %q
    ansible_ssh_private_key_file: %s
    ansible_ssh_common_args: "-o UserKnownHostsFile=%s"
`, hosts, me.Username, filepath.Join(dir, "id_ed25519"), knownHosts)
	return inventory, errors.Join(os.WriteFile(knownHosts, []byte(known), 0o600), os.WriteFile(inventory, []byte(text), 0o600))
}
