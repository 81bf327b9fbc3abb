package lab

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

//go:embed etc
var etcFiles embed.FS

//go:embed scripts/seed.sh
var seedScript string

//go:embed scripts/seed.sql
var seedSQL string

const (
	datadir  = "var/lib/mysql"
	provider = "/usr/lib/galera/libgalera_smm.so"
)

// galeraText is the host's 60-galera.cnf: plaintext, with the habits of an
// operator in it that an edit must respect.
func galeraText(n *Node, nodes []*Node, password string) (string, error) {
	t, err := template.ParseFS(etcFiles, "etc/60-galera.cnf.tmpl")
	if err != nil {
		return "", err
	}
	var peers []string
	for _, p := range nodes {
		peers = append(peers, p.addr.String())
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]string{
		"Node": n.name, "Address": n.addr.String(), "Provider": provider,
		"Peers": strings.Join(peers, ","), "Password": password,
	})
	return b.String(), err
}

// writeDatabaseConfig lays out /etc/mysql as Debian does.
func (n *Node) writeDatabaseConfig(ids owner) error {
	password, err := n.lab.Password("sst")
	if err != nil {
		return err
	}
	galera, err := galeraText(n, n.lab.nodes, password)
	if err != nil {
		return err
	}
	const debian = "# THIS FILE IS OBSOLETE. STOP USING IT IF POSSIBLE.\n[client]\nhost     = localhost\nuser     = root\n"
	if err := writeFile(n.path("etc/mysql/debian.cnf"), []byte(debian), 0o600); err != nil {
		return err
	}
	path := n.path("etc/mysql/mariadb.conf.d/60-galera.cnf")
	if err := writeFile(path, []byte(galera), 0o640); err != nil {
		return err
	}
	if err := os.Chown(path, 0, ids.gid); err != nil {
		return err
	}
	return n.copyDebianConfig()
}

// copyDebianConfig writes the files that the packages install, so that the
// start state does not depend on what this machine's own database uses.
func (n *Node) copyDebianConfig() error {
	return fs.WalkDir(etcFiles, "etc/mysql", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := etcFiles.ReadFile(path)
		if err != nil {
			return err
		}
		return writeFile(n.path(path), data, 0o644)
	})
}

// owner is the account the database runs under.
type owner struct{ uid, gid int }

func databaseOwner() (owner, error) {
	u, err := user.Lookup("mysql")
	if err != nil {
		return owner{}, fmt.Errorf("%w: install mariadb-server on this machine", err)
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	return owner{uid, gid}, errors.Join(errUID, errGID)
}

// seedDir is the snapshot: a data directory with users, tables and a Galera
// position, stopped cleanly. Every node starts as a copy of it, so no state
// transfer is needed to make the cluster.
func (l *Lab) seedDir() string { return l.Path("seed") }

func (l *Lab) hasSeed() bool {
	_, err := os.Stat(filepath.Join(l.seedDir(), "grastate.dat"))
	return err == nil
}

// makeSeed runs a database once as a cluster of one, in n's root and network
// before n is booted, and keeps the result. The rename at the end makes the
// snapshot complete or absent.
func (l *Lab) makeSeed(ctx context.Context, n *Node) error {
	l.log.Info("preparing the database", "on", n.name)
	app, err := l.Password("app")
	if err != nil {
		return err
	}
	sst, err := l.Password("sst")
	if err != nil {
		return err
	}
	sql := strings.NewReplacer("@APP@", app, "@SST@", sst).Replace(seedSQL)
	netns := "--network-namespace-path=" + filepath.Join(netnsDir, l.names.netns(n.index))
	if err := l.script(ctx, n.root(), "seed", []string{netns}, seedScript, sql); err != nil {
		return fmt.Errorf("preparing the database: %w", err)
	}
	tmp := l.seedDir() + ".new"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if _, err := run(ctx, "cp", "-a", "--sparse=always", n.path(datadir), tmp); err != nil {
		return err
	}
	return os.Rename(tmp, l.seedDir())
}

// plantSeed makes the host's data directory a copy of the snapshot. Only one
// node may bootstrap the cluster.
func (n *Node) plantSeed(ctx context.Context, bootstrap bool) error {
	dir := n.path(datadir)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if _, err := run(ctx, "cp", "-a", "--sparse=never", n.lab.seedDir(), dir); err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	if bootstrap {
		return nil
	}
	state := filepath.Join(dir, "grastate.dat")
	data, err := os.ReadFile(state)
	if err != nil {
		return err
	}
	text := strings.Replace(string(data), "safe_to_bootstrap: 1", "safe_to_bootstrap: 0", 1)
	return os.WriteFile(state, []byte(text), 0o660) // in place: owner and mode stay
}
