package survey

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/steps"
	"lockstep/steps/sqlclient"
	"lockstep/steps/stepstest"
	"lockstep/steps/unit"
	"lockstep/steps/wsrep"
)

// runs lets a host be a member that says what was recorded, or is down.
func runs(t *testing.T, f *stepstest.Fake, said string) {
	t.Helper()
	f.PutDir("/run/systemd/system")
	f.PutDir("/var/lib/mysql")
	f.Answer("LoadState=loaded\nActiveState=active\nMainPID=7\nExecMainStartTimestamp=Sun 2027-01-10 11:00:00.000000 UTC\n", unit.ShowQuery("mariadb").Argv...)
	q := wsrep.Query("mariadb", sqlclient.Login{}).Argv
	if said == "" {
		f.AnswerWith(sqlclient.Stopped(), q...)
		return
	}
	data, err := os.ReadFile("../wsrep/testdata/" + said + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	f.Answer(string(data), q...)
}

const encrypted = `[mysqld]
ssl-ca=/etc/mysql/certs/ca.pem
ssl-cert=/etc/mysql/certs/server-cert.pem
ssl-key=/etc/mysql/certs/server-key.pem
wsrep_provider_options="socket.ssl=yes;socket.ssl_key=/etc/mysql/certs/server-key.pem"
[sst]
encrypt=4
`

func TestConform(t *testing.T) {
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "a member", YAML: "handshakes: false", Holds: true, Build: func(w *stepstest.World) {
			runs(t, w.Self, "mariadb-10.11-plaintext")
			w.Self.PutFile("/etc/my.cnf", encrypted)
			runs(t, w.AddPeer("db2"), "mariadb-10.11-both")
		}},
		stepstest.Case{Name: "one that is down", YAML: "handshakes: false", Holds: true, Build: func(w *stepstest.World) { runs(t, w.Self, "") }},
	)
}

func TestReportsEachField(t *testing.T) {
	s := Kind().New().(steps.Reporter)
	for _, name := range s.Reports() {
		if !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("doc.md does not tell of %s", name)
		}
		if v, ok := s.Report()[name]; !ok || v == nil {
			t.Errorf("%s is not there before the first look", name)
		}
	}
}

// TestReport surveys a node whose files are ahead of its server, beside one that
// takes both and one that is down.
func TestReport(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	runs(t, w.Self, "mariadb-10.11-plaintext")
	w.Self.PutFile("/etc/my.cnf", encrypted)
	runs(t, w.AddPeer("db2"), "mariadb-10.11-both")
	runs(t, w.AddPeer("db3"), "")
	s := stepstest.Decode(t, Kind(), "handshakes: false")
	c, err := s.Probe(t.Context(), w.View())
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(c.Notes, "\n"); !strings.Contains(notes, "replication (4567): plain text (by its files TLS only, after a restart)") {
		t.Errorf("notes: got\n%s", notes)
	}
	self := w.Self.Name()
	want := map[string]any{
		"running": true, "flavour": "mariadb", "server_version": "10.11.19-MariaDB-0+deb12u1", "provider_version": "26.4.23",
		"cluster": "pxc", "cluster_uuid": "5ecfa76d-e782-11f1-81ef-3bcdf9c861c4", "component": "Primary", "size": 3,
		"members": []any{"10.77.0.11", "10.77.0.12", "10.77.0.13"}, "stopped": []any{"db3"},
		"replication": "plaintext", "replication_file": "tls", "ist": "plaintext", "ist_file": "tls", "clients": "plaintext", "clients_file": "both",
		"sst_method": "mariabackup", "sst": "tls", "sst_encrypt": "4",
		"sst_ca": "/etc/mysql/certs/ca.pem", "sst_cert": "/etc/mysql/certs/server-cert.pem", "sst_key": "/etc/mysql/certs/server-key.pem", "automatic": false, "plaintext": []any{self}, "insisting": []any{}, "schema_changes": "TOI", "needs_dynamic": true,
		"clients_leaf_file": "", "clients_leaf_presented": "", "clients_ca_file": []any{},
		"replication_leaf_file": "", "replication_leaf_presented": "", "replication_ca_file": []any{}, "keyrings": []any{},
	}
	got := s.(steps.Reporter).Report()
	delete(got, "strangers") // see below
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStrangers(t *testing.T) {
	for _, tt := range []struct {
		hosts, members []string
		size           int
		want           []string
	}{
		{[]string{"10.0.0.1", "10.0.0.2"}, []string{"10.0.0.1", "10.0.0.2"}, 2, nil},
		{[]string{"10.0.0.1", "10.0.0.2"}, []string{"10.0.0.1", "10.0.0.3"}, 2, []string{"10.0.0.3"}},
		{[]string{"10.0.0.1", "10.0.0.2"}, []string{"10.0.0.1", "10.0.0.2"}, 3, []string{"unknown"}}, // an arbitrator
		{[]string{"db1", "db2"}, []string{"10.0.0.1", "10.0.0.2"}, 2, nil},
		{[]string{"db1", "db2"}, []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}, 3, []string{"unknown"}},
	} {
		f := found{name: "db1", hosts: tt.hosts, self: wsrep.Member{Running: true, Addresses: tt.members, Size: tt.size}}
		if got := f.strangers(); !slices.Equal(got, tt.want) {
			t.Errorf("%v of %v in %v: got %v, want %v", tt.members, tt.size, tt.hosts, got, tt.want)
		}
	}
}

// TestTransfers is about what the scripts of each method do with the files.
func TestTransfers(t *testing.T) {
	files := wsrep.Files{SST: wsrep.SST{Encrypt: "4", Format: "socat"}}
	for method, want := range map[string]wsrep.Talk{"mariabackup": wsrep.TLS, "xtrabackup-v2": wsrep.TLS, "rsync": wsrep.Plaintext, "mysqldump": wsrep.Both} {
		if got := (found{name: "db1", self: wsrep.Member{SSTMethod: method}, files: files}).sst(); got != want {
			t.Errorf("%s: got %s, want %s", method, got, want)
		}
	}
	if got := (found{name: "db1", self: wsrep.Member{Auto: true}}).sst(); got != wsrep.TLS {
		t.Errorf("automatic mode: got %s, want tls", got)
	}
}
