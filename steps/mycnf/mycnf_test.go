package mycnf

import (
	"errors"
	"strings"
	"testing"

	"lockstep/internal/optionfile"
	"lockstep/steps"
	"lockstep/steps/stepstest"
)

const galeraCnf = `# Ask the database team before touching this file.
[galera]
wsrep_on = ON
wsrep_provider_options="gcache.size=128M;gcs.fc_limit=128"
wsrep_sst_auth           = sst:WYA7UWM4RZ   # same account on every node

[sst]
#encrypt = 0
`

// debian lays the option files out as Debian's mariadb-server does.
func debian(w *stepstest.World) {
	h := w.Self
	h.OnOther(programs)
	h.PutLink("/etc/mysql/my.cnf", "/etc/alternatives/my.cnf")
	h.PutLink("/etc/alternatives/my.cnf", "/etc/mysql/mariadb.cnf")
	h.PutFile("/etc/mysql/mariadb.cnf", "[client-server]\nsocket = /run/mysqld/mysqld.sock\n!includedir /etc/mysql/conf.d/\n!includedir /etc/mysql/mariadb.conf.d/\n")
	h.PutDir("/etc/mysql/conf.d")
	h.PutFile("/etc/mysql/mariadb.conf.d/50-server.cnf", "[mysqld]\nbind-address = 127.0.0.1\n")
	h.PutFile("/etc/mysql/mariadb.conf.d/60-galera.cnf", galeraCnf)
	h.Chown("/etc/mysql/mariadb.conf.d/60-galera.cnf", "root", "mysql", 0o640)
}

// programs answers as the host's own programs do, where the server is content.
func programs(_ *stepstest.Fake, c steps.Command) steps.Output {
	f, err := optionfile.Parse("stdin", c.Stdin)
	if err != nil || len(c.Argv) < 5 {
		return steps.Output{}
	}
	return steps.Output{Stdout: []byte(optionfile.Print(f.Options(c.Argv[4])))}
}

const galeraPath = "path: /etc/mysql/mariadb.conf.d/60-galera.cnf\n"

func TestConform(t *testing.T) {
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "edit in place and add", Build: debian, Secrets: []string{"WYA7UWM4RZ"},
			YAML: galeraPath + "sections: {mysqld: {ssl-ca: /etc/c/ca.pem, wsrep_on: 'ON'}, sst: {encrypt: 4}}\nprovider_options: {socket.ssl: 'yes'}"},
		stepstest.Case{Name: "a new password", Build: debian, Secrets: []string{"WYA7UWM4RZ", "another-one"},
			YAML: galeraPath + "sections: {galera: {wsrep_sst_auth: 'sst:another-one'}}"},
		stepstest.Case{Name: "a new file", Build: debian,
			YAML: "path: /etc/mysql/mariadb.conf.d/70-tls.cnf\ncreate: true\nsections: {mysqld: {ssl-ca: /etc/c/ca.pem}}"},
		stepstest.Case{Name: "as wanted", Build: debian, Holds: true,
			YAML: galeraPath + "sections: {mysqld: {wsrep_on: 'ON'}}\nabsent: {mysqld: [skip-ssl]}\nabsent_provider_options: [socket.dynamic]"},
		stepstest.Case{Name: "flags and absent", Build: debian,
			YAML: galeraPath + "flags: {mysqld: [skip-name-resolve]}\nabsent: {mysqld: [wsrep_on]}"},
		stepstest.Case{Name: "commented", Build: debian, YAML: galeraPath + "commented: {mysqld: [wsrep_on]}"},
	)
}

