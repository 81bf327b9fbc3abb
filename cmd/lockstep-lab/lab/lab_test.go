package lab

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func shaped(t *testing.T, o Options) *Lab {
	t.Helper()
	l, err := Open(filepath.Join(t.TempDir(), "lab"), nil)
	must(t, err)
	must(t, l.become(o, false))
	return l
}

func TestOptionsAreChecked(t *testing.T) {
	for _, row := range []struct {
		name    string
		in      Options
		want    Options
		wantErr bool
	}{
		{"defaults", Options{}, Options{Nodes: 3, Subnet: DefaultSubnet}, false},
		{"an address inside the subnet", Options{Nodes: 1, Subnet: "10.9.8.7/24"}, Options{Nodes: 1, Subnet: "10.9.8.0/24"}, false},
		{"too many nodes", Options{Nodes: 100}, Options{}, true},
		{"a negative number", Options{Nodes: -1}, Options{}, true},
		{"another size", Options{Subnet: "10.9.0.0/16"}, Options{}, true},
		{"IPv6", Options{Subnet: "fd00::/24"}, Options{}, true},
		{"nonsense", Options{Subnet: "lan"}, Options{}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := row.in.withDefaults()
			if (err != nil) != row.wantErr || err == nil && got != row.want {
				t.Errorf("got %+v, %v; want %+v, error %v", got, err, row.want, row.wantErr)
			}
		})
	}
}

func TestNamesFollowTheDirectory(t *testing.T) {
	a, b := namesFor("/tmp/a"), namesFor("/tmp/b")
	if a == b || a != namesFor("/tmp/a") {
		t.Errorf("names %v and %v: want stable and different ones", a, b)
	}
	for _, name := range []string{a.bridge(), a.veth(maxNodes)} {
		if len(name) > 15 {
			t.Errorf("%s: an interface name has 15 characters at most", name)
		}
	}
	for _, name := range []string{a.bridge(), a.veth(1), a.netns(1), a.cgroup(1)} {
		if !a.owns(name) || b.owns(name) {
			t.Errorf("%s: not told apart from the other lab's", name)
		}
	}
	if machineID("/tmp/a", "node1") == machineID("/tmp/a", "node2") || len(machineID("/tmp/a", "node1")) != 32 {
		t.Error("machine ids: want 32 digits, different by host")
	}
}

func TestAddresses(t *testing.T) {
	l := shaped(t, Options{Nodes: 12, Subnet: "10.1.2.0/24"})
	if got := l.Nodes()[11].Addr().String(); got != "10.1.2.22" {
		t.Errorf("node12: got %s, want 10.1.2.22", got)
	}
	if got := bridgeAddress("10.1.2.0/24").String(); got != "10.1.2.1" {
		t.Errorf("bridge: got %s, want 10.1.2.1", got)
	}
	for address, want := range map[string]bool{"10.1.2.200/24": true, "10.1.0.1/16": true, "10.1.3.1/24": false, "fd00::1/64": false} {
		if got := overlaps("10.1.2.0/24", address); got != want {
			t.Errorf("overlaps %s: got %v, want %v", address, got, want)
		}
	}
}

func TestInventory(t *testing.T) {
	l := shaped(t, Options{Nodes: 2})
	want := `# The hosts of the rehearsal lab. Written by lockstep-lab.
pxc:
  hosts:
    node1:
      ansible_host: 10.77.0.11
    node2:
      ansible_host: 10.77.0.12
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: /state/id_ed25519
    ansible_ssh_common_args: "-o UserKnownHostsFile=/state/known_hosts"
`
	if diff := cmp.Diff(want, inventoryText("/state", l.Nodes())); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsStay(t *testing.T) {
	l := shaped(t, Options{Nodes: 2})
	must(t, os.MkdirAll(l.Dir(), 0o755))
	must(t, l.makeSecrets())
	before, err := knownHostsText(l.Nodes())
	must(t, err)
	if n := strings.Count(before, "\n"); n != 4 {
		t.Errorf("known_hosts has %d lines, want two keys for each of two hosts:\n%s", n, before)
	}
	if !strings.Contains(before, "node2,10.77.0.12 ssh-ed25519 AAAA") {
		t.Errorf("known_hosts does not name node2 by name and address:\n%s", before)
	}
	must(t, l.makeSecrets())
	if after, err := knownHostsText(l.Nodes()); err != nil || after != before {
		t.Errorf("a second call changed the keys (%v)", err)
	}
	for _, name := range []string{"id_ed25519", "app.password", "dba.password", "sst.password"} {
		if info, err := os.Stat(l.Path(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", name, info, err)
		}
	}
}

func TestGaleraConfig(t *testing.T) {
	l := shaped(t, Options{})
	got, err := galeraText(l.Nodes()[1], l.Nodes(), "secret")
	must(t, err)
	for _, want := range []string{
		"[galera]\n", "[sst]\n", "#encrypt",
		"gcomm://10.77.0.11,10.77.0.12,10.77.0.13\n",
		"wsrep_node_address       = 10.77.0.12\n",
		`wsrep_provider_options="gcache.size=128M;gcs.fc_limit=128"` + "\n",
		"wsrep_sst_auth           = sst:secret   # ",
		"wsrep_sst_method         = mariabackup\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "\nssl") || strings.Contains(got, "\nencrypt") {
		t.Errorf("the start state is not plaintext:\n%s", got)
	}
}

func TestDirectoryOfOthersIsRefused(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o644))
	l, err := Open(dir, nil)
	must(t, err)
	if err := l.claim(); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Errorf("got %v, want a refusal that names what is there", err)
	}
	l, err = Open(t.TempDir()+"/with blank", nil)
	must(t, err)
	if l.claim() == nil {
		t.Error("a blank in the path: no error")
	}
}

