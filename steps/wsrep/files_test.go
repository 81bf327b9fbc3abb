package wsrep

import (
	"strings"
	"testing"

	"lockstep/steps/stepstest"
)

func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		group, sst Talk
		clients    string // certificate of the server
		tied       string
	}{
		{"nothing", "[mysqld]\n", Plaintext, Plaintext, "", ""},
		{"all", "[mysqld]\nssl-cert=/c\n[galera]\nwsrep_provider_options=\"gcache.size=1M;socket.ssl=yes\"\n[sst]\nencrypt=4\n", TLS, TLS, "/c", ""},
		{"the last list counts whole", "[mysqld]\nwsrep_provider_options=socket.ssl=yes\n[mariadb]\nwsrep-provider-options=gcache.size=1M\n", Plaintext, Plaintext, "", ""},
		{"nc knows no TLS", "[sst]\nencrypt=4\ntransferfmt=nc\n", Plaintext, Plaintext, "", ""},
		{"tied", "[mysqld]\nwsrep_provider_options=\"gmcast.listen_addr=tcp://0.0.0.0:4567;ist.recv_addr=ssl://a\"\n", Plaintext, Plaintext, "", "gmcast.listen_addr = tcp://0.0.0.0:4567"},
	} {
		f := stepstest.NewFake("db1")
		f.PutFile("/etc/my.cnf", tt.text)
		got, err := ReadFiles(t.Context(), f)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if ReplicationOf(got.Options) != tt.group || got.SST.Talk() != tt.sst || got.Cert != tt.clients || strings.Join(Tied(got.Options), " ") != tt.tied {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
}

func TestManifestOfAKeyring(t *testing.T) {
	f := stepstest.NewFake("db1")
	f.PutFile("/usr/sbin/mysqld.my", `{"components": "file://component_validate_password"}`)
	if got, err := Manifest(t.Context(), f, "/var/lib/mysql/"); got != "" || err != nil {
		t.Errorf("got %q, %v; want none", got, err)
	}
	f.PutFile("/var/lib/mysql/mysqld.my", `{"components": "file://component_keyring_file"}`)
	if got, err := Manifest(t.Context(), f, "/var/lib/mysql/"); got != "/var/lib/mysql/mysqld.my" || err != nil {
		t.Errorf("got %q, %v; want the one beside the data", got, err)
	}
}
