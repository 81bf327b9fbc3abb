package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
)

const netnsDir = "/run/netns"

// makeBridge is the switch all hosts hang on; the machine itself has an
// address on it.
func (l *Lab) makeBridge(ctx context.Context) error {
	br := l.names.bridge()
	for _, argv := range [][]string{
		{"ip", "link", "add", br, "type", "bridge", "forward_delay", "0"},
		{"ip", "addr", "add", bridgeAddress(l.opts.Subnet).String() + "/24", "dev", br},
		{"ip", "link", "set", br, "up"},
	} {
		if _, err := run(ctx, argv...); err != nil {
			return err
		}
	}
	return nil
}

// checkSubnet refuses a subnet that something else on this machine uses.
func (l *Lab) checkSubnet() error {
	ifs, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range ifs {
		addrs, err := i.Addrs()
		if err != nil || l.names.owns(i.Name) {
			continue
		}
		for _, a := range addrs {
			if overlaps(l.opts.Subnet, a.String()) {
				return fmt.Errorf("subnet %s: interface %s of this machine already has %s; choose another with --subnet, or take down the other lab", l.opts.Subnet, i.Name, a)
			}
		}
	}
	return nil
}

func overlaps(subnet, address string) bool {
	a, errA := netip.ParsePrefix(subnet)
	b, errB := netip.ParsePrefix(address)
	return errA == nil && errB == nil && a.Overlaps(b.Masked())
}

// checkBridge proves that hosts reach each other. Where Docker is at home, the
// machine's packet filter looks at bridged traffic too, and drops it.
func (l *Lab) checkBridge(ctx context.Context) error {
	if len(l.nodes) < 2 {
		return nil
	}
	from, to := l.nodes[0], l.nodes[1]
	if _, err := from.Run(ctx, "timeout", "5", "bash", "-c", ": <>/dev/tcp/"+to.addr.String()+"/22"); err != nil {
		return fmt.Errorf("%s does not reach %s over bridge %s: %w; a packet filter of this machine may drop bridged traffic: `sysctl net.bridge.bridge-nf-call-iptables=0`, or accept it in its FORWARD chain",
			from.name, to.name, l.names.bridge(), err)
	}
	return nil
}

// plug gives a host its network namespace and the cable to the bridge.
func (n *Node) plug(ctx context.Context) error {
	ns, veth := n.lab.names.netns(n.index), n.lab.names.veth(n.index)
	for _, argv := range [][]string{
		{"ip", "netns", "add", ns},
		{"ip", "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", ns},
		{"ip", "link", "set", veth, "master", n.lab.names.bridge(), "up"},
		{"ip", "-n", ns, "link", "set", "lo", "up"},
		{"ip", "-n", ns, "addr", "add", n.addr.String() + "/24", "dev", "eth0"},
		{"ip", "-n", ns, "link", "set", "eth0", "up"},
	} {
		if _, err := run(ctx, argv...); err != nil {
			return fmt.Errorf("%s: network: %w", n.name, err)
		}
	}
	return nil
}

// unplug removes the namespace with every socket left in it: a machine
// without power sends no farewell, so the cable goes first.
func (n *Node) unplug(ctx context.Context) error {
	if err := deleteLink(ctx, n.lab.names.veth(n.index)); err != nil {
		return err
	}
	return deleteNetns(ctx, n.lab.names.netns(n.index))
}

func deleteLink(ctx context.Context, name string) error {
	if _, err := os.Stat("/sys/class/net/" + name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	_, err := run(ctx, "ip", "link", "del", name)
	if _, gone := os.Stat("/sys/class/net/" + name); errors.Is(gone, fs.ErrNotExist) {
		return nil
	}
	return err
}

func deleteNetns(ctx context.Context, name string) error {
	if _, err := os.Stat(filepath.Join(netnsDir, name)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	_, err := run(ctx, "ip", "netns", "del", name)
	return err
}

// removeNetwork deletes all of this lab's interfaces and namespaces, found by
// name.
func (l *Lab) removeNetwork(ctx context.Context) error {
	var errs []error
	for _, name := range entries("/sys/class/net") {
		if l.names.owns(name) {
			errs = append(errs, deleteLink(ctx, name))
		}
	}
	for _, name := range entries(netnsDir) {
		if l.names.owns(name) {
			errs = append(errs, deleteNetns(ctx, name))
		}
	}
	return errors.Join(errs...)
}

func entries(dir string) []string {
	list, _ := os.ReadDir(dir) // an absent directory has no entries
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