func TestApplyKeepsAllElse(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	debian(w)
	step := stepstest.Decode(t, Kind(), galeraPath+`
sections: {sst: {encrypt: 4}}
provider_options: {gcs.fc_limit: 256, socket.ssl: "yes"}`)
	change, err := step.Probe(t.Context(), w.View())
	if err != nil {
		t.Fatal(err)
	}
	if err := step.Apply(t.Context(), w.Self, change); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		`"gcache.size=128M;gcs.fc_limit=128"`, `"gcache.size=128M;gcs.fc_limit=256;socket.ssl=yes"`,
		"#encrypt = 0\n", "#encrypt = 0\nencrypt = 4\n").Replace(galeraCnf)
	if got := w.Self.Content("/etc/mysql/mariadb.conf.d/60-galera.cnf"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if st, _ := w.Self.Stat(t.Context(), "/etc/mysql/mariadb.conf.d/60-galera.cnf"); st.Mode != 0o640 || st.Group != "mysql" {
		t.Errorf("the file is %s of group %s, want 0640 of mysql", steps.FormatMode(st.Mode), st.Group)
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{
		{"shadowed by a later file", "path: /etc/mysql/mariadb.conf.d/50-server.cnf\nsections: {mysqld: {wsrep_on: 'OFF'}}",
			"60-galera.cnf:3 ([galera])"},
		{"a second provider list", "path: /etc/mysql/mariadb.conf.d/99.cnf\ncreate: true\nprovider_options: {socket.ssl: 'yes'}",
			"would be lost"},
		{"absent, but elsewhere", "path: /etc/mysql/mariadb.conf.d/50-server.cnf\nabsent: {mysqld: [wsrep_on]}", "stays in force"},
		{"not included", "path: /etc/mysql/conf.d/tls.conf\ncreate: true\nsections: {mysqld: {ssl-ca: /c}}", "not among the files"},
		{"missing", "path: /etc/mysql/conf.d/tls.cnf\nsections: {mysqld: {ssl-ca: /c}}", "does not exist"},
		{"writable by all", "path: /etc/mysql/conf.d/open.cnf\nsections: {mysqld: {ssl-ca: /c}}", "everybody may write"},
		{"secret for all", "path: /etc/mysql/conf.d/new.cnf\ncreate: true\nsections: {client: {password: hunter22}}", "readable by everybody"},
		{"broken file", "path: /etc/mysql/conf.d/broken.cnf\nsections: {mysqld: {ssl-ca: /c}}", "broken.cnf:2"},
		{"certificate without key", "path: /etc/mysql/conf.d/half.cnf\ncreate: true\nsections: {mysqld: {ssl-ca: /c, ssl_cert: /d}}", "[mysqld] ssl-cert is set without ssl-key"},
		{"a client's, too", "path: /etc/mysql/conf.d/half.cnf\ncreate: true\nsections: {client: {ssl-key: /d}}", "[client] ssl-key is set without ssl-cert"},
		{"a key that is empty", "path: /etc/mysql/conf.d/half.cnf\ncreate: true\nsections: {sst: {tcert: /d, tkey: ''}}", "[sst] tcert is set without tkey"},
		{"one of two is taken away", "path: /etc/mysql/conf.d/whole.cnf\nabsent: {mysqld: [ssl-key]}", "ssl-cert is set without ssl-key"},
		{"undone by a prefix", "path: /etc/mysql/conf.d/off.cnf\nsections: {mysqld: {log_bin: binlog}}", "off.cnf:4 ([mysqld])"},
		{"undone in a later file", "path: /etc/mysql/conf.d/early.cnf\ncreate: true\nsections: {mysqld: {slow-query-log: 1}}", "list loose-skip_slow_query-log under absent"},
		{"kept by SET PERSIST", "path: /etc/mysql/mariadb.conf.d/50-server.cnf\nsections: {mysqld: {max-connections: 9}}", "run RESET PERSIST max_connections"},
		{"commented, but elsewhere", "path: /etc/mysql/mariadb.conf.d/50-server.cnf\ncommented: {mysqld: [wsrep_on]}", "stays in force"},
		{"TLS off", "path: /etc/mysql/conf.d/off.cnf\nsections: {mysqld: {ssl-ca: /c, ssl-cert: /d, ssl-key: /e}}", "turns TLS off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			debian(w)
			w.Self.PutFile("/etc/mysql/conf.d/open.cnf", "[mysqld]\n")
			w.Self.Chown("/etc/mysql/conf.d/open.cnf", "root", "root", 0o666)
			if tt.name == "broken file" {
				w.Self.PutFile("/etc/mysql/conf.d/broken.cnf", "[mysqld]\n[oops\n")
			}
			if strings.Contains(tt.yaml, "whole.cnf") {
				w.Self.PutFile("/etc/mysql/conf.d/whole.cnf", "[mysqld]\nssl-cert = /d\nssl-key = /e\n")
			}
			if tt.name == "TLS off" {
				w.Self.PutFile("/etc/mysql/conf.d/off.cnf", "[mysqld]\nskip-ssl\n")
			}
			if strings.HasPrefix(tt.name, "undone") {
				w.Self.PutFile("/etc/mysql/conf.d/off.cnf", "[mysqld]\nlog_bin = x\nmaximum-log-bin=1\nloose-skip_log-bin\nloose-skip_slow_query-log\n")
			}
			w.Self.PutFile("/var/lib/mysql/mysqld-auto.cnf", `{"Version": 2, "mysql_dynamic_variables": {"max_connections": {"Value": "200", "Metadata": {"User": "root"}}}}`)
			change, err := stepstest.Decode(t, Kind(), tt.yaml).Probe(t.Context(), w.View())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got change %v, error %v; want an error with %q", change, err, tt.want)
			}
			var p *steps.Problem
			if !errors.As(err, &p) {
				t.Errorf("the error is %T, which says neither why nor what to do", err)
			}
		})
	}
}

