package lab

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLabUpDown makes a real lab of its own, breaks hosts in it, and wants
// nothing left of it. It needs root and takes about a minute.
func TestLabUpDown(t *testing.T) {
	requireLab(t)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "lab")
	l := mustOpen(t, dir)
	t.Cleanup(func() {
		if err := mustOpen(t, dir).Down(context.Background()); err != nil {
			t.Error("down:", err)
		}
		wantNothingLeft(t, l)
	})
	shape := Options{Nodes: 3, Subnet: freeSubnet(t, l)}
	must(t, l.Up(ctx, shape))
	if err := mustOpen(t, dir).Up(ctx, Options{Nodes: 2, Subnet: shape.Subnet}); err == nil {
		t.Error("up with another shape: no error")
	}
	must(t, mustOpen(t, dir).Up(ctx, shape))

	t.Run("users", func(t *testing.T) { testUsers(ctx, t, l) })
	t.Run("sniffer reads plaintext", func(t *testing.T) { testSniffer(ctx, t, l) })
	t.Run("load survives power loss and a cut", func(t *testing.T) { testLoad(ctx, t, l) })
	t.Run("snapshot", func(t *testing.T) { testSnapshot(ctx, t, l.Nodes()[0]) })
	t.Run("processes", func(t *testing.T) { testProcesses(t, l.Nodes()[0]) })
	t.Run("tiny disk", func(t *testing.T) { testTinyDisk(ctx, t, l.Nodes()[1]) })
	t.Run("reset", func(t *testing.T) { testReset(ctx, t, l) })
}

// freeSubnet keeps out of the way of another run of this test.
func freeSubnet(t *testing.T, l *Lab) string {
	t.Helper()
	for i := range 250 {
		l.opts.Subnet = fmt.Sprintf("10.79.%d.0/24", i)
		if l.checkSubnet() == nil {
			return l.opts.Subnet
		}
	}
	t.Fatal("all of 10.79.0.0/16 is in use on this machine")
	return ""
}

// requireLab skips where no lab is wanted; CI wants it.
func requireLab(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: a real lab takes about a minute")
	}
	why := ""
	switch {
	case os.Getenv("LOCKSTEP_LAB") != "1":
		why = "LOCKSTEP_LAB=1 is not set: a real lab needs root and about a minute"
	case os.Geteuid() != 0:
		why = "a lab needs root"
	}
	if why == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("in CI the lab must run: " + why)
	}
	t.Skip(why)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t *testing.T, dir string) *Lab {
	t.Helper()
	l, err := Open(dir, nil)
	must(t, err)
	return l
}

func testUsers(ctx context.Context, t *testing.T, l *Lab) {
	password, err := l.Password("dba")
	must(t, err)
	for _, row := range []struct{ user, stdin, command, want string }{
		{"root", "", "id -un", "root"},
		{"deploy", "", "sudo -n id -un", "root"},
		{"dba", password + "\n", "sudo -S -p '' id -un", "root"},
		{"dba", "", "sudo -n id -un || echo refused", "refused"},
		{"nosudo", "", "sudo -n id -un || echo refused", "refused"},
	} {
		t.Run(row.user+": "+row.command, func(t *testing.T) {
			for _, n := range l.Nodes() {
				cmd := exec.CommandContext(ctx, "ssh", "-F", "none", "-i", l.Path("id_ed25519"), "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
					"-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile="+l.Path("known_hosts"), row.user+"@"+n.Addr().String(), row.command)
				cmd.Stdin = strings.NewReader(row.stdin)
				out, err := cmd.Output()
				if got := strings.TrimSpace(string(out)); err != nil || got != row.want {
					t.Errorf("%s: got %q (%v), want %q", n.Name(), got, err, row.want)
				}
			}
		})
	}
}

func testSniffer(ctx context.Context, t *testing.T, l *Lab) {
	s, marker := l.NewSniffer(), NewMarker()
	must(t, s.Start(ctx, marker))
	defer s.Stop()
	for _, n := range l.Nodes() {
		must(t, l.WriteMarkers(ctx, n, marker, 3, "preferred"))
	}
	last := l.Nodes()[2]
	must(t, last.Rejoin(ctx))
	must(t, last.CatchUp(ctx, func(ctx context.Context) error {
		return l.WriteMarkers(ctx, l.Nodes()[0], marker, 20, "preferred")
	}))
	for _, p := range s.Stop().Ports {
		if !p.Marker {
			t.Errorf("port %d: the marker was not readable in %d bytes of plaintext", p.Port, p.Bytes)
		}
	}
}

