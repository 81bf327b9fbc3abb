package lab

import (
	"fmt"
	"path/filepath"
	"strings"
)

// inventoryText is the lab as an Ansible YAML inventory.
func inventoryText(dir string, nodes []*Node) string {
	var b strings.Builder
	b.WriteString("# The hosts of the rehearsal lab. Written by lockstep-lab.\npxc:\n  hosts:\n")
	for _, n := range nodes {
		fmt.Fprintf(&b, "    %s:\n      ansible_host: %s\n", n.name, n.addr)
	}
	fmt.Fprintf(&b, "  vars:\n    ansible_user: root\n    ansible_ssh_private_key_file: %s\n    ansible_ssh_common_args: %q\n",
		filepath.Join(dir, "id_ed25519"), "-o UserKnownHostsFile="+filepath.Join(dir, "known_hosts"))
	return b.String()
}

// knownHostsText lists the hosts' real keys, plain, under name and address.
func knownHostsText(nodes []*Node) (string, error) {
	var b strings.Builder
	for _, n := range nodes {
		keys, err := n.hostKeys()
		if err != nil {
			return "", fmt.Errorf("host keys of %s: %w", n.name, err)
		}
		for _, k := range keys {
			fmt.Fprintf(&b, "%s,%s %s\n", n.name, n.addr, k)
		}
	}
	return b.String(), nil
}

// hostsText is /etc/hosts: sudo and MariaDB must not wait for a name service.
func hostsText(nodes []*Node) string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\n")
	for _, n := range nodes {
		fmt.Fprintf(&b, "%s\t%s\n", n.addr, n.name)
	}
	return b.String()
}

func (l *Lab) writeOperatorFiles() error {
	known, err := knownHostsText(l.nodes)
	if err != nil {
		return err
	}
	if err := writeFile(l.Path("known_hosts"), []byte(known), 0o644); err != nil {
		return err
	}
	return writeFile(l.Path("inventory.yml"), []byte(inventoryText(l.dir, l.nodes)), 0o644)
}
