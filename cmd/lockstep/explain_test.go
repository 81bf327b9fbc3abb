package main

import (
	"strings"
	"testing"

	"lockstep/executor"
	"lockstep/steps"
	"lockstep/steps/stepstest"
)

// dbHost is a host with a running MariaDB server that was started with its own
// files and has this row for every variable.
func dbHost(row string) *stepstest.Fake {
	h := stepstest.NewFake("db1")
	h.PutFile("/srv/my.cnf", "[mysqld]\nssl_ca = /old.pem\nport = 3306\nwsrep_provider_options = \"gcache.size=1G\"\n!includedir /srv/d\n")
	h.PutFile("/srv/d/60.cnf", "[mysqld-a]\nssl-ca = /new.pem\n[client]\nssl-ca = /c.pem\npassword = hush-hush\n[mysqld]\nmax_connections=1K\nskip-log-bin\n")
	h.OnOther(func(_ *stepstest.Fake, c steps.Command) steps.Output {
		text := strings.Join(c.Argv, " ")
		switch {
		case strings.Contains(text, "how the server was started"):
			return steps.Output{Stdout: []byte("/usr/sbin/mariadbd\n--defaults-file=/srv/my.cnf\n--defaults-group-suffix=-a\n--port=3307\n")}
		case strings.Contains(text, "--version"):
			if !strings.Contains(text, "a query of") {
				return steps.Output{Stdout: []byte("mariadbd  Ver 10.11.19-MariaDB for x")}
			}
		}
		if row == "down" {
			return steps.Output{Code: 1, Stderr: []byte("ERROR 2002 (HY000): Can't connect")}
		}
		return steps.Output{Stdout: []byte(row)}
	})
	return h
}

