package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"lockstep/internal/sshserver"
)

// servedHosts makes hosts web1, web2, ... out of this process and describes
// them in dir/inventory.yml. They share this machine's files; each has the
// variable root, a folder of its own. The function ends them.
func servedHosts(dir string, n int) (end func(), err error) {
	var servers []*sshserver.Server
	end = func() {
		for _, s := range servers {
			_ = s.Close()
		}
	}
	file, known := filepath.Join(dir, "id_ed25519"), filepath.Join(dir, "known_hosts")
	key, err := newClientKey(file)
	if err != nil {
		return end, err
	}
	var hosts, keys strings.Builder
	for i := range n {
		s, err := sshserver.Start(context.Background(), sshserver.Options{Keys: []ssh.PublicKey{key}})
		if err != nil {
			return end, err
		}
		servers = append(servers, s)
		root := filepath.Join(dir, fmt.Sprintf("web%d", i+1))
		if err := os.Mkdir(root, 0o755); err != nil {
			return end, err
		}
		fmt.Fprintf(&hosts, "    web%d: {ansible_host: 127.0.0.1, ansible_port: %d, lockstep_run_dir: %s/run%d, root: %s}\n", i+1, s.Addr().Port, dir, i+1, root)
		fmt.Fprintln(&keys, s.KnownHostsLine())
	}
	inventory := fmt.Appendf(nil, `web:
  hosts:
%s  vars:
    ansible_user: operator
    ansible_ssh_private_key_file: %s
    ansible_ssh_common_args: "-o UserKnownHostsFile=%s"
`, hosts.String(), file, known)
	return end, errors.Join(
		os.WriteFile(known, []byte(keys.String()), 0o600),
		os.WriteFile(filepath.Join(dir, "inventory.yml"), inventory, 0o600))
}

func newClientKey(file string) (ssh.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(public)
}
