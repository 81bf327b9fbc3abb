package galera

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lockstep/steps"
	"lockstep/steps/sqlclient"
	"lockstep/steps/stepstest"
	"lockstep/steps/unit"
)

const config = "/etc/mysql/60-galera.cnf"

// unlessTLS stops what does not encrypt.
const unlessTLS = "state: stopped\nunless_running: {socket.ssl: 'yes', socket.ssl_ca: /c/ca.pem}"

// cluster lets fakes behave as the nodes of a Galera cluster.
type cluster struct {
	up    map[string]bool
	seqno int64
}

func healthy(size int) status {
	return status{up: true, size: size, component: "Primary", connected: true, ready: true, state: "Synced",
		uuid: uuid, conf: "7", committed: 40, dataDir: "/var/lib/mysql/"}
}

// newCluster makes nodes that run, or that were stopped one after another in
// reverse order.
func newCluster(up bool, nodes ...*stepstest.Fake) *cluster {
	c := &cluster{up: map[string]bool{}, seqno: 40}
	for _, f := range nodes {
		c.up[f.Name()] = true
		f.PutDir("/run/systemd/system")
		f.PutFile(config, "[galera]\n")
		f.PutFile("/var/lib/mysql/grastate.dat", string(grastate{uuid: uuid, seqno: -1}.print()))
		c.script(f)
	}
	if !up {
		for _, f := range slices.Backward(nodes) {
			c.set(f, false)
		}
	}
	return c
}

func (c *cluster) size() int {
	n := 0
	for _, up := range c.up {
		if up {
			n++
		}
	}
	return n
}

// set stops or starts a node as Galera does: the last one to go is marked.
func (c *cluster) set(f *stepstest.Fake, up bool) steps.Output {
	c.up[f.Name()] = up
	g := grastate{uuid: uuid, seqno: -1}
	if !up {
		g.seqno, g.safe = c.seqno, c.size() == 0
		c.seqno++ // the others note that a member left
	}
	f.PutFile("/var/lib/mysql/grastate.dat", string(g.print()))
	f.Chown("/var/lib/mysql/grastate.dat", "root", "root", 0o600)
	return steps.Output{}
}

func (c *cluster) script(f *stepstest.Fake) {
	f.OnOther(func(*stepstest.Fake, steps.Command) steps.Output { return steps.Output{} }) // the server takes its files
	answer := func(text string) steps.Output { return steps.Output{Stdout: []byte(text)} }
	query := func(q steps.Command, up, down string) {
		f.OnQuery(func(f *stepstest.Fake, _ steps.Command) steps.Output {
			if c.up[f.Name()] {
				return answer(up)
			}
			return answer(down)
		}, q.Argv...)
	}
	const show = "LoadState=loaded\nActiveState=%s\nMainPID=7\nExecMainStartTimestamp=Sun 2027-01-10 11:00:00.000000 UTC\n"
	query(unit.ShowQuery("mariadb"), fmt.Sprintf(show, "active"), fmt.Sprintf(show, "inactive"))
	query(unit.ShowQuery("mariadb@bootstrap"), fmt.Sprintf(show, "inactive"), fmt.Sprintf(show, "inactive"))
	query(unit.ShowQuery("mysql"), "LoadState=not-found\nActiveState=inactive\n", "LoadState=not-found\nActiveState=inactive\n")
	query(processQuery("mariadb"), "mariadbd 7\n", "")
	query(dataDirQuery(), "--datadir=/var/lib/mysql\n", "--datadir=/var/lib/mysql\n")
	query(scriptQuery(), "/usr/bin/galera_new_cluster\n", "/usr/bin/galera_new_cluster\n")
	query(unit.JournalQuery("mariadb"), "", "")
	query(optionsQuery("mariadb", sqlclient.Login{}), "gcache.size = 128M; socket.checksum = 2; \n", "")
	f.OnQuery(func(f *stepstest.Fake, _ steps.Command) steps.Output {
		if c.up[f.Name()] {
			return healthy(c.size()).foreseen()
		}
		return sqlclient.Stopped()
	}, statusQuery("mariadb", sqlclient.Login{}).Argv...)
	f.OnExec(func(f *stepstest.Fake, _ steps.Command) steps.Output { return c.set(f, false) }, "systemctl", "stop", "--", "mariadb")
	f.OnExec(func(f *stepstest.Fake, _ steps.Command) steps.Output { return c.set(f, true) }, "systemctl", "start", "--", "mariadb")
	f.OnExec(func(f *stepstest.Fake, _ steps.Command) steps.Output {
		if c.size() > 0 {
			return steps.Output{Code: 1, Stderr: []byte("a second cluster was bootstrapped")}
		}
		return c.set(f, true)
	}, "sh", "-c", guarded, "lockstep", "mariadb")
}

