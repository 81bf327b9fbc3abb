package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/cmd/lockstep-lab/lab"
)

// TestChangesAClusterThatGoesOnRunning takes one cluster through what a DBA does
// to it while it serves: encrypts it node by node, with a control program that is
// killed in both passes, lets a host join, gives it an account for transfers, and
// takes TLS away.
func TestChangesAClusterThatGoesOnRunning(t *testing.T) {
	l := plaintext(t)
	t.Cleanup(func() { // the account for transfers is not what other tests expect
		if err := l.Reset(withoutCancel(t)); err != nil {
			t.Error(err)
		}
	})
	r := &rolling{lab: l, dir: t.TempDir()}
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"plan shows two restarts of each node and changes nothing", r.planned},
		{"a rolling enable, killed in both passes, loses nothing", r.enabled},
		{"encrypted, no traffic can be read", r.unreadable},
		{"a second run changes and restarts nothing", func(t *testing.T) { r.again(t, "galera-tls-rolling") }},
		{"a host without data joins, and nothing is lost", r.added},
		{"an account for transfers is made, and nobody sees its password", r.account},
		{"taking it away loses nothing", r.disabled},
		{"a second run of that changes and restarts nothing", func(t *testing.T) { r.again(t, "galera-tls-off") }},
	} {
		if !t.Run(part.name, part.run) {
			t.FailNow() // the rest builds on it
		}
	}
}

// rolling is the cluster and the folder with certificates that all plans share.
type rolling struct {
	lab *lab.Lab
	dir string
}

// example copies an example beside the certificates. One second of health has to
// do between two nodes.
func (r *rolling) example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/" + name + "/plan.yml")
	must(t, err)
	file := filepath.Join(r.dir, name+".yml")
	short := strings.NewReplacer("settle: 5s", "settle: 1s", "!secret {env: SST_PASSWORD}", "!secret {file: sst.secret}", "!secret {env: SST_AUTH}", "!secret {file: auth.secret}")
	must(t, os.WriteFile(file, []byte(short.Replace(string(text))), 0o600))
	return file
}

// run runs the program on an example; no secret shows.
func (r *rolling) run(t *testing.T, want int, command, example string, flags ...string) outcomeOf {
	t.Helper()
	o := lockstep(t, "", append([]string{command, "-i", r.lab.Path("inventory.yml"), r.example(t, example)}, flags...)...)
	r.quiet(t, o)
	return exits(t, want, o)
}

func (r *rolling) quiet(t *testing.T, o outcomeOf) {
	t.Helper()
	password, err := r.lab.Password("sst") // stands in an option file that is edited
	must(t, err)
	for _, secret := range []string{password, "PRIVATE KEY"} {
		if strings.Contains(o.stdout+o.stderr, secret) {
			t.Errorf("it shows %q", secret)
		}
	}
}

// underLoad writes through all nodes while what is done. No row may be lost, and
// none be without an answer in the end.
func (r *rolling) underLoad(t *testing.T, what func()) {
	t.Helper()
	load := r.lab.NewLoad(4)
	must(t, load.Start(t.Context()))
	defer load.Stop()
	what()
	load.Stop()
	report, err := load.Check(t.Context())
	must(t, err)
	t.Logf("load:\n%s", report)
	if report.TotalLost() != 0 || report.Unacknowledged != 0 || report.Acknowledged == 0 {
		t.Errorf("load: got %d rows lost, %d never acknowledged of %d; want 0 and 0 of many", report.TotalLost(), report.Unacknowledged, report.Acknowledged)
	}
}

// readable reports on which ports rows can be read.
func (r *rolling) readable(t *testing.T, tls string) (ports []int) {
	t.Helper()
	marker, sniffer := lab.NewMarker(), r.lab.NewSniffer()
	must(t, sniffer.Start(t.Context(), marker))
	for _, n := range r.lab.Nodes() {
		must(t, r.lab.WriteMarkers(t.Context(), n, marker, 20, tls))
	}
	report := sniffer.Stop()
	for _, port := range []int{lab.PortSQL, lab.PortReplication, lab.PortIST, lab.PortSST} {
		if report.Port(port).Marker {
			ports = append(ports, port)
		}
	}
	return ports
}

