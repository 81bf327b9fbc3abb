package rotation_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/rotation"
	"lockstep/steps/sqlclient"
	"lockstep/steps/stepstest"
	"lockstep/steps/tls"
	"lockstep/steps/trust"
	"lockstep/steps/unit"
)

// TestKindsConform plays both kinds through what every kind keeps.
func TestKindsConform(t *testing.T) {
	was, is := newGeneration(t, now.AddDate(-1, 0, 0)), newGeneration(t, now)
	in := func(states ...state) func(*stepstest.World) {
		return func(w *stepstest.World) {
			hosts := []*stepstest.Fake{w.Self}
			for i := range states[1:] {
				hosts = append(hosts, w.AddPeer([]string{"db2", "db3"}[i]))
			}
			newClusterOn(t, w.Control, hosts, was, is, states...)
		}
	}
	unloaded := func(states ...state) func(*stepstest.World) { // new files, an old process
		return func(w *stepstest.World) {
			in(states...)(w)
			w.Self.PutFile(caFile, string(was.ca.CertPEM())+string(is.ca.CertPEM()))
		}
	}
	key, err := was.leaf.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{strings.Split(string(key), "\n")[1]}
	restart := strings.Replace(tlsYAML, "}", ", how: restart}", 1)
	t.Run("trust", func(t *testing.T) {
		stepstest.Conform(t, trust.Kind(),
			stepstest.Case{Name: "old to both", YAML: trustYAML, Build: in(old, old), Secrets: secrets},
			stepstest.Case{Name: "still needed", YAML: trustYAML, Build: in(both, old), Holds: true},
			stepstest.Case{Name: "both to new", YAML: trustYAML, Build: in(present, present)},
			stepstest.Case{Name: "kept", YAML: strings.Replace(trustYAML, "}", ", keep: true}", 1), Build: in(present, done), Holds: true},
			stepstest.Case{Name: "done", YAML: trustYAML, Build: in(done, done), Holds: true},
			stepstest.Case{Name: "unreadable", YAML: trustYAML, Build: func(w *stepstest.World) { in(old, old)(w); w.Self.PutFile(caFile, "glued") }},
		)
	})
	t.Run("tls", func(t *testing.T) {
		stepstest.Conform(t, tls.Kind(),
			stepstest.Case{Name: "the process trusts less than the file", YAML: tlsYAML, Build: unloaded(old, old), Secrets: secrets},
			stepstest.Case{Name: "by a restart", YAML: restart, Build: unloaded(old, old), Secrets: secrets},
			stepstest.Case{Name: "loaded", YAML: tlsYAML, Build: in(both, both), Holds: true},
			stepstest.Case{Name: "another certificate in the file", YAML: tlsYAML, Build: func(w *stepstest.World) {
				in(both, both)(w)
				(&cluster{t: t}).put(w.Self, certFile, keyFile, is.leaf)
			}},
		)
	})
}

// member is one with a server, and what it has.
func member(name string, trusts []*x509.Certificate, leaf *pki.Pair) rotation.Member {
	chain := []*x509.Certificate{leaf.Cert}
	return rotation.Member{Name: name, Trusts: trusts, Files: []rotation.Leaf{{Where: certFile, Chain: chain}},
		Presents: []rotation.Leaf{{Where: ":4567", Chain: chain}}}
}