func testLoad(ctx context.Context, t *testing.T, l *Lab) {
	w := l.NewLoad(3)
	must(t, w.Start(ctx))
	defer w.Stop()
	victim := l.Nodes()[1]
	must(t, victim.PowerOff(ctx))
	must(t, l.WaitSynced(ctx, 2))
	must(t, victim.Boot(ctx))
	must(t, l.WaitSynced(ctx, 3))
	must(t, victim.Cut(ctx))
	must(t, l.WaitSynced(ctx, 2))
	must(t, victim.Mend(ctx))
	must(t, l.WaitSynced(ctx, 3))
	w.Stop()
	r, err := w.Check(ctx)
	must(t, err)
	if r.TotalLost() != 0 || r.Acknowledged == 0 || r.Failed == 0 {
		t.Errorf("want rows written, attempts failed and nothing lost:\n%s", r)
	}
	t.Logf("\n%s", r)
}

func testSnapshot(ctx context.Context, t *testing.T, n *Node) {
	before, err := n.Snapshot(ctx, "/etc/mysql", "/no/such/path")
	must(t, err)
	conf := before["/etc/mysql/mariadb.conf.d/60-galera.cnf"]
	if conf.Mode != 0o640 || conf.UID != 0 || conf.GID == 0 || conf.SHA256 == "" {
		t.Errorf("60-galera.cnf: got %s, want mode 0640, owner root:mysql and a checksum", conf)
	}
	if l := before["/etc/mysql/my.cnf"]; l.Link != "/etc/alternatives/my.cnf" {
		t.Errorf("my.cnf: got %s, want a link", l)
	}
	again, err := n.Snapshot(ctx, "/etc/mysql")
	must(t, err)
	if !maps.Equal(before, again) {
		t.Error("two snapshots of an untouched tree differ")
	}
	_, err = n.Run(ctx, "touch", "/etc/mysql/conf.d/mysql.cnf")
	must(t, err)
	touched, err := n.Snapshot(ctx, "/etc/mysql")
	must(t, err)
	if maps.Equal(before, touched) {
		t.Error("a touched file does not show")
	}
}

func testProcesses(t *testing.T, n *Node) {
	list, err := n.Processes()
	must(t, err)
	for _, want := range []string{"mariadbd", "sshd", "systemd-journald"} {
		if !slices.ContainsFunc(list, func(p Process) bool { return strings.Contains(p.Args[0], want) }) {
			t.Errorf("no %s among %v", want, list)
		}
	}
	if len(list) == 0 || list[0].PID != 1 {
		t.Errorf("the first process is not pid 1: %v", list)
	}
}

func testTinyDisk(ctx context.Context, t *testing.T, n *Node) {
	before, err := n.Snapshot(ctx, "/etc/mysql")
	must(t, err)
	restore, err := n.TinyDisk(ctx, "/etc/mysql", 128<<10)
	must(t, err)
	inside, err := n.Snapshot(ctx, "/etc/mysql")
	must(t, err)
	if diff := cmp.Diff(before, inside); diff != "" {
		t.Error("the tiny disk does not hold what the directory held:", diff)
	}
	if _, err := n.Run(ctx, "dd", "if=/dev/zero", "of=/etc/mysql/fill", "bs=1k", "count=512"); err == nil {
		t.Error("512 KiB fit on a disk of 128 KiB")
	}
	_, err = n.Run(ctx, "rm", "/etc/mysql/fill")
	must(t, err)
	must(t, restore(ctx))
	if _, err := n.Run(ctx, "dd", "if=/dev/zero", "of=/etc/mysql/fill", "bs=1k", "count=512"); err != nil {
		t.Error("after restore:", err)
	}
	if _, err := n.TinyDisk(ctx, "/etc/mysql", 4096); err == nil {
		t.Error("a disk too small for the contents: no error")
	}
}

func testReset(ctx context.Context, t *testing.T, l *Lab) {
	n := l.Nodes()[0]
	_, err := n.SQL(ctx, "CREATE DATABASE junk")
	must(t, err)
	keys, err := os.ReadFile(l.Path("known_hosts"))
	must(t, err)
	must(t, l.Reset(ctx))
	must(t, l.WaitSynced(ctx, 3))
	if out, err := l.Nodes()[0].SQL(ctx, "SHOW DATABASES LIKE 'junk'; SELECT COUNT(*) FROM lab.`rows`"); err != nil || out != "0" {
		t.Errorf("after reset: got %q, %v; want no junk and no rows", out, err)
	}
	now, err := os.ReadFile(l.Path("known_hosts"))
	must(t, err)
	if string(now) != string(keys) {
		t.Error("reset changed the host keys")
	}
}

func wantNothingLeft(t *testing.T, l *Lab) {
	t.Helper()
	for _, dir := range []string{"/sys/class/net", netnsDir, "/run/systemd/nspawn/propagate"} {
		for _, name := range entries(dir) {
			if l.names.owns(name) {
				t.Errorf("left behind: %s/%s", dir, name)
			}
		}
	}
	if pids := cgroupPIDs(l.names.prefix); len(pids) > 0 {
		t.Errorf("left behind: processes %v", pids)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	if left := mountsBelow(string(mounts), l.dir); len(left) > 0 {
		t.Errorf("left behind: mounts %v", left)
	}
	if _, err := os.Stat(l.dir); err == nil {
		t.Errorf("left behind: %s", l.dir)
	}
}
