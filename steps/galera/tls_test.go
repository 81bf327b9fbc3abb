package galera

import (
	"os"
	"strings"
	"testing"
	"time"

	"lockstep/steps"
	"lockstep/steps/sqlclient"
	"lockstep/steps/stepstest"
	"lockstep/steps/wsrep"
)

// recorded is what a server said, see steps/wsrep/testdata.
func recorded(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../wsrep/testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func member(t *testing.T, name string) wsrep.Member {
	t.Helper()
	m, err := wsrep.Parse(steps.Output{Stdout: []byte(recorded(t, name))})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRollable(t *testing.T) {
	fine := facts{name: "db1", Member: member(t, "mariadb-10.11-plaintext")}
	for _, tt := range []struct {
		name   string
		change func(self, peer *facts)
		want   string
	}{
		{"as it should be", func(_, _ *facts) {}, ""},
		{"half a second away", func(self, _ *facts) { self.far.Longest = wsrep.MaxDistance }, ""},
		{"on another continent, by satellite", func(self, _ *facts) { self.far.Longest = 620 * time.Millisecond }, "db1 is 620ms away"},
		{"an old MariaDB", func(self, _ *facts) { self.Member = member(t, "mariadb-10.4-old-provider") }, "db1 runs Galera 26.4.3, which does not know socket.dynamic"},
		{"Galera 3", func(self, _ *facts) { self.Member = member(t, "pxc-5.7-plaintext") }, "Galera 25.3.65"},
		{"an unknown version", func(self, _ *facts) { self.Galera = wsrep.Version{} }, "Galera unknown"},
		{"the automatic mode", func(self, _ *facts) { self.Member = member(t, "pxc-8.0-automatic") }, "pxc_encrypt_cluster_traffic = ON"},
		{"down", func(self, _ *facts) { self.Member = wsrep.Member{} }, "no server answers"},
		{"tied to plain text", func(self, _ *facts) {
			self.files.Options = append(self.files.Options, fine.Options...) // gmcast.listen_addr = tcp://...
		}, "tcp:// ties the port"},
		{"mixed transfers", func(self, _ *facts) { self.files.SST.Encrypt = "4" }, "[sst] encrypt is 4 on db1 and 0 on db2"},
		{"other transfers", func(_, peer *facts) { peer.SSTMethod = "rsync" }, "wsrep_sst_method is mariabackup on db1 and rsync on db2"},
	} {
		self, peer := fine, fine
		peer.name = "db2"
		self.files.SST.Encrypt, peer.files.SST.Encrypt = "0", "0"
		tt.change(&self, &peer)
		err := rollable([]facts{self, peer})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestGateOfTLS judges clusters by their servers.
func TestGateOfTLS(t *testing.T) {
	const plain, both, tls = "mariadb-10.11-plaintext", "mariadb-10.11-both", "mariadb-10.11-tls"
	for _, tt := range []struct{ yaml, first, second, want string }{
		{"tls: offered", both, tls, ""},
		{"tls: offered", both, plain, "db2 replicates in plain text"},
		{"tls: only", tls, tls, ""},
		{"tls: only", both, tls, "db1 still takes plain text"},
		{"tls: only", tls, plain, "db2 replicates in plain text"},
		{"tls: possible", plain, plain, ""},
		{"tls: possible", tls, tls, ""},
		{"tls: removable", plain, plain, ""},
		{"tls: removable", tls, both, ""},
		{"tls: removable", "mariadb-11.4-keyring", tls, "db1 keeps keys of encrypted tables (file_key_management_filename)"},
		{"tls: optional", both, plain, ""},
		{"tls: optional", both, tls, "db2 insists on TLS"},
		{"tls: none", plain, plain, ""},
		{"tls: none", plain, both, "db2 still takes TLS"},
		{"tls: possible", plain, "pxc-5.7-plaintext", "wsrep_sst_method"},
	} {
		nodes := previews{stepstest.NewFake("db1"), stepstest.NewFake("db2")}
		newCluster(true, nodes...)
		for i, said := range []string{tt.first, tt.second} {
			nodes[i].Answer(recorded(t, said), wsrep.Query("mariadb", sqlclient.Login{}).Argv...)
			nodes[i].Answer("", wsrep.DistanceQuery("mariadb").Argv...)
		}
		s := stepstest.Decode(t, Kind(), tt.yaml)
		_, err := s.Probe(t.Context(), nodes.view("db1"))
		if err == nil {
			err = s.(steps.Judge).Judge(t.Context(), nodes.view("db1"))
		}
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s of %s and %s: got %v, want %q", tt.yaml, tt.first, tt.second, err, tt.want)
		}
	}
}