func (r *rolling) planned(t *testing.T) {
	if got, want := r.readable(t, "false"), []int{lab.PortSQL, lab.PortReplication}; !slices.Equal(got, want) {
		t.Fatalf("before: got rows readable on %v, want on %v", got, want)
	}
	before := look(t, r.lab)
	o := r.run(t, exitFailed, "plan", "galera-tls-rolling", "--json", "--detailed-exitcode")
	wantUntouched(t, r.lab, before)
	var want []string
	for range 2 {
		for _, n := range r.lab.Nodes() {
			want = append(want, n.Name()+": service mariadb: restart")
		}
	}
	events := parseEvents(t, o.stdout)
	if diff := cmp.Diff(want, disruptions(events, "change")); diff != "" {
		t.Errorf("disruptions (-want +got):\n%s", diff)
	}
	for _, e := range events {
		if e.Unknown != "" {
			t.Errorf("%s, %s: unknown: %s", e.Host, e.Name, e.Unknown)
		}
	}
}

// enabled kills the program when two of three nodes know TLS, and when all do
// and the first is to insist on it.
func (r *rolling) enabled(t *testing.T) {
	afterwards(t, r.lab, "rm", "-rf", "/run/lockstep")
	plan := r.example(t, "galera-tls-rolling")
	r.underLoad(t, func() {
		r.kill(t, plan, "the second node's first restart", func(e event) bool { return e.Host == "node2" && did(e, "restart") })
		r.kill(t, plan, "the second pass", func(e event) bool { return e.Event == "stage" && e.Stage == 5 })
	})
	if got, want := r.readable(t, "skip-verify"), []int{lab.PortReplication}; !slices.Equal(got, want) {
		t.Errorf("between the passes: got rows readable on %v, want on %v", got, want)
	}
	r.underLoad(t, func() {
		r.kill(t, plan, "the first node's second restart", func(e event) bool { return e.Host == "node1" && did(e, "restart") })
		exits(t, exitDone, lockstep(t, "", apply(r.lab, plan)...))
	})
	wantWhole(t, r.lab)
	wantNoStrayFile(t, r.lab)
}

func (r *rolling) kill(t *testing.T, plan, what string, moment func(event) bool) {
	t.Helper()
	run := start(t, apply(r.lab, plan)...)
	run.until(what, moment)
	run.kill()
}

func (r *rolling) unreadable(t *testing.T) {
	l, nodes := r.lab, r.lab.Nodes()
	marker, sniffer := lab.NewMarker(), l.NewSniffer()
	must(t, sniffer.Start(t.Context(), marker))
	writeMarkers(t, l, nodes[0], marker)
	must(t, nodes[2].Rejoin(t.Context())) // all data by SST
	must(t, nodes[1].CatchUp(t.Context(), writer(l, nodes[0], marker)))
	wantUnreadable(t, sniffer.Stop(), lab.PortSQL, lab.PortReplication, lab.PortIST, lab.PortSST)
	wantWhole(t, l)
}

func (r *rolling) again(t *testing.T, example string, flags ...string) {
	t.Helper()
	before, starts := look(t, r.lab), startTimes(t, r.lab)
	o := r.run(t, exitDone, "apply", example, append(flags, "-y")...)
	wantWords(t, o.stderr, "nothing to change")
	if diff := cmp.Diff(starts, startTimes(t, r.lab)); diff != "" {
		t.Errorf("servers were restarted (-before +after):\n%s", diff)
	}
	wantUntouched(t, r.lab, before)
}

// disabled takes TLS from replication and transfers. Clients keep it.
func (r *rolling) disabled(t *testing.T) {
	r.underLoad(t, func() { r.run(t, exitDone, "apply", "galera-tls-off", "-y") })
	wantWhole(t, r.lab)
	wantNothingTemporary(t, r.lab)
	if got, want := r.readable(t, "skip-verify"), []int{lab.PortReplication}; !slices.Equal(got, want) {
		t.Errorf("got rows readable on %v, want on %v", got, want)
	}
	for _, n := range r.lab.Nodes() {
		got, err := n.SQL(t.Context(), "SELECT @@wsrep_provider_options")
		must(t, err)
		if strings.Contains(got, "socket.ssl") || strings.Contains(got, "socket.dynamic") || !strings.Contains(got, "gcache.size = 128M;") {
			t.Errorf("%s runs with %s; want no socket.ssl*, and gcache.size as before", n.Name(), got)
		}
	}
}

