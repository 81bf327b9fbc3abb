package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
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

func TestTally(t *testing.T) {
	t0 := time.Unix(1000, 0)
	at := func(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }
	boom := errors.New("boom")
	var y tally
	y.begin(t0, 2)
	y.attempt(at(0.5), 0, nil)
	y.attempt(at(0.6), 1, boom)
	y.attempt(at(3.0), 0, nil) // a gap of 2.5 s
	y.attempt(at(3.1), 0, boom)
	y.attempt(at(3.2), 1, nil)
	y.end(at(4.0))
	got := y.report(at(99))
	want := LoadReport{Acknowledged: 3, Unacknowledged: 1, Failed: 2, LastFailure: "boom", LongestGap: 2500 * time.Millisecond, Elapsed: 4 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := y.acknowledged(); !slices.Equal(got, []int{2, 1}) {
		t.Errorf("acknowledged: got %v, want [2 1]", got)
	}
}

func TestOpenGapCounts(t *testing.T) {
	var y tally
	y.begin(time.Unix(0, 0), 1)
	if got := y.report(time.Unix(7, 0)).LongestGap; got != 7*time.Second {
		t.Errorf("got %s without any row for 7 s", got)
	}
}

func TestMissingRows(t *testing.T) {
	have := map[rowID]bool{{0, 1}: true, {0, 3}: true, {1, 1}: true, {1, 2}: true}
	if got := missingRows([]int{3, 1, 2}, have); got != 3 { // 0/2, and both of writer 2
		t.Errorf("got %d, want 3", got)
	}
}

func TestLoadReportText(t *testing.T) {
	r := LoadReport{Acknowledged: 5, Failed: 1, LastFailure: "gone", LongestGap: time.Second, Elapsed: 2 * time.Second, Lost: map[string]int{"node1": 0, "node2": 1}}
	want := "rows acknowledged      5 in 2.0 s\nrows never acknowledged 0\nattempts failed        1 (last: gone)\nlongest gap            1.00 s\nrows lost              1 (all rows read back on 2 nodes)\n"
	if diff := cmp.Diff(want, r.String()); diff != "" {
		t.Error(diff)
	}
}

// segmentFrame is an Ethernet frame with one TCP segment in it.
func segmentFrame(from, to uint16, seq uint32, payload string) []byte {
	f := make([]byte, 14+20+20, 14+20+20+len(payload))
	binary.BigEndian.PutUint16(f[12:], 0x0800)
	ip := f[14:]
	ip[0], ip[9] = 0x45, 6
	binary.BigEndian.PutUint16(ip[2:], uint16(40+len(payload)))
	copy(ip[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	tcp := ip[20:]
	binary.BigEndian.PutUint16(tcp, from)
	binary.BigEndian.PutUint16(tcp[2:], to)
	binary.BigEndian.PutUint32(tcp[4:], seq)
	tcp[12] = 5 << 4
	return append(f, payload...)
}

func TestMarkerOnTheWire(t *testing.T) {
	type seg struct {
		from, to uint16
		seq      uint32
		data     string
	}
	for _, row := range []struct {
		name string
		segs []seg
		want bool
	}{
		{"in one packet", []seg{{40000, 4567, 1, "xxMARKERxx"}}, true},
		{"towards the client", []seg{{4567, 40000, 1, "MARKER"}}, true},
		{"cut in two", []seg{{40000, 4567, 1, "xxMAR"}, {40000, 4567, 6, "KERxx"}}, true},
		{"cut in bytes", []seg{{40000, 4567, 1, "M"}, {40000, 4567, 2, "A"}, {40000, 4567, 3, "R"}, {40000, 4567, 4, "K"}, {40000, 4567, 5, "E"}, {40000, 4567, 6, "R"}}, true},
		{"cut around the wrap of sequence numbers", []seg{{40000, 4567, 0xfffffffe, "MAR"}, {40000, 4567, 1, "KER"}}, true},
		{"halves of two connections", []seg{{40000, 4567, 1, "MAR"}, {40001, 4567, 4, "KER"}}, false},
		{"halves of two directions", []seg{{40000, 4567, 1, "MAR"}, {4567, 40000, 4, "KER"}}, false},
		{"halves with a hole between", []seg{{40000, 4567, 1, "MAR"}, {40000, 4567, 9, "KER"}}, false},
		{"another port", []seg{{40000, 22, 1, "MARKER"}}, false},
		{"nearly", []seg{{40000, 4567, 1, "MARKE"}, {40000, 4567, 6, "xR"}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWire("MARKER", []int{4567})
			for _, s := range row.segs {
				w.frame(segmentFrame(s.from, s.to, s.seq, s.data))
			}
			if got := w.ports[4567].Marker; got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestMarkerAtEveryCut(t *testing.T) {
	const text = "before-MARKER-after"
	for i := 1; i < len(text); i++ {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := newWire("MARKER", []int{4444})
			w.frame(segmentFrame(9, 4444, 0, text[:i]))
			w.frame(segmentFrame(9, 4444, uint32(i), text[i:]))
			if r := w.ports[4444]; !r.Marker || r.Packets != 2 || r.Bytes != int64(len(text)) || r.Streams != 1 {
				t.Errorf("got %+v", *r)
			}
		})
	}
}

func TestTLSIsRecognised(t *testing.T) {
	w := newWire("MARKER", []int{3306})
	w.frame(segmentFrame(3306, 5, 0, "greeting"))
	w.frame(segmentFrame(5, 3306, 0, "\x16\x03\x01\x00\x10................"))
	w.frame(segmentFrame(5, 3306, 21, "\x17\x03\x03\x00\x10................"))
	if r := w.ports[3306]; r.Streams != 2 || r.TLS != 1 {
		t.Errorf("got %+v, want one of two streams with TLS", *r)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(segmentFrame(1, 4567, 1, "xMARKERx"))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, frame []byte) {
		newWire("MARKER", []int{4567}).frame(frame) // must not panic on anything
	})
}