func TestConform(t *testing.T) {
	build := func(up bool, change func(c *cluster, w *stepstest.World)) func(w *stepstest.World) {
		return func(w *stepstest.World) {
			c := newCluster(up, w.Self, w.AddPeer("db2"), w.AddPeer("db3"))
			if change != nil {
				change(c, w)
			}
		}
	}
	stale := func(_ *cluster, w *stepstest.World) { w.Self.SetChanged(config, w.Self.Now()) }
	fresh := func(_ *cluster, w *stepstest.World) { w.Self.SetChanged(config, w.Self.Now().AddDate(0, 0, -1)) }
	onlyStale := "state: stopped\nonly: stale\nfiles: [" + config + "]"
	encrypted := func(_ *cluster, w *stepstest.World) {
		w.Self.SetChanged(config, w.Self.Now()) // a touched file stops nobody
		w.Self.Answer("gcache.size = 128M; socket.ssl = YES; socket.ssl_ca = /c/ca.pem; \n", optionsQuery("mariadb", sqlclient.Login{}).Argv...)
	}
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "gate", YAML: "members: all", Holds: true, Build: build(true, nil)},
		stepstest.Case{Name: "stop", YAML: "state: stopped", Build: build(true, nil)},
		stepstest.Case{Name: "stop a stale node", YAML: onlyStale, Build: build(true, stale)},
		stepstest.Case{Name: "leave a current node alone", YAML: onlyStale, Holds: true, Build: build(true, fresh)},
		stepstest.Case{Name: "stop a node without TLS", YAML: unlessTLS, Build: build(true, nil)},
		stepstest.Case{Name: "leave a node with TLS alone", YAML: unlessTLS, Holds: true, Build: build(true, encrypted)},
		stepstest.Case{Name: "a stopped one needs no TLS", YAML: unlessTLS, Holds: true, Build: build(false, nil)},
		stepstest.Case{Name: "stopped already", YAML: "state: stopped", Holds: true, Build: build(false, nil)},
		stepstest.Case{Name: "join", YAML: "state: running", Build: build(true, func(c *cluster, w *stepstest.World) { c.set(w.Self, false) })},
		stepstest.Case{Name: "bootstrap", YAML: "state: running", Build: build(false, nil)},
		stepstest.Case{Name: "running already", YAML: "state: running", Holds: true, Build: build(true, nil)},
		stepstest.Case{Name: "forced", YAML: "state: running\nallow_force_bootstrap: true",
			Build: build(false, func(_ *cluster, w *stepstest.World) {
				w.Self.PutFile("/var/lib/mysql/grastate.dat", string(grastate{uuid: uuid, seqno: 99}.print()))
			})},
	)
}

// previews are the hosts of a dry run: each remembers what is foreseen of it.
type previews []*stepstest.Fake

func (p previews) view(name string) steps.View {
	var v steps.View
	var peers []steps.Reader
	for _, f := range p {
		if f.Name() == name {
			v.Self = f
		} else {
			peers = append(peers, f)
		}
	}
	v.Others = func() []steps.Reader { return peers }
	return v
}