func TestCAFile(t *testing.T) {
	was, is, other := newGeneration(t, now.AddDate(-1, 0, 0)), newGeneration(t, now), newGeneration(t, now.AddDate(-2, 0, 0))
	o, n, x := was.ca.Cert, is.ca.Cert, other.ca.Cert
	type cas = []*x509.Certificate
	for _, row := range []struct {
		name    string
		members []rotation.Member
		former  cas
		keep    bool
		want    cas
		unknown int
		err     string
	}{
		{name: "nobody is through", members: []rotation.Member{member("a", cas{o}, was.leaf), member("b", cas{o}, was.leaf)}, former: cas{o}, want: cas{n, o}},
		{name: "a neighbour is not through", members: []rotation.Member{member("a", cas{n, o}, is.leaf), member("b", cas{n, o}, was.leaf)}, former: cas{o}, want: cas{n, o}},
		{name: "one that trusts too little gets it from a neighbour", members: []rotation.Member{member("a", cas{n}, is.leaf), member("b", cas{o}, was.leaf)}, want: cas{n, o}},
		{name: "and else from what was kept", members: []rotation.Member{member("a", cas{n}, is.leaf), member("b", cas{n}, was.leaf)}, former: cas{o}, want: cas{n, o}},
		{name: "all are through", members: []rotation.Member{member("a", cas{n, o}, is.leaf), member("b", cas{n, o}, is.leaf)}, former: cas{o}, want: cas{n}},
		{name: "all are through, and it is kept", members: []rotation.Member{member("a", cas{n, o}, is.leaf), member("b", cas{n, o}, is.leaf)}, former: cas{o}, keep: true, want: cas{n, o}},
		{name: "one of a stranger stays", members: []rotation.Member{member("a", cas{n, o, x}, is.leaf)}, former: cas{o}, want: cas{n, x}, unknown: 1},
		{name: "three generations", members: []rotation.Member{member("a", cas{x}, other.leaf), member("b", cas{o}, was.leaf), member("c", cas{n}, is.leaf)}, want: cas{n, o, x}},
		{name: "an issuer that nobody knows", members: []rotation.Member{member("a", cas{n}, is.leaf), member("b", nil, was.leaf)}, err: "whose issuer nobody knows"},
		{name: "a certificate among the authorities", members: []rotation.Member{member("a", cas{n, was.leaf.Cert}, is.leaf)}, err: "is no CA"},
	} {
		t.Run(row.name, func(t *testing.T) {
			set, err := rotation.Wanted{New: cas{n}, Former: row.former, Keep: row.keep}.CAFile(row.members, now)
			if row.err != "" {
				if p := (*steps.Problem)(nil); !errors.As(err, &p) || !strings.Contains(err.Error(), row.err) {
					t.Errorf("got %v, want a problem with %q", err, row.err)
				}
				return
			}
			if got, want := rotation.Describe(set.CAs), rotation.Describe(row.want); err != nil || got != want || len(set.Unknown) != row.unknown {
				t.Errorf("got %s, %d unknown, %v\nwant %s, %d unknown", got, len(set.Unknown), err, want, row.unknown)
			}
		})
	}
}

// TestExpiredIsNoReasonToRefuse: what ended is still told apart from what is
// strange, or nothing could be done about it.
func TestExpiredIsNoReasonToRefuse(t *testing.T) {
	g, stranger := newGeneration(t, now), newGeneration(t, now)
	late := now.AddDate(20, 0, 0)
	chain, cas := []*x509.Certificate{g.leaf.Cert}, []*x509.Certificate{g.ca.Cert}
	if err := rotation.Trusted(chain, cas, late); err != nil {
		t.Errorf("expired: got %v", err)
	}
	if err := rotation.Valid(chain, cas, late); err == nil {
		t.Error("expired: taken for valid")
	}
	if err := rotation.Trusted(chain, []*x509.Certificate{stranger.ca.Cert}, now); err == nil {
		t.Error("strange: taken for trusted")
	}
}

// TestTheWayOutOfAnExpiredCluster reloads, and does not restart.
func TestTheWayOutOfAnExpiredCluster(t *testing.T) {
	was, is := newGeneration(t, now.AddDate(-11, 0, 0)), newGeneration(t, now)
	c := newCluster(t, was, is, both, both, both)
	n := c.nodes[0]
	c.put(n.Fake, certFile, keyFile, is.leaf)
	_, err := c.do(tls.Kind(), strings.Replace(tlsYAML, "}", ", how: restart}", 1), 0)
	if err == nil || !strings.Contains(err.Error(), "must not be restarted: the certificate of node2") || !strings.Contains(err.Error(), "how: reload first") {
		t.Errorf("a restart: got %v, want a refusal", err)
	}
	if change, err := c.do(tls.Kind(), tlsYAML, 0); err != nil || len(change.Edits) != 1 {
		t.Errorf("a reload: got %+v, %v", change, err)
	}
	if !n.presents.Cert.Equal(is.leaf.Cert) {
		t.Error("the node does not present the new certificate")
	}
}