// TestTheHostRefuses holds that an edit which the host's own programs do not
// take is refused in the probe, before anything is written.
func TestTheHostRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, marker, want string
		out                steps.Output
	}{
		{"the server", "takes a text", "unknown variable 'ssl-ca=...'", steps.Output{Code: 7, Stdout: []byte("2026 0 [ERROR] mariadbd: unknown variable 'ssl-ca=/c'\n2026 0 [ERROR] Aborting\n")}},
		{"the reader", "my_print_defaults reads", "otherwise than it is meant", steps.Output{Stdout: []byte("--other=1\n")}},
		{"the reader, at all", "my_print_defaults reads", "refuses", steps.Output{Code: 2, Stderr: []byte("Wrong group")}},
		{"its files", "in its files", "name the file that the server is started with as main", steps.Output{Stdout: []byte("started with:\n--x=1\n")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			debian(w)
			w.Self.OnOther(func(f *stepstest.Fake, c steps.Command) steps.Output {
				if strings.Contains(c.Argv[2], tt.marker) {
					return tt.out
				}
				return programs(f, c)
			})
			c, err := stepstest.Decode(t, Kind(), galeraPath+"sections: {mysqld: {ssl-ca: /c}}").Probe(t.Context(), w.View())
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "nothing was ") || !c.Empty() {
				t.Errorf("got %v, %v; want %s", c, err, tt.want)
			}
		})
	}
}

// TestNotes tells of lines that the step does not touch, whether it has
// something to change or not.
func TestNotes(t *testing.T) {
	const note = "/etc/mysql/conf.d/old.cnf:2: bind-address has no effect: /etc/mysql/mariadb.conf.d/50-server.cnf:2 sets it later; keep one of them"
	for _, tt := range []struct{ name, yaml, want string }{
		{"nothing to change", "path: /etc/mysql/conf.d/old.cnf\nsections: {mysqld: {port: 3306}}", note},
		{"something to change", "path: /etc/mysql/conf.d/old.cnf\nsections: {mysqld: {port: 3307}}", note},
		{"a wanted option in another file", "path: /etc/mysql/mariadb.conf.d/50-server.cnf\nsections: {mysqld: {bind_address: 127.0.0.1}}", note},
		{"another option in another file", "path: /etc/mysql/mariadb.conf.d/50-server.cnf\nsections: {mysqld: {max_connections: 9}}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			debian(w)
			w.Self.PutFile("/etc/mysql/conf.d/old.cnf", "[mysqld]\nbind-address = 10.0.0.1\nport = 3306\n")
			c, err := stepstest.Decode(t, Kind(), tt.yaml).Probe(t.Context(), w.View())
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(c.Notes, "\n"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestDecodeSaysWhere(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{
		{"nothing wanted", "path: /a.cnf", "nothing is asked for"},
		{"null value", "path: /a.cnf\nsections: {mysqld: {ssl-ca: }}", "plan.yml:2:21"},
		{"unknown parameter", "path: /a.cnf\nprovider_options: {socket.ssl_certificate: /x}", "socket.ssl_cert"},
		{"where the parameter is", "path: /a.cnf\nprovider_options:\n  socket.ssl: 'yes'\n  socket.sll_ca: /x", "plan.yml:4:18"},
		{"where the value is", "path: /a.cnf\nprovider_options:\n  socket.ssl_ca: a;b", "plan.yml:3:18"},
		{"where the option is", "path: /a.cnf\nabsent:\n  mysqld:\n    - skip-ssl\n    - 'no good'", "plan.yml:5:7"},
		{"where the absent one is", "path: /a.cnf\nabsent_provider_options:\n  - 'a b'", "plan.yml:3:5"},
		{"where the control character is", "path: /a.cnf\nsections: {mysqld: {ssl-ca: \"a\\x01b\"}}", "plan.yml:2:29"},
		{"a map for a list", "path: /a.cnf\nabsent_provider_options: {a: b}", "must be a list"},
		{"list for a value", "path: /a.cnf\nsections: {mysqld: {ssl-ca: [a]}}", "must be a single value"},
		{"value for a list", "path: /a.cnf\nabsent: {mysqld: skip-ssl}", "write [skip-ssl]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := stepstest.TryDecode(Kind(), tt.yaml); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// TestDecodeShowsNoSecret makes sure that a problem with a password comes
// without the line that it stands in.
func TestDecodeShowsNoSecret(t *testing.T) {
	_, err := stepstest.TryDecode(Kind(), "path: /a.cnf\nsections:\n  client:\n    password: \"hun\\x01ter22\"")
	if err == nil || !strings.Contains(err.Error(), "plan.yml:4:15") || strings.Contains(err.Error(), "ter22") {
		t.Errorf("got %v, want an error with its place and without the value", err)
	}
}

func TestSecretsInComments(t *testing.T) {
	got := secretsIn([]byte("# [an open bracket\n[mysqld]\n#wsrep_sst_auth=sst:oldpass\npassword=\"new pass\"\n"))
	if want := "sst:oldpass oldpass new pass"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
