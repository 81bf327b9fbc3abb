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

// TestAfterARestart: what the files do not say is another thing in each version.
func TestAfterARestart(t *testing.T) {
	const on, off = "[mysqld]\npxc-encrypt-cluster-traffic=ON\n", "[mysqld]\npxc_encrypt_cluster_traffic=OFF\n"
	for _, tt := range []struct {
		member, text string
		want         Talk
	}{
		{"pxc-5.7-plaintext", "[mysqld]\n", Plaintext},
		{"pxc-5.7-plaintext", on, TLS},
		{"pxc-8.0-automatic", "[mysqld]\n", TLS},
		{"pxc-8.0-automatic", off, Plaintext},
		{"pxc-8.4-manual", "[mysqld]\n", TLS},
		{"pxc-8.4-manual", off + "wsrep_provider_options=\"socket.ssl=yes;socket.dynamic=true;socket.ssl_key=/k\"\n", Both},
		{"mariadb-10.11-plaintext", on, Plaintext},
	} {
		m, f := recorded(t, tt.member), stepstest.NewFake("db1")
		f.PutFile("/etc/my.cnf", tt.text)
		files, err := ReadFiles(t.Context(), f, m.Flavour)
		if err != nil || m.ReplicationAfter(files) != tt.want || m.ISTAfter(files) != tt.want {
			t.Errorf("%s with %q: got %s and %s, %v; want %s", tt.member, tt.text, m.ReplicationAfter(files), m.ISTAfter(files), err, tt.want)
		}
	}
}

// TestFilesThatMySQLFinds: all three or none, and only where none is named.
func TestFilesThatMySQLFinds(t *testing.T) {
	f := stepstest.NewFake("db1")
	f.PutFile("/var/lib/mysql/ca.pem", "x")
	f.PutFile("/var/lib/mysql/server-cert.pem", "x")
	found := func(of Flavour, files Files) string {
		t.Helper()
		got, err := Member{Flavour: of, DataDir: "/var/lib/mysql/"}.Found(t.Context(), f, files)
		if err != nil {
			t.Error(err)
		}
		return got.Cert
	}
	if got := found(PXC, Files{}); got != "" {
		t.Errorf("without a key: got %s", got)
	}
	f.PutFile("/var/lib/mysql/server-key.pem", "x")
	for of, want := range map[Flavour]string{PXC: "/var/lib/mysql/server-cert.pem", MySQL: "/var/lib/mysql/server-cert.pem", MariaDB: ""} {
		if got := found(of, Files{}); got != want {
			t.Errorf("%s: got %q, want %q", of, got, want)
		}
	}
	if got := found(PXC, Files{CA: "/c/ca.pem"}); got != "" {
		t.Errorf("with one named: got %s", got)
	}
}
