package wsrep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/optionfile"
	"lockstep/steps"
	"lockstep/steps/sqlclient"
)

func recorded(t *testing.T, name string) Member {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(steps.Output{Stdout: data})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRecordedMembers(t *testing.T) {
	type judged struct {
		Flavour           Flavour
		Galera            string
		Knows, Auto       bool // socket.dynamic; pxc_encrypt_cluster_traffic
		Group, IST, Login Talk
		Keyrings, Schema  string
	}
	want := map[string]judged{
		"mariadb-10.4-old-provider": {MariaDB, "26.4.3", false, false, Plaintext, Plaintext, Plaintext, "", "TOI"},
		"mariadb-10.11-plaintext":   {MariaDB, "26.4.23", true, false, Plaintext, Plaintext, Plaintext, "", "TOI"},
		"mariadb-10.11-both":        {MariaDB, "26.4.23", true, false, Both, Both, Both, "", "TOI"},
		"mariadb-10.11-tls":         {MariaDB, "26.4.23", true, false, TLS, TLS, TLS, "", "TOI"},
		"mariadb-11.4-keyring":      {MariaDB, "26.4.21", true, false, TLS, TLS, Both, "file_key_management_filename", "RSU"},
		"pxc-5.7-plaintext":         {PXC, "25.3.65", false, false, Plaintext, Plaintext, Both, "", "TOI"},
		"pxc-8.0-automatic":         {PXC, "26.4.17", true, true, TLS, TLS, Both, "keyring_file_data", "TOI"},
		"pxc-8.4-manual":            {PXC, "26.4.21", true, false, Plaintext, Plaintext, TLS, "", "TOI"},
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) != len(want) {
		t.Errorf("%d files are recorded (%v), and %d judged", len(files), err, len(want))
	}
	for name, w := range want {
		m := recorded(t, name)
		got := judged{m.Flavour, m.Galera.String(), m.Galera.AtLeast(Dynamic()), m.Auto, m.Replication(), IST(m.Options), m.Clients(), strings.Join(m.Keyrings, " "), m.Schema}
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if at := strings.Join(m.Addresses, " "); at != "10.77.0.11 10.77.0.12 10.77.0.13" || m.Component != "Primary" {
			t.Errorf("%s: got members %s, %s", name, at, m.Component)
		}
	}
}

func TestMembersThatSayNothing(t *testing.T) {
	if m, err := Parse(sqlclient.Stopped()); err != nil || m.Running || m.Replication() != Unknown || m.Clients() != Unknown {
		t.Errorf("a server that is down: got %+v, %v", m, err)
	}
	if _, err := Parse(steps.Output{Stdout: []byte("version\t8.0.36\n")}); err == nil || !strings.Contains(err.Error(), "runs without Galera") {
		t.Errorf("a server without Galera: got %v", err)
	}
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]string{
		"4.23(rXXXX)": "26.4.23", "26.4.23(r7dd8a7b)": "26.4.23", "25.3.37(r8301)": "25.3.37", "3.67(r1)": "25.3.67", "4.8": "26.4.8",
		"": "unknown", "none": "unknown", "4": "unknown",
	} {
		if got := ParseVersion(text).String(); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if (Version{4, 7}).AtLeast(Dynamic()) || !(Version{5, 0}).AtLeast(Dynamic()) || (Version{}).AtLeast(Dynamic()) {
		t.Error("socket.dynamic is known since 26.4.8")
	}
}

func TestReplicationOfOptions(t *testing.T) {
	for text, want := range map[string]Talk{
		"":                                     Plaintext,
		"socket.ssl=yes":                       TLS,
		"socket.ssl_key=/k;socket.ssl_cert=/c": TLS, // switched on by that
		"socket.ssl=no;socket.ssl_key=/k":      Plaintext,
		"socket.ssl=1;socket.dynamic=true":     Both,
		"socket.dynamic=true":                  Plaintext, // it takes TLS from nobody without a key
	} {
		options, err := optionfile.ParseProviderOptions(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := ReplicationOf(options); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestNeedsDynamic goes through all clusters of three: a node that insists on
// TLS never gets socket.dynamic back, and no other loses it while one knows
// nothing but plain text.
func TestNeedsDynamic(t *testing.T) {
	p, b, s, down := recorded(t, "mariadb-10.11-plaintext"), recorded(t, "mariadb-10.11-both"), recorded(t, "mariadb-10.11-tls"), Member{}
	for _, tt := range []struct {
		name   string
		self   Member
		others []Member
		want   bool
	}{
		{"all in plain text", p, []Member{p, p}, true},
		{"the first of the first pass", b, []Member{p, p}, true},
		{"the last of the first pass", p, []Member{b, b}, true},
		{"between the passes", b, []Member{b, b}, false},
		{"in the second pass", b, []Member{s, b}, false},
		{"encrypted", s, []Member{s, s}, false},
		{"encrypted by hand, beside one in plain text", s, []Member{p, b}, false},
		{"down beside one in plain text", down, []Member{b, p}, true},
		{"down beside encrypted ones", down, []Member{s, s}, false},
	} {
		if got := NeedsDynamic(tt.self, tt.others); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	const said = `0 0 10.77.44.11:4567 10.77.44.12:35448
	 bbr rtt:813.769/18.404 minrtt:0.009 snd_wnd:64512
0 0 10.77.44.11:4567 10.77.44.13:52024
	 cubic rtt:620.1/1.2 minrtt:610.5`
	if d := ParseDistance(said); !d.Known || d.Longest.Milliseconds() != 610 || d.Longest <= MaxDistance {
		t.Errorf("got %+v, want 610 ms", d)
	}
	if d := ParseDistance(""); d.Known {
		t.Errorf("got %+v from nothing", d)
	}
}
