package optionfile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	const text = `[mysqld]
ssl_ca = /a
ssl = 1
maximum-max_connections = 9
max_connections = 5
wsrep_provider_options = "socket.ssl=no;gcache.size=1G"
password = hush
[server]
skip-ssl
SSL-CA = /b
wsrep-provider-options = "gcache.size=2G"
log-bin
`
	for _, tt := range []struct{ key, want string }{
		{"ssl_ca", "2 /a (replaced by my.cnf:10)|10 /b counts"},
		{"ssl", "3 1 (replaced by my.cnf:9)|9 (no value) counts"},
		{"skip_ssl", "3 1 (replaced by my.cnf:9)|9 (no value) counts"},
		{"max-connections", "4 9 (sets the greatest value that sessions may give it)|5 5 counts"},
		{"gcache.size", "6 1G (replaced by my.cnf:11)|11 2G counts"},
		{"socket.ssl", "6 no (replaced by my.cnf:11)|11 (not in its list) counts"},
		{"password", "7 (secret) counts"},
		{"log_bin", "12 (no value) counts"},
		{"port", ""},
	} {
		var got []string
		for _, o := range Explain(parse(t, text).Options("mysqld", "server"), tt.key) {
			line := fmt.Sprintf("%d %s", o.Line, o.Text)
			if o.Counts {
				line += " counts"
			} else {
				line += " (" + o.Why + ")"
			}
			got = append(got, line)
		}
		if strings.Join(got, "|") != tt.want {
			t.Errorf("%s: got %s, want %s", tt.key, strings.Join(got, "|"), tt.want)
		}
	}
}

// TestOraclePrograms asks the installed programs which groups they read.
func TestOraclePrograms(t *testing.T) {
	oracle(t)
	out, err := exec.Command("mariadbd", "--no-defaults", "--version").Output()
	if err != nil {
		t.Fatalf("install mariadb-server: %v", err)
	}
	product := ProductOf(string(out))
	if !product.MariaDB || product.Version == "" {
		t.Fatalf("%q is taken for %v", out, product)
	}
	var groups []string
	for _, p := range append(Programs(product, "-x"), Programs(Product{false, "8.0"}, "")...) {
		groups = append(groups, p.Groups...)
	}
	groups = append(groups, "mariadb-1", "mysqld-1", "embedded", "client-x")
	var text strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&text, "[%s]\nread-%s\n", g, g)
	}
	file := write(t, filepath.Join(t.TempDir(), "my.cnf"), text.String())
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, p := range Programs(product, "-x") {
		program := p.Name
		switch program {
		case "server":
			program = "mariadbd"
		case "mariadb-backup", "mariadbd-safe", "state transfer":
			continue // they have no --print-defaults of their own groups
		}
		out, err := exec.Command(program, "--defaults-file="+file, "--defaults-group-suffix=-x", "--print-defaults").Output()
		if err != nil {
			t.Fatalf("%s: %v", program, err)
		}
		for _, g := range groups {
			reads := slices.Contains(strings.Fields(string(out)), "--read-"+g)
			if reads != slices.Contains(p.Groups, g) {
				t.Errorf("%s reads [%s]: %v, the table says %v", program, g, reads, !reads)
			}
		}
	}
}

func TestProductOf(t *testing.T) {
	for text, want := range map[string]Product{
		"mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)": {true, "10.11"},
		"/usr/sbin/mysqld  Ver 8.0.36-28.1 for Linux on x86_64 (Percona XtraDB Cluster)":    {false, "8.0"},
		"mysqld: not found": {},
	} {
		if got := ProductOf(text); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}
