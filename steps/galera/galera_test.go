package galera

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"lockstep/internal/optionfile"
	"lockstep/steps"
)

const uuid = "11e5ca46-e74d-11f1-bdc2-022a61fe671e"

func TestJudge(t *testing.T) {
	three := func(change func(ns nodes)) nodes {
		ns := nodes{}
		for i := range 3 {
			ns = append(ns, node{name: fmt.Sprintf("db%d", i+1), unit: "mariadb", active: "active", status: healthy(3)})
		}
		if change != nil {
			change(ns)
		}
		return ns
	}
	down := func(ns nodes, size int, which ...int) {
		for _, i := range which {
			ns[i].active, ns[i].status = "inactive", status{}
		}
		for i := range ns {
			ns[i].status.size = size
		}
	}
	all, running, self := want{all: true}, want{}, want{self: true}
	for _, tt := range []struct {
		name   string
		ns     nodes
		want   want
		text   string // "" when healthy
		notYet bool
	}{
		{"healthy", three(nil), all, "", false},
		{"self is a joiner", three(func(ns nodes) { ns[0].status.state = "Joiner" }), all, "db1 is Joiner", true},
		{"peer is a donor", three(func(ns nodes) { ns[1].status.state = "Donor/Desynced" }), all, "db2 is Donor/Desynced", true},
		{"peer has not heard of self", three(func(ns nodes) { ns[2].status.size = 2 }), all, "db3 sees 2 members (wanted 3)", true},
		{"another view", three(func(ns nodes) { ns[2].status.conf = "8" }), all, "same view", true},
		{"not ready", three(func(ns nodes) { ns[0].status.ready = false }), all, "wsrep_ready", true},
		{"starting", three(func(ns nodes) { down(ns, 2, 1); ns[1].active = "activating" }), all, "db2 is activating", true},
		{"split", three(func(ns nodes) { ns[1].status.component = "non-Primary" }), all, "db2 is non-Primary", true},
		{"another cluster", three(func(ns nodes) { ns[1].status.uuid = noUUID }), all, "different clusters", false},
		{"unknown member", three(func(ns nodes) { ns[1].status.size = 4 }), all, "sees 4 members, but the stage has 3", false},
		{"inconsistent", three(func(ns nodes) { ns[0].status.state = "Inconsistent" }), all, "Inconsistent", false},
		{"deaf", three(func(ns nodes) { ns[1].status = status{} }), running, "no server answers", true},
		{"a hard one beats waiting", three(func(ns nodes) { ns[0].status.state = "Joiner"; ns[1].status.state = "Inconsistent" }), all, "Inconsistent", false},
		{"one down, all wanted", three(func(ns nodes) { down(ns, 2, 2) }), all, "db3 does not run", false},
		{"one down, running wanted", three(func(ns nodes) { down(ns, 2, 2) }), running, "", false},
		{"the rest still counts it", three(func(ns nodes) { down(ns, 3, 2) }), running, "wanted 2", true},
		{"self down", three(func(ns nodes) { down(ns, 2, 0) }), running, "", false},
		{"self down, but it must run", three(func(ns nodes) { down(ns, 2, 0) }), self, "db1 does not run", false},
		{"all down", three(func(ns nodes) { down(ns, 0, 0, 1, 2) }), running, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := judge(tt.ns, tt.want)
			if (err == nil) != (tt.text == "") || err != nil && !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("got %v, want %q", err, tt.text)
			}
			var notYet *steps.NotYet
			if got := errors.As(err, &notYet); got != tt.notYet {
				t.Errorf("waiting helps: got %v, want %v", got, tt.notYet)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	type state struct {
		uuid  string
		seqno int64
		safe  bool
	}
	for _, tt := range []struct {
		name   string
		states []state
		force  bool
		want   string // the node, or a part of the error
	}{
		{"the marked one", []state{{uuid, 7, false}, {uuid, 9, true}, {uuid, 8, false}}, false, "db2"},
		{"the marked one of equals", []state{{uuid, 9, false}, {uuid, 9, false}, {uuid, 9, true}}, false, "db3"},
		{"a new node has no say", []state{{noUUID, -1, false}, {uuid, 9, true}}, false, "db2"},
		{"nothing anywhere", []state{{noUUID, -1, false}, {noUUID, -1, true}}, true, "no node holds a state"},
		{"two clusters", []state{{uuid, 7, false}, {"22e5ca46-e74d-11f1-bdc2-022a61fe671e", 9, true}}, true, "two different clusters"},
		{"a crashed node", []state{{uuid, -1, false}, {uuid, 9, true}}, false, "not stopped cleanly: db1"},
		{"a crashed node, forced", []state{{uuid, -1, false}, {uuid, 9, true}}, true, "db2"},
		{"all crashed, forced", []state{{uuid, -1, false}, {uuid, -1, false}}, true, "not stopped cleanly: db1, db2"},
		{"none marked", []state{{uuid, 7, false}, {uuid, 9, false}}, false, "no node is marked"},
		{"none marked, forced", []state{{uuid, 7, false}, {uuid, 9, false}, {uuid, 9, false}}, true, "db2"},
		{"the marked one is behind", []state{{uuid, 7, true}, {uuid, 9, false}}, false, "set on db1, but db2"},
		{"the marked one is behind, forced", []state{{uuid, 7, true}, {uuid, 9, false}}, true, "db2"},
		{"two marked", []state{{uuid, 9, true}, {uuid, 9, true}}, false, "set on db1, db2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ns nodes
			for i, s := range tt.states {
				ns = append(ns, node{name: fmt.Sprintf("db%d", i+1), grastate: grastate{exists: true, uuid: s.uuid, seqno: s.seqno, safe: s.safe}})
			}
			got, err := choose(ns, tt.force)
			if err == nil && got.name != tt.want || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, %v; want %q", got.name, err, tt.want)
			}
		})
	}
}