func (p previews) do(t *testing.T, yaml, name string) string {
	t.Helper()
	step := stepstest.Decode(t, Kind(), yaml)
	v := p.view(name)
	c, err := step.Probe(t.Context(), v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := step.Apply(t.Context(), v.Self.(steps.Host), c); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var done []string
	for _, e := range c.Edits {
		done = append(done, name+" "+e.Summary)
	}
	return strings.Join(done, ", ")
}

// TestDryRunOfFullStop walks the two stages as the executor does, over hosts
// that only remember: stop 3, 2, 1, bootstrap 1, join 2 and 3.
func TestDryRunOfFullStop(t *testing.T) {
	var all previews
	var nodes []*stepstest.Fake
	for _, name := range []string{"db1", "db2", "db3"} {
		nodes = append(nodes, stepstest.NewFake(name))
	}
	newCluster(true, nodes...)
	for _, f := range nodes {
		all = append(all, f.Preview())
	}
	var got []string
	for _, name := range []string{"db3", "db2", "db1"} {
		got = append(got, all.do(t, unlessTLS, name))
	}
	order := []string{"db1", "db2", "db3"}
	ranks := map[string]int{}
	for _, name := range order {
		n, err := stepstest.Decode(t, Kind(), "state: running").(steps.Ranker).Rank(t.Context(), all.view(name))
		if err != nil {
			t.Fatal(err)
		}
		ranks[name] = n
	}
	slices.SortStableFunc(order, func(a, b string) int { return ranks[a] - ranks[b] })
	for _, name := range order {
		got = append(got, all.do(t, "state: running", name))
	}
	for _, name := range order { // what was started in thought is not stopped again
		if again := all.do(t, unlessTLS, name); again != "" {
			t.Errorf("after the start: got %s, want nothing", again)
		}
	}
	want := "db3 stop; db2 stop; db1 stop; db1 bootstrap the cluster; db2 start; db3 start"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	judged := stepstest.Decode(t, Kind(), "members: all").(steps.Verifier).Verify(t.Context(), all.view("db1"))
	if _, ok := steps.IsUnforeseen(judged); !ok {
		t.Errorf("the health of foreseen nodes: got %v, want that it cannot be foreseen", judged)
	}
	last := stepstest.Decode(t, Kind(), "state: running").(*step)
	ns, err := last.look(t.Context(), all.view("db3"))
	if err != nil || ns.self().status.size != 3 {
		t.Errorf("the last node will see %d members (%v), want 3", ns.self().status.size, err)
	}
}

// TestStartsTheMostAdvancedFirst runs the start stage for real on a cluster
// whose last node to stop is not the first of the inventory.
func TestStartsTheMostAdvancedFirst(t *testing.T) {
	nodes := previews{stepstest.NewFake("db1"), stepstest.NewFake("db2"), stepstest.NewFake("db3")}
	c := newCluster(true, nodes...)
	for _, i := range []int{0, 2, 1} {
		c.set(nodes[i], false)
	}
	if n, err := stepstest.Decode(t, Kind(), "state: running").(steps.Ranker).Rank(t.Context(), nodes.view("db2")); err != nil || n != rankBootstrap {
		t.Errorf("rank of db2: got %d, %v; want %d", n, err, rankBootstrap)
	}
	if _, err := stepstest.Decode(t, Kind(), "state: running").Probe(t.Context(), nodes.view("db1")); err == nil || !strings.Contains(err.Error(), "db2 must be bootstrapped first") {
		t.Errorf("db1 first: got %v", err)
	}
	for _, name := range []string{"db2", "db1", "db3"} {
		nodes.do(t, "state: running", name)
	}
	if c.size() != 3 {
		t.Errorf("%d nodes run, want 3", c.size())
	}
}

func TestRefusals(t *testing.T) {
	const running, stopped = "state: running", "state: stopped"
	for _, tt := range []struct {
		name, yaml string
		up         bool
		change     func(c *cluster, self, peer *stepstest.Fake)
		want       string
	}{
		{"a server beside the unit", running, false, func(_ *cluster, _, peer *stepstest.Fake) {
			peer.Answer("mysqld 4711\n", processQuery("mariadb").Argv...)
		}, "mysqld 4711 still runs on db2"},
		{"a peer is being filled", stopped, true, func(_ *cluster, _, peer *stepstest.Fake) {
			s := healthy(3)
			s.state = "Joiner"
			peer.AnswerWith(s.foreseen(), statusQuery("mariadb", sqlclient.Login{}).Argv...)
		}, "db2 is Joiner"},
		{"a peer is starting", running, false, func(_ *cluster, _, peer *stepstest.Fake) {
			peer.Answer("LoadState=loaded\nActiveState=activating\n", unit.ShowQuery("mariadb").Argv...)
		}, "db2 is activating"},
		{"a peer is split off", running, true, func(c *cluster, self, peer *stepstest.Fake) {
			c.set(self, false)
			s := healthy(1)
			s.component = "non-Primary"
			peer.AnswerWith(s.foreseen(), statusQuery("mariadb", sqlclient.Login{}).Argv...)
		}, "db2 is non-Primary"},
		{"a wrong socket", stopped, true, func(_ *cluster, _, peer *stepstest.Fake) {
			peer.AnswerWith(sqlclient.Stopped(), statusQuery("mariadb", sqlclient.Login{}).Argv...)
		}, "no server answers"},
		{"a peer crashed", stopped, true, func(c *cluster, _, peer *stepstest.Fake) {
			c.set(peer, false)
			peer.PutFile("/var/lib/mysql/grastate.dat", string(grastate{uuid: uuid, seqno: -1}.print()))
		}, "bring it back first"},
		{"an unknown member", stopped, true, func(_ *cluster, self, _ *stepstest.Fake) {
			self.AnswerWith(healthy(4).foreseen(), statusQuery("mariadb", sqlclient.Login{}).Argv...)
		}, "sees 4 members"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nodes := previews{stepstest.NewFake("db1"), stepstest.NewFake("db2"), stepstest.NewFake("db3")}
			tt.change(newCluster(tt.up, nodes...), nodes[0], nodes[1])
			c, err := stepstest.Decode(t, Kind(), tt.yaml).Probe(t.Context(), nodes.view("db1"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want an error with %q", c, err, tt.want)
			}
		})
	}
}

// TestStopBesideNewNode stops a node while one that never had data is down: it
// has no say in who is bootstrapped.
func TestStopBesideNewNode(t *testing.T) {
	nodes := previews{stepstest.NewFake("db1"), stepstest.NewFake("db2")}
	newCluster(true, nodes...).set(nodes[1], false)
	nodes[1].PutFile("/var/lib/mysql/grastate.dat", string(grastate{uuid: noUUID, seqno: -1}.print()))
	if got := nodes.do(t, "state: stopped", "db1"); got != "db1 stop" {
		t.Errorf("got %q, want db1 stop", got)
	}
}

func TestCheck(t *testing.T) {
	for yaml, want := range map[string]string{
		"only: stale\nfiles: [/a]":                                                    "goes with state: stopped",
		"state: stopped\nonly: stale":                                                 "needs files",
		"state: stopped\nallow_force_bootstrap: true":                                 "goes with state: running",
		"unless_running: {socket.ssl: yes}":                                           "goes with state: stopped",
		"state: stopped\nonly: stale\nfiles: [/a]\nunless_running: {socket.ssl: yes}": "exclude each other",
		"state: stopped\nunless_running: {socket.sll: yes}":                           "no parameter",
		"state: stopped\nunless_running: {socket.ssl: [yes]}":                         "must be a single value",
		"state: stopped\nunless_running: {}":                                          "must be a map of provider options",
		"state: running\ntls: only":                                                   "tls goes with no state",
		"tls: maybe":                                                                  "must be one of possible, offered, only, removable, optional, none",
		"state: restarted":                                                            "must be one of stopped, running",
		"state: running\nfiles: [/etc/mysql]\nmembers: 3":                             "must be one of all, running",
	} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", yaml, err, want)
		}
	}
}

// TestStopsNoNodeThatWouldNotComeBack refuses the stop by what the server
// program says, but not one that has no condition.
func TestStopsNoNodeThatWouldNotComeBack(t *testing.T) {
	for _, tt := range []struct{ yaml, want string }{
		{"state: stopped\nunless_running: {socket.ssl: 'yes'}", "not stopped: the server would not start"},
		{"state: stopped", ""},
	} {
		w := stepstest.NewWorld(Kind())
		newCluster(true, w.Self)
		w.Self.OnOther(func(_ *stepstest.Fake, c steps.Command) steps.Output {
			if strings.Contains(strings.Join(c.Argv, " "), "takes a text") {
				return steps.Output{Code: 7, Stdout: []byte("0 [ERROR] mariadbd: unknown variable 'sll=1'\n")}
			}
			return steps.Output{}
		})
		_, err := stepstest.Decode(t, Kind(), tt.yaml).Probe(t.Context(), w.View())
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.yaml, err, tt.want)
		}
	}
}
