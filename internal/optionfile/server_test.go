package optionfile

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestServerNames holds what we take two names for against the real server,
// which tells with --help what it would run with.
func TestServerNames(t *testing.T) {
	program, err := exec.LookPath("mariadbd")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("mariadbd is missing; install mariadb-server")
		}
		t.Skip("mariadbd is not installed, so nothing to compare with")
	}
	for _, c := range []struct {
		line, key     string
		runs          string // what the server has then
		is, prefixed  bool   // the same option; or about it, by a prefix
		limit, refuse bool
	}{
		{line: "ssl-ca=/x", key: "ssl_ca", runs: "/x", is: true},
		{line: "SSL_CA=/x", key: "ssl-ca", runs: "/x", is: true},
		{line: "loose-ssl-ca=/x", key: "ssl-ca", runs: "/x", is: true},
		{line: "loose_loose-ssl-ca=/x", key: "ssl-ca", runs: "/x", is: true},
		{line: "loose-unheard-of=1", key: "ssl-ca", runs: "(No default value)"},
		{line: "skip-innodb_doublewrite", key: "innodb-doublewrite", runs: "FALSE", prefixed: true},
		{line: "disable_innodb-doublewrite", key: "innodb-doublewrite", runs: "FALSE", prefixed: true},
		{line: "loose-skip-innodb-doublewrite", key: "innodb-doublewrite", runs: "FALSE", prefixed: true},
		{line: "ENABLE-low_priority_updates", key: "low-priority-updates", runs: "TRUE", prefixed: true},
		{line: "maximum-max_heap_table_size=1M", key: "max-heap-table-size", runs: "16777216", prefixed: true, limit: true},
		{line: "heap_table_size=1M", key: "max-heap-table-size", refuse: true},
		{line: "skip-unheard-of", key: "ssl-ca", refuse: true},
	} {
		t.Run(c.line, func(t *testing.T) {
			text := "[mysqld]\n" + c.line + "\n"
			file := write(t, filepath.Join(t.TempDir(), "my.cnf"), text)
			out, err := exec.Command(program, "--defaults-file="+file, "--datadir=/dev/null/none", "--verbose", "--help").Output()
			if (err != nil) != c.refuse {
				t.Fatalf("refused = %v, want %v", err, c.refuse)
			}
			runs := regexp.MustCompile(`(?m)^` + canonical(c.key) + ` +(.*)$`).FindSubmatch(out)
			if !c.refuse && (len(runs) != 2 || string(runs[1]) != c.runs) {
				t.Errorf("the server has %q, want %s", runs, c.runs)
			}
			o := parse(t, text).Options()[0]
			if o.Is(c.key) != c.is || o.Touches(c.key) != (c.is || c.prefixed) || o.Limits() != c.limit {
				t.Errorf("we: is %v, touches %v, limits %v", o.Is(c.key), o.Touches(c.key), o.Limits())
			}
		})
	}
}
