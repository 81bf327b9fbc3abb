package main

import (
	"encoding/json"
	"strings"
	"testing"

	"lockstep/cmd/lockstep-lab/lab"
)

// TestExplainsARealServer asks for ten options of a server whose files are split
// as Debian splits them. Line numbers are those of grep, and what counts is held
// against what the server itself says.
func TestExplainsARealServer(t *testing.T) {
	l := healthy(t)
	n := l.Nodes()[0]
	const own = "/etc/mysql/mariadb.conf.d/55-explain.cnf"
	const server, galera = "/etc/mysql/mariadb.conf.d/50-server.cnf", "/etc/mysql/mariadb.conf.d/60-galera.cnf"
	on(t, n, "sh", "-c", "printf '[mysqld]\nwsrep-slave-threads = 9\n' >"+own)
	days := on(t, n, "mariadb", "--skip-ssl", "-BNe", "SELECT @@expire_logs_days; SET GLOBAL expire_logs_days = 3")
	afterwards(t, l, "rm", "-f", own)
	afterwards(t, l, "mariadb", "--skip-ssl", "-e", "SET GLOBAL expire_logs_days = "+days)
	for _, tt := range []struct {
		key, counts string // the file that counts
		shadowed    string // one that does not
		note        string // part of what is said of the running server
	}{
		{key: "bind_address", counts: galera, shadowed: server},
		{key: "wsrep_slave_threads", counts: galera, shadowed: own},
		{key: "expire_logs_days", counts: server, note: "changed at run time"},
		{key: "wsrep_on", counts: galera},
		{key: "gcs.fc_limit", counts: galera},
		{key: "INNODB-buffer-pool-size", counts: galera},
		{key: "skip-name-resolve", counts: galera},
		{key: "basedir", counts: server},
		{key: "pid_file", counts: server},
		{key: "socket", counts: "/etc/mysql/my.cnf"},
	} {
		t.Run(tt.key, func(t *testing.T) {
			e := explains(t, l, n, tt.key)
			var counts, other []readLine
			for _, line := range e.Programs[0].Lines {
				if line.Counts {
					counts = append(counts, line)
				} else {
					other = append(other, line)
				}
			}
			if len(counts) != 1 || counts[0].File != tt.counts || counts[0].Line != lineOf(t, n, tt.counts, tt.key) {
				t.Fatalf("got %+v, want line %d of %s", counts, lineOf(t, n, tt.counts, tt.key), tt.counts)
			}
			if tt.note == "" && (e.Running.Note != "" || e.Running.File != tt.counts) || !strings.Contains(e.Running.Note, tt.note) {
				t.Errorf("of the running server: %+v", e.Running)
			}
			if tt.shadowed == "" {
				return
			}
			if len(other) != 1 || other[0].File != tt.shadowed || other[0].Line != lineOf(t, n, tt.shadowed, tt.key) {
				t.Errorf("shadowed is %+v, want line %d of %s", other, lineOf(t, n, tt.shadowed, tt.key), tt.shadowed)
			}
		})
	}
}

func TestExplainsAPlanForARealServer(t *testing.T) {
	l := plaintext(t)
	e := explains(t, l, l.Nodes()[1], "ssl_ca", "--plan", example(t))
	if len(e.Programs) > 0 || e.After == nil || len(*e.After) == 0 {
		t.Fatalf("got %+v", e)
	}
	line := (*e.After)[0].Lines[0]
	if line.File != "/etc/mysql/mariadb.conf.d/70-tls.cnf" || line.Group != "mysqld" || !line.Counts || line.Value != "/etc/mysql/certs/ca.pem" {
		t.Errorf("got %+v", line)
	}
}

// explains runs the command with --json.
func explains(t *testing.T, l *lab.Lab, n *lab.Node, key string, flags ...string) explanation {
	t.Helper()
	args := append([]string{"explain", "-i", l.Path("inventory.yml"), "--json", n.Name(), key}, flags...)
	o := exits(t, exitDone, lockstep(t, "", args...))
	var e explanation
	must(t, json.Unmarshal([]byte(o.stdout), &e))
	return e
}

// lineOf finds an option by grep, without any parser.
func lineOf(t *testing.T, n *lab.Node, file, key string) int {
	t.Helper()
	if strings.Contains(key, ".") {
		key = "wsrep_provider_options"
	}
	pattern := "^" + strings.NewReplacer("-", "[-_]", "_", "[-_]").Replace(strings.ToLower(key)) + " *(=|$)"
	number, _, _ := strings.Cut(on(t, n, "grep", "-nE", pattern, file), ":")
	var line int
	must(t, json.Unmarshal([]byte(number), &line))
	return line
}