// account makes the account, which must be everywhere and use TLS, and wants
// nothing left to do. The lab's transfers go by another method.
func (r *rolling) account(t *testing.T) {
	const password = "Pl4ntedOfTheAccount7"
	must(t, os.WriteFile(filepath.Join(r.dir, "sst.secret"), []byte(password+"\n"), 0o600))
	// It may be in environments, where root and the server alone may look: of the
	// clients, which are gone too soon to be sure to see one, and of the server's
	// own scripts for transfers.
	s := &sampler{marks: marks{password}, allowed: []string{"MYSQL_PWD=", "WSREP_SST_OPT_AUTH="}, seen: true}
	r.underLoad(t, func() {
		stop := s.watch()
		defer stop()
		for _, args := range [][]string{{"plan"}, {"apply", "-y", "-vvv"}} {
			o := r.run(t, exitDone, args[0], "galera-sst-user", append(args[1:], "-e", "any_method=true")...)
			s.leak("what "+args[0]+" says", o.stdout+o.stderr)
		}
	})
	s.report(t)
	wantWhole(t, r.lab)
	for _, n := range r.lab.Nodes() {
		got, err := n.SQL(t.Context(), "SELECT CONCAT(Host, ' ', ssl_type) FROM mysql.user WHERE User = 'sstuser'")
		if err != nil || got != "% ANY" {
			t.Errorf("account on %s: got %q, %v; want %% ANY", n.Name(), got, err)
		}
		const login = "MYSQL_PWD=" + password + " mariadb --no-defaults --protocol=tcp --host=%s --user=sstuser %s -BNe 'SELECT 1' 2>/dev/null || echo refused"
		for tls, want := range map[string]string{"--ssl": "1", "--skip-ssl": "refused"} {
			if got := on(t, n, "sh", "-c", fmt.Sprintf(login, r.lab.Nodes()[0].Addr(), tls)); got != want {
				t.Errorf("login from %s with %s: got %q, want %q", n.Name(), tls, got, want)
			}
		}
	}
	r.again(t, "galera-sst-user", "-e", "any_method=true")
}

// added takes all that makes it a member from the third host, and lets it join as
// one that never was.
func (r *rolling) added(t *testing.T) {
	host := r.lab.Nodes()[2]
	password, err := r.lab.Password("sst")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(r.dir, "auth.secret"), []byte("sst:"+password+"\n"), 0o600))
	on(t, host, "sh", "-c", `systemctl stop mariadb && find /var/lib/mysql -mindepth 1 -delete &&
		rm -r /etc/mysql/certs /etc/mysql/mariadb.conf.d/60-galera.cnf /etc/mysql/mariadb.conf.d/70-tls.cnf &&
		install -d -o mysql -g mysql /var/lib/mysql/shop`)
	flags := []string{"-e", "new_node=" + host.Name()}
	before := look(t, r.lab)
	o := r.run(t, exitRefused, "apply", "galera-add-node", append(flags, "-y")...)
	wantWords(t, o.stdout, "holds data of another cluster or of its own")
	wantUntouched(t, r.lab, before)
	on(t, host, "rmdir", "/var/lib/mysql/shop")

	starts := startTimes(t, r.lab)
	r.underLoad(t, func() { r.run(t, exitDone, "apply", "galera-add-node", append(flags, "-y")...) })
	wantWhole(t, r.lab)
	now := startTimes(t, r.lab)
	for _, n := range r.lab.Nodes()[:2] {
		if starts[n.Name()] != now[n.Name()] {
			t.Errorf("%s was restarted: got %s, want %s", n.Name(), now[n.Name()], starts[n.Name()])
		}
	}
	if ports := r.readable(t, "skip-verify"); len(ports) != 0 {
		t.Errorf("got rows readable on %v, want on none", ports)
	}
	r.again(t, "galera-add-node", flags...)
}