// TestTlsRefuses lists what must not be loaded.
func TestTlsRefuses(t *testing.T) {
	was, is := newGeneration(t, now.AddDate(-1, 0, 0)), newGeneration(t, now)
	for _, row := range []struct {
		name, yaml, want string
		build            func(c *cluster, n *node)
	}{
		{"a key of another certificate", tlsYAML, "does not belong", func(c *cluster, n *node) {
			c.put(n.Fake, certFile, keyFile, is.leaf)
			n.PutFile(certFile, string(was.leaf.CertPEM()))
		}},
		{"a CA file that does not know what is to come", tlsYAML, "does not trust what is to come", func(c *cluster, n *node) {
			for _, n := range c.nodes {
				n.PutFile(caFile, string(was.ca.CertPEM()))
			}
		}},
		{"a CA file that cannot be read", tlsYAML, "trust step before", func(_ *cluster, n *node) { n.PutFile(caFile, "glued") }},
		{"other files than the server's", strings.ReplaceAll(tlsYAML, "/c/ca.pem", "/d/ca.pem"), "the server runs with socket.ssl_ca", func(c *cluster, n *node) {
			for _, n := range c.nodes {
				n.PutFile("/d/ca.pem", string(c.bundle("both")))
			}
			n.mu.Lock()
			n.trusts = n.trusts[:0]
			n.mu.Unlock()
		}},
		{"a process of a peer that does not trust it yet", tlsYAML, "does not let in the certificate of node1", func(c *cluster, n *node) {
			c.put(n.Fake, certFile, keyFile, is.leaf)
			c.nodes[1].mu.Lock()
			c.nodes[1].trusts = []*x509.Certificate{was.ca.Cert}
			c.nodes[1].mu.Unlock()
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := newCluster(t, was, is, both, both)
			row.build(c, c.nodes[0])
			_, err := c.do(tls.Kind(), row.yaml, 0)
			if err == nil || !strings.Contains(err.Error(), row.want) || len(c.nodes[0].Execs()) > 0 {
				t.Errorf("got %v and %v; want a refusal with %q", err, c.nodes[0].Execs(), row.want)
			}
		})
	}
}

// TestReload tells which servers can, by flavour and version.
func TestReload(t *testing.T) {
	const mysql, mariadb, galera = "ALTER INSTANCE RELOAD TLS", "FLUSH LOCAL SSL", "; SET GLOBAL wsrep_provider_options='socket.ssl_reload=1'"
	replicates := map[string]string{"socket.ssl_cert": "/c"}
	for _, row := range []struct {
		what      string
		server    rotation.Server
		sql, lack string
	}{
		{"PXC 5.7", rotation.Server{Version: "5.7.44", Galera: "3.69", Socket: replicates}, "", "MySQL reloads certificates since 8.0.16"},
		{"PXC 8.0 before 16", rotation.Server{Version: "8.0.15", Galera: "4.3", Socket: replicates}, "", "MySQL reloads certificates since 8.0.16"},
		{"PXC 8.0 with an old provider", rotation.Server{Version: "8.0.23", Galera: "4.7", Socket: replicates}, "", "Galera reloads certificates since 26.4.8"},
		{"PXC 8.0", rotation.Server{Version: "8.0.36", Galera: "4.17", Socket: replicates}, mysql + galera, ""},
		{"PXC 8.4", rotation.Server{Version: "8.4.2", Galera: "26.4.20", Socket: replicates}, mysql + galera, ""},
		{"MySQL 8.4 alone", rotation.Server{Version: "8.4.2"}, mysql, ""},
		{"MariaDB 10.3", rotation.Server{MariaDB: true, Version: "10.3.39", Galera: "3.37", Socket: replicates}, "", "MariaDB reloads certificates since 10.4.1"},
		{"MariaDB 10.4 with an old provider", rotation.Server{MariaDB: true, Version: "10.4.12", Galera: "4.4", Socket: replicates}, "", "Galera reloads certificates since 26.4.8"},
		{"MariaDB 10.11", rotation.Server{MariaDB: true, Version: "10.11.19", Galera: "4.23", Socket: replicates}, mariadb + galera, ""},
		{"MariaDB 11.4", rotation.Server{MariaDB: true, Version: "11.4.3", Galera: "26.4.19", Socket: replicates}, mariadb + galera, ""},
		{"MariaDB without TLS between nodes", rotation.Server{MariaDB: true, Version: "11.4.3", Galera: "26.4.3"}, mariadb, ""},
		{"one that says nothing", rotation.Server{}, "", "8.0.16"},
	} {
		sql, why := row.server.Reload()
		if sql != row.sql || !strings.Contains(why, row.lack) || (why == "") != (row.lack == "") {
			t.Errorf("%s: got %q, %q; want %q, %q", row.what, sql, why, row.sql, row.lack)
		}
	}
}