func TestLockKeepsOthersOut(t *testing.T) {
	l := shaped(t, Options{})
	must(t, l.claim())
	unlock, err := l.lock()
	must(t, err)
	if _, err := l.lock(); err == nil {
		t.Error("a second lock: no error")
	}
	unlock()
	unlock, err = l.lock()
	must(t, err)
	unlock()
}

func TestHierarchies(t *testing.T) {
	for _, row := range []struct {
		name, mounts string
		want         []string
	}{
		{"hybrid", "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
			[]string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"}},
		{"unified", "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n", []string{"/sys/fs/cgroup"}},
		{"none", "proc /proc proc rw 0 0\n", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := parseHierarchies(row.mounts); !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestMountsBelow(t *testing.T) {
	info := "20 1 8:1 / / rw - ext4 /dev/vda rw\n30 20 0:40 / /tmp/lab/mnt rw - tmpfs x rw\n" +
		"31 30 0:41 / /tmp/lab/mnt/node1/root rw - overlay x rw\n32 20 0:42 / /tmp/lab2/mnt rw - tmpfs x rw\n"
	want := []string{"/tmp/lab/mnt", "/tmp/lab/mnt/node1/root"}
	if got := mountsBelow(info, "/tmp/lab"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMissingPackages(t *testing.T) {
	got := missingPackages([]string{"sudo", "socat", "galera-4"}, "sudo installed\nsocat config-files\n")
	if want := []string{"socat", "galera-4"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestStatusOfProcesses(t *testing.T) {
	for status, want := range map[string]bool{
		"Name:\tsystemd\nNSpid:\t812\t1\n": true, "NSpid:\t812\t17\n": false, "NSpid:\t1\n": false, "NSpid:\t9\t8\t1\n": false, "": false,
	} {
		if got := isLeader(status); got != want {
			t.Errorf("isLeader(%q): got %v", status, got)
		}
	}
	if p := parseStatus("Uid:\t102\t102\t102\t102\nNSpid:\t812\t17\n"); p.PID != 17 || p.UID != 102 {
		t.Errorf("got %v, want pid 17 and uid 102", p)
	}
}

func TestSnapshotStaysInside(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "etc/app"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "etc/app/conf"), []byte("x"), 0o640))
	must(t, os.Symlink("/etc/app", filepath.Join(root, "link"))) // absolute: must not lead to this machine
	must(t, os.Symlink("/gone", filepath.Join(root, "etc/app/dangling")))
	found := map[string]File{}
	for _, start := range []string{"/etc", "/link/conf", "/nothing", "/link/nothing"} {
		must(t, snapshotTree(t.Context(), root, start, found))
	}
	want := []string{"/etc", "/etc/app", "/etc/app/conf", "/etc/app/dangling", "/link/conf"}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if f := found["/link/conf"]; f.SHA256 != "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" || f.Mode != 0o640 {
		t.Errorf("/link/conf: got %s", f)
	}
	if f := found["/etc/app/dangling"]; f.Link != "/gone" {
		t.Errorf("dangling link: got %s", f)
	}
}

func TestGuardOfOthersStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy-rc.d")
	must(t, removeGuard(path))
	must(t, placeGuard(path))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("guard: %v, %v; want an executable file", info, err)
	}
	must(t, removeGuard(path))
	if _, err := os.Stat(path); err == nil {
		t.Error("our own guard is still there")
	}
	must(t, os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n"), 0o755))
	must(t, placeGuard(path))
	must(t, removeGuard(path))
	if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), "exit 0") {
		t.Errorf("somebody else's guard: got %q, %v", data, err)
	}
}

func TestInotifyLimitIsGivenBack(t *testing.T) {
	for _, row := range []struct {
		name                 string
		before, meddled, end string
	}{
		{"raised and restored", "128\n", "", "128"},
		{"high enough already", "8192\n", "", "8192"},
		{"changed by someone else", "128\n", "4096\n", "4096"},
	} {
		t.Run(row.name, func(t *testing.T) {
			limit, saved := filepath.Join(t.TempDir(), "limit"), filepath.Join(t.TempDir(), "saved")
			must(t, os.WriteFile(limit, []byte(row.before), 0o644))
			must(t, raiseInotify(limit, saved))
			must(t, raiseInotify(limit, saved))
			if n, err := readNumber(limit); err != nil || n < inotifyWant {
				t.Errorf("raised to %d, %v; want at least %d", n, err, inotifyWant)
			}
			if row.meddled != "" {
				must(t, os.WriteFile(limit, []byte(row.meddled), 0o644))
			}
			must(t, restoreInotify(limit, saved))
			if got, err := os.ReadFile(limit); err != nil || strings.TrimSpace(string(got)) != row.end {
				t.Errorf("got %q, %v; want %s", got, err, row.end)
			}
		})
	}
}

func TestPollTellsWhatWasMissing(t *testing.T) {
	calls := 0
	must(t, poll(t.Context(), time.Minute, time.Microsecond, "x", func(context.Context) error {
		if calls++; calls < 3 {
			return errors.New("not yet")
		}
		return nil
	}))
	err := poll(t.Context(), time.Millisecond, time.Microsecond, "waiting", func(context.Context) error { return errors.New("no sshd") })
	if err == nil || !strings.Contains(err.Error(), "waiting") || !strings.Contains(err.Error(), "no sshd") {
		t.Errorf("got %v, want what was awaited and the last answer", err)
	}
}