func TestExplains(t *testing.T) {
	for _, tt := range []struct{ name, key, row, want string }{
		{"the later of two, and other programs", "ssl_ca", "/new.pem\tCONFIG\t/srv/d/60.cnf\n", `db1: ssl_ca

server
    /srv/my.cnf:2    [mysqld]    ssl_ca = /old.pem  replaced by /srv/d/60.cnf:2
  > /srv/d/60.cnf:2  [mysqld-a]  ssl-ca = /new.pem  counts

mariadb, mariadb-dump, mariadb-admin
  > /srv/d/60.cnf:4  [client]  ssl-ca = /c.pem  counts

running server
    /new.pem, from /srv/d/60.cnf
`},
		{"the command line wins", "port", "3307\tCOMMAND-LINE\tNULL\n", `db1: port

server
    /srv/my.cnf:3  [mysqld]  port = 3306  replaced by command line
  > command line             port = 3307  counts

running server
    3307, by the command line
`},
		{"changed at run time", "max-connections", "99\tSQL\tNULL\n", `db1: max-connections

server
  > /srv/d/60.cnf:7  [mysqld]  max_connections = 1K  counts

running server
    99, by a statement (SET GLOBAL)
    changed at run time; after a restart the files count again
`},
		{"a size in other words", "max-connections", "1024\tCONFIG\t/srv/d/60.cnf\n", "running server\n    1024, from /srv/d/60.cnf\n"},
		{"the file was changed", "max-connections", "1000\tCONFIG\t/srv/d/60.cnf\n", "not what its files say"},
		{"a prefix", "log_bin", "OFF\tCONFIG\t/srv/d/60.cnf\n", "  > /srv/d/60.cnf:8  [mysqld]  skip-log-bin  counts\n\nrunning server\n    OFF, from /srv/d/60.cnf\n"},
		{"a parameter", "gcache.size", "a = 1; gcache.size = 1073741824; \tSQL\tNULL\n", "gcache.size = 1G in wsrep_provider_options  counts\n\nrunning server\n    1073741824, by a statement (SET GLOBAL)\n"},
		{"a parameter that is not there", "socket.ssl", "a = 1\tCONFIG\tNULL\n", "wsrep_provider_options without socket.ssl  counts\n\nrunning server\n    not known: the provider has no such parameter"},
		{"a list", "wsrep-provider-options", "gcache.size = 2G; a = 1\tCONFIG\tNULL\n", "not what its files say"},
		{"a secret", "password", "", "password = (secret)  counts\n\nrunning server\n    not known: the server has no variable of that name\n"},
		{"the server is down", "ssl_ca", "down", "not known: no server answers on the local socket\n"},
		{"nowhere", "tmpdir", "/tmp\tCOMPILE-TIME\tNULL\n", "\nno option file sets it\n\nrunning server\n    /tmp, by default\n"},
		{"no name of a variable", "x' OR '1", "secret", "has no variable of that name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := explanation{Host: "db1", Key: tt.key}
			must(t, e.look(t.Context(), dbHost(tt.row), explainFlags{}))
			got := e.text()
			if !strings.Contains(got, tt.want) || strings.Contains(got, "hush-hush") {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestExplainsWhatAPlanChanges(t *testing.T) {
	h := dbHost("/new.pem\tCONFIG\tNULL\n")
	event := func(host string, edits ...steps.Edit) executor.Event {
		return executor.Event{Type: executor.EventStep, Host: host, Step: "1.1", Change: &steps.Change{Edits: edits}}
	}
	put := func(path, text string) steps.Edit {
		return steps.Edit{Op: steps.Update, Subject: path, After: steps.NewContent([]byte(text), false)}
	}
	for _, tt := range []struct {
		name   string
		events []executor.Event
		want   string
	}{
		{"nothing", nil, "    no change\n"},
		{"of another host", []executor.Event{event("db2", put("/srv/d/60.cnf", "[mysqld]\n"))}, "    no change\n"},
		{"a value, by the last of two steps", []executor.Event{event("db1", put("/srv/d/60.cnf", "[")), event("db1", put("/srv/d/60.cnf", "[mysqld]\nssl-ca=/x\n[client]\nssl-ca = /c.pem\n"))},
			"server\n    /srv/my.cnf:2    [mysqld]  ssl_ca = /old.pem  replaced by /srv/d/60.cnf:2\n  > /srv/d/60.cnf:2  [mysqld]  ssl-ca = /x        counts\n"},
		{"a new file", []executor.Event{event("db1", put("/srv/d/70.cnf", "[server]\nssl-ca=/70\n"))}, "  > /srv/d/70.cnf:2  [server]    ssl-ca = /70       counts\n"},
		{"a file that goes", []executor.Event{event("db1", steps.Edit{Op: steps.Delete, Subject: "/srv/d/60.cnf"})}, "  > /srv/my.cnf:2  [mysqld]  ssl_ca = /old.pem  counts\nmariadb\n    no option file sets it\n"},
		{"what is not foreseen", []executor.Event{{Type: executor.EventStep, Host: "db1", Step: "2.1", Name: "tune", Status: executor.StatusUnknown}},
			"    no change\n    not foreseen: what step 2.1 tune does\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := explanation{Host: "db1", Key: "ssl_ca", Plan: "tls.yml"}
			must(t, e.look(t.Context(), h, explainFlags{}))
			var p planned
			for _, ev := range tt.events {
				p.take("db1", ev)
			}
			must(t, e.foresee(t.Context(), h, p))
			_, got, _ := strings.Cut(e.text(), "\nafter tls.yml\n\n")
			if !strings.Contains(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestSameValue(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"32M", "33554432", true}, {"1", "ON", true}, {"no", "OFF", true}, {"/usr", "/usr/", true}, {"row", "ROW", true},
		{"2G", "2000000000", false}, {"1.5", "1.500000", true}, {"", "OFF", false}, {"", "", true}, {"m", "0", false},
	} {
		if got := sameValue(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: got %v", tt.a, tt.b, got)
		}
	}
}