// TestAServerThatIsDownIsLeftAlone: there is nothing to load.
func TestAServerThatIsDownIsLeftAlone(t *testing.T) {
	g := newGeneration(t, now)
	c := newCluster(t, g, g, old, old)
	c.nodes[0].OnOther(func(*stepstest.Fake, steps.Command) steps.Output { return sqlclient.Stopped() })
	change, err := c.do(tls.Kind(), tlsYAML, 0)
	if err != nil || !change.Empty() || len(change.Notes) != 1 {
		t.Errorf("got %+v, %v; want a note", change, err)
	}
	c.nodes[0].Answer("LoadState=not-found\nActiveState=inactive\n", unit.ShowQuery("mariadb").Argv...)
	c.nodes[0].Answer("LoadState=not-found\nActiveState=inactive\n", unit.ShowQuery("mysql").Argv...)
	if change, err := c.do(trust.Kind(), trustYAML, 0); err != nil || !change.Empty() {
		t.Errorf("a host without a server: got %+v, %v", change, err)
	}
}

func TestFormerFilesAreFoundAgain(t *testing.T) {
	g := newGeneration(t, time.Date(2027, 1, 31, 0, 30, 0, 0, time.UTC))
	cert, key := rotation.FormerFiles(g.ca.Cert)
	if !strings.HasPrefix(cert, "ca-20270131-") || !strings.HasSuffix(key, "-key.pem") {
		t.Errorf("got %s and %s", cert, key)
	}
	f := stepstest.NewFake("control")
	f.PutFile("/certs/"+cert, string(g.ca.CertPEM()))
	f.PutFile("/certs/"+key, "a key")
	f.PutFile("/certs/ca.pem", "another")
	found, err := rotation.Former(t.Context(), f, "/certs")
	if err != nil || len(found) != 1 || !found[0].Equal(g.ca.Cert) {
		t.Errorf("got %v, %v", found, err)
	}
	if found, err := rotation.Former(t.Context(), f, "/nowhere"); err != nil || len(found) != 0 {
		t.Errorf("a missing directory: got %v, %v", found, err)
	}
}

// TestRestartOfABootstrappedServer stops the instance and starts the unit: a restart
// of the instance would bootstrap another cluster.
func TestRestartOfABootstrappedServer(t *testing.T) {
	for name, want := range map[string]string{
		"mysql":           "systemctl restart -- mysql",
		"mysql@bootstrap": "systemctl stop -- mysql@bootstrap; systemctl start -- mysql",
	} {
		f := stepstest.NewFake("db1")
		f.PutDir("/run/systemd/system")
		for _, u := range []string{"mysql", "mysql@bootstrap"} {
			f.Answer("LoadState=loaded\nActiveState=active\nMainPID=7\nExecMainStartTimestamp=Sun 2027-01-10 12:00:00.000000 UTC\n", unit.ShowQuery(u).Argv...)
			for _, verb := range []string{"start", "stop", "restart"} {
				f.OnExec(nil, "systemctl", verb, "--", u)
			}
		}
		if err := (rotation.Server{Unit: unit.State{Name: name}}).Restart(t.Context(), f, f); err != nil {
			t.Fatal(err)
		}
		var acts []string
		for _, c := range f.Execs() {
			acts = append(acts, strings.Join(c.Argv, " "))
		}
		if got := strings.Join(acts, "; "); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