func TestGrastate(t *testing.T) {
	const text = "# GALERA saved state\nversion: 2.1\nuuid:    " + uuid + "\nseqno:   -1\nsafe_to_bootstrap: 0\n"
	g, err := parseGrastate([]byte(text))
	if err != nil || g.uuid != uuid || g.seqno != -1 || g.safe || string(g.print()) != text {
		t.Errorf("got %+v, %v", g, err)
	}
	if g, _ := parseGrastate(withSafe([]byte(text))); !g.safe {
		t.Errorf("withSafe: got %+v", g)
	}
	for _, bad := range []string{"", "uuid: x\n", strings.Replace(text, "-1", "many", 1), strings.Replace(text, ": 0", ": perhaps", 1)} {
		if g, err := parseGrastate([]byte(bad)); err == nil {
			t.Errorf("%q: got %+v, want an error", bad, g)
		}
	}
}

func TestParseStatus(t *testing.T) {
	// As MariaDB 10.11 prints it.
	const text = "wsrep_last_committed\t10\nwsrep_local_state_comment\tSynced\nwsrep_incoming_addresses\t10.77.0.11:0,10.77.0.12:0\n" +
		"wsrep_cluster_conf_id\t3\nwsrep_cluster_size\t3\nwsrep_cluster_state_uuid\t" + uuid + "\nwsrep_cluster_status\tPrimary\n" +
		"wsrep_connected\tON\nwsrep_ready\tON\ndatadir\t/var/lib/mysql/\nwsrep_data_home_dir\t/srv/galera/\n"
	got, err := parseStatus(steps.Output{Stdout: []byte(text)})
	want := status{true, 3, "Primary", true, true, "Synced", uuid, "3", 10, "10.77.0.11:0,10.77.0.12:0", "/srv/galera/"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if again, err := parseStatus(got.foreseen()); err != nil || again != got {
		t.Errorf("foreseen: got %+v, %v", again, err)
	}
	for _, bad := range []steps.Output{{Stdout: []byte("datadir\t/x\n")},
		{Code: 1, Stderr: []byte("ERROR 1193 (HY000) at line 1: Unknown system variable 'wsrep_sync_wait'")}} {
		if _, err := parseStatus(bad); err == nil || !strings.Contains(err.Error(), "without Galera") {
			t.Errorf("got %v, want that the server runs without Galera", err)
		}
	}
}

func TestDifferences(t *testing.T) {
	// As MariaDB 10.11 with Galera 26.4 prints them.
	const running = "base_dir = /var/lib/mysql/; gcache.size = 128M; socket.checksum = 2; socket.recv_buf_size = auto; " +
		"socket.ssl = YES; socket.ssl_ca = /c/ca.pem; socket.ssl_cert = /c/server-cert.pem; socket.ssl_cipher = ; socket.ssl_compression = YES; socket.ssl_key = /c/server-key.pem; "
	want := []optionfile.SubOption{{Key: "socket.ssl", Value: "yes"}, {Key: "socket.ssl_ca", Value: "/c/ca.pem"}}
	plain := "base_dir = /var/lib/mysql/; socket.checksum = 2; "
	for _, tt := range []struct {
		name, running string
		want          []optionfile.SubOption
		text          string
	}{
		{"all there", running, want, ""},
		{"in another word", strings.Replace(running, "YES", "1", 1), want, ""},
		{"plain text", plain, want, "it runs without socket.ssl, without socket.ssl_ca"},
		{"switched off", strings.Replace(running, "YES", "NO", 1), want, "it runs with socket.ssl = NO, not yes"},
		{"another file", strings.Replace(running, "/c/ca", "/d/ca", 1), want, "it runs with socket.ssl_ca = /d/ca.pem, not /c/ca.pem"},
		{"paths keep their letters", strings.Replace(running, "/c/ca", "/C/ca", 1), want, "it runs with socket.ssl_ca = /C/ca.pem, not /c/ca.pem"},
		{"plain text as well", running + "socket.dynamic = true; ", want, "it runs with socket.dynamic = true"},
		{"dynamic is off", running + "socket.dynamic = false; ", want, ""},
		{"dynamic is wanted", running + "socket.dynamic = true; ", append(want, optionfile.SubOption{Key: "socket.dynamic", Value: "on"}), ""},
		{"off and not there", plain, []optionfile.SubOption{{Key: "socket.ssl", Value: "no"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := optionfile.ParseProviderOptions(tt.running)
			if err != nil {
				t.Fatal(err)
			}
			if got := differences(tt.want, found); got != tt.text {
				t.Errorf("got  %q\nwant %q", got, tt.text)
			}
		})
	}
}

func TestParseDataDir(t *testing.T) {
	for options, want := range map[string]string{
		"":                            "/var/lib/mysql",
		"--datadir=/a\n--datadir=/b/": "/b",
		"--datadir=/a\n--wsrep_data_home_dir=/g\n": "/g",
		"--datadir=data\n":                         "/var/lib/mysql",
	} {
		if got := parseDataDir(options); got != want {
			t.Errorf("%q: got %s, want %s", options, got, want)
		}
	}
}
