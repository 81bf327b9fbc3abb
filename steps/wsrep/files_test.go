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
		got, err := ReadFiles(t.Context(), f, MariaDB)
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

// TestTransfersByFlavour: the scripts of the two flavours look in opposite orders.
func TestTransfersByFlavour(t *testing.T) {
	both := func(server, sst string) string {
		named := func(at string) string {
			return "ssl-ca=" + at + "/ca\nssl-cert=" + at + "/cert\nssl-key=" + at + "/key\n"
		}
		return "[mysqld]\n" + named(server) + "[sst]\nencrypt=4\n" + named(sst)
	}
	for _, tt := range []struct {
		name, text   string
		mariadb, pxc SST
	}{
		{"files in both", both("/m", "/s"), SST{"4", "socat", "/m/ca", "/m/cert", "/m/key"}, SST{"4", "socat", "/s/ca", "/s/cert", "/s/key"}},
		{"files of the server alone", "[mysqld]\nssl-ca=/m\nssl_cert=/m\nssl-key=/m\n[sst]\nencrypt=4\n", SST{"4", "socat", "/m", "/m", "/m"}, SST{"4", "socat", "/m", "/m", "/m"}},
		{"files of [sst] alone", "[sst]\nencrypt=4\nssl-ca=/s\nssl-cert=/s\nssl-key=/s\n", SST{"4", "socat", "/s", "/s", "/s"}, SST{"4", "socat", "/s", "/s", "/s"}},
		{"tca wins in MariaDB and is nothing to encrypt=4 of PXC", both("/m", "/s") + "tca=/t\ntcert=/t\ntkey=/t\n", SST{"4", "socat", "/t", "/t", "/t"}, SST{"4", "socat", "/s/ca", "/s/cert", "/s/key"}},
		{"half of it is all of it", both("/m", "/s") + "tcert=/t\n", SST{"4", "socat", "", "/t", ""}, SST{"4", "socat", "/s/ca", "/s/cert", "/s/key"}},
		{"a section that MariaDB alone reads", "[galera]\nssl-ca=/g\n[mariabackup]\nencrypt=4\n", SST{Encrypt: "4", Format: "socat", CA: "/g"}, SST{Encrypt: "0", Format: "socat"}},
		{"what the server does not know", "[mysqld]\nloose-encrypt=4\n", SST{Encrypt: "4", Format: "socat"}, SST{Encrypt: "0", Format: "socat"}},
	} {
		for of, want := range map[Flavour]SST{MariaDB: tt.mariadb, PXC: tt.pxc} {
			f := stepstest.NewFake("db1")
			f.PutFile("/etc/my.cnf", tt.text)
			got, err := ReadFiles(t.Context(), f, of)
			if err != nil || got.SST != want {
				t.Errorf("%s, %s: got %+v, %v; want %+v", tt.name, of, got.SST, err, want)
			}
		}
	}
}

// TestProviderOptionsOfAnotherFlavour: [galera] is nothing to a server of Percona.
func TestProviderOptionsOfAnotherFlavour(t *testing.T) {
	f := stepstest.NewFake("db1")
	f.PutFile("/etc/my.cnf", "[galera]\nwsrep_provider_options=socket.ssl=yes\n")
	for of, want := range map[Flavour]Talk{MariaDB: TLS, "": TLS, PXC: Plaintext, MySQL: Plaintext} {
		got, err := ReadFiles(t.Context(), f, of)
		if err != nil || ReplicationOf(got.Options) != want {
			t.Errorf("%q: got %+v, %v; want %s", of, got, err, want)
		}
	}
}
