package lab

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// Node is one host of the lab.
type Node struct {
	lab   *Lab
	index int
	name  string
	addr  netip.Addr
}

func (l *Lab) newNode(i int) *Node {
	return &Node{lab: l, index: i, name: nodeName(i), addr: nodeAddress(l.opts.Subnet, i)}
}

// Name is node1, node2, ...
func (n *Node) Name() string { return n.name }

// Addr is the host's address on the bridge.
func (n *Node) Addr() netip.Addr { return n.addr }

// root is the host's file system as the machine sees it.
func (n *Node) root() string { return n.lab.mnt(n.name, "root") }

func (n *Node) path(p string) string { return filepath.Join(n.root(), p) }

// Run executes argv as root inside the host, without ssh, and returns its
// stdout. A non-zero exit is an error that carries the end of stderr.
func (n *Node) Run(ctx context.Context, argv ...string) (string, error) {
	return n.RunInput(ctx, nil, argv...)
}

// RunInput is Run with a standard input.
func (n *Node) RunInput(ctx context.Context, in io.Reader, argv ...string) (string, error) {
	pid, err := n.leader()
	if err != nil {
		return "", err
	}
	enter := []string{"nsenter", "--target", strconv.Itoa(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", "--",
		"env", "-i", "HOME=/root", "USER=root", "LC_ALL=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	out, err := runInput(ctx, in, append(enter, argv...)...)
	if err != nil {
		return out, fmt.Errorf("%s: %w", n.name, shorten(err, enter))
	}
	return out, nil
}

// shorten drops the way into the host from an error's text.
func shorten(err error, enter []string) error {
	return entered{err, strings.Join(enter, " ") + " "}
}

type entered struct {
	error
	prefix string
}

func (e entered) Error() string { return strings.TrimPrefix(e.error.Error(), e.prefix) }
func (e entered) Unwrap() error { return e.error }

// SQL runs statements as root over the host's unix socket, TLS off, so that it
// answers whatever the client's configuration says. Rows come back as lines,
// columns separated by tabs.
func (n *Node) SQL(ctx context.Context, statements string) (string, error) {
	out, err := n.RunInput(ctx, strings.NewReader(statements), "mariadb", "--no-defaults", "--skip-ssl", "--protocol=socket",
		"--socket=/run/mysqld/mysqld.sock", "--batch", "--skip-column-names", "--connect-timeout=5")
	return strings.TrimRight(out, "\n"), err
}
