package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/cmd/lockstep-lab/lab"
	"lockstep/internal/pki"
	"lockstep/internal/tlsprobe"
	"lockstep/steps/rotation"
)

// TestRotatesARunningCluster exchanges certificates and authorities of an
// encrypted cluster under load, in all the ways of the example.
func TestRotatesARunningCluster(t *testing.T) {
	l := plaintext(t)
	dir := filepath.Dir(example(t))
	exits(t, exitDone, lockstep(t, "", apply(l, filepath.Join(dir, "plan.yml"))...))
	text, err := os.ReadFile("../../examples/galera-rotate/plan.yml")
	must(t, err)
	plan := filepath.Join(dir, "rotate.yml")
	must(t, os.WriteFile(plan, bytes.ReplaceAll(text, []byte("settle: 1s"), []byte("settle: 0s")), 0o600))
	r := &rotating{lab: l, dir: dir, plan: plan, since: "2000-01-01"}
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"certificates, by reload", r.leaves},
		{"the authority, by reload", r.authority},
		{"nothing is due after that", r.quiet},
		{"the literal order of a document is refused", r.literal},
		{"a node that trusts the new authority alone is led back", r.byHand},
		{"the authority, by restarts", r.restarts},
		{"killed at random moments", r.killed},
	} {
		if !t.Run(part.name, part.run) {
			t.FailNow() // the rest builds on it
		}
	}
}

// rotating is the job and what its parts share.
type rotating struct {
	lab       *lab.Lab
	dir, plan string
	since     string // ca_since of the runs from now on
}

func (r *rotating) args(command string, vars ...string) []string {
	args := []string{command, "--json", "-i", r.lab.Path("inventory.yml"), r.plan, "-e", fmt.Sprintf("ca_since=%q", r.since)}
	if command == "apply" {
		args = append(args, "-y")
	}
	for _, v := range vars {
		args = append(args, "-e", v)
	}
	return args
}

// renew lets the next run replace the authority.
func (r *rotating) renew() {
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // a certificate's dates have whole seconds
	r.since = time.Now().UTC().Format(time.RFC3339)
}

// quiet wants a run that changes nothing, and restarts nobody.
func (r *rotating) quiet(t *testing.T) {
	starts := startTimes(t, r.lab)
	o := exits(t, exitDone, lockstep(t, "", r.args("apply")...))
	for _, ev := range parseEvents(t, o.stdout) {
		if ev.Counts != nil && (ev.Counts.Changes != 0 || ev.Counts.Unknown != 0 || ev.Counts.Failed != 0) {
			t.Errorf("got counts %+v; want no change", *ev.Counts)
		}
	}
	if diff := cmp.Diff(starts, startTimes(t, r.lab)); diff != "" {
		t.Errorf("servers were restarted (-before +after):\n%s", diff)
	}
}

// underLoad runs the plan while rows are written, does what was planned, and
// ends with a whole cluster in which all pairs can connect.
func (r *rotating) underLoad(t *testing.T, vars ...string) lab.LoadReport {
	t.Helper()
	planned := parseEvents(t, exits(t, exitDone, lockstep(t, "", r.args("plan", vars...)...)).stdout)
	load := r.lab.NewLoad(4)
	must(t, load.Start(t.Context()))
	t.Cleanup(func() { load.Stop() })
	o := exits(t, exitDone, lockstep(t, "", r.args("apply", vars...)...))
	load.Stop()
	done := of(parseEvents(t, o.stdout), func(e event) bool { return !e.DryRun })
	samePlaces(t, planned, done)
	if diff := cmp.Diff(disruptions(planned, "change"), disruptions(done, "changed")); diff != "" {
		t.Errorf("disruptive acts (-planned +done):\n%s", diff)
	}
	report, err := load.Check(t.Context())
	must(t, err)
	t.Logf("load:\n%s", report)
	if report.TotalLost() != 0 || report.Unacknowledged != 0 || report.Acknowledged == 0 {
		t.Errorf("load: got %d rows lost, %d never acknowledged of %d; want 0 and 0 of many", report.TotalLost(), report.Unacknowledged, report.Acknowledged)
	}
	r.wantDone(t)
	return report
}

// unnoticed is what a reload must be: no attempt to write failed, and no server
// was restarted.
func (r *rotating) unnoticed(t *testing.T, run func() lab.LoadReport) {
	t.Helper()
	starts := startTimes(t, r.lab)
	report := run()
	if report.Failed != 0 || report.LongestGap >= time.Second {
		t.Errorf("load: got %d failed attempts (%s), longest gap %s; want 0 and less than 1s", report.Failed, report.LastFailure, report.LongestGap)
	}
	if diff := cmp.Diff(starts, startTimes(t, r.lab)); diff != "" {
		t.Errorf("servers were restarted (-before +after):\n%s", diff)
	}
}

func (r *rotating) leaves(t *testing.T) {
	before := r.read(t, "server-cert.pem")
	for _, name := range []string{"server-cert.pem", "server-key.pem"} {
		must(t, os.Remove(filepath.Join(r.dir, "certs", name)))
	}
	r.unnoticed(t, func() lab.LoadReport { return r.underLoad(t) })
	if bytes.Equal(before, r.read(t, "server-cert.pem")) {
		t.Error("the certificate is the same as before")
	}
}

func (r *rotating) authority(t *testing.T) {
	before := r.read(t, "ca.pem")
	r.renew()
	r.unnoticed(t, func() lab.LoadReport { return r.underLoad(t) })
	if bytes.Equal(before, r.read(t, "ca.pem")) {
		t.Error("the authority is the same as before")
	}
}

func (r *rotating) restarts(t *testing.T) {
	starts := startTimes(t, r.lab)
	r.renew()
	report := r.underLoad(t, "how=restart", "restart=canary")
	t.Logf("longest gap with restarts: %s", report.LongestGap)
	for name, at := range startTimes(t, r.lab) {
		if at == starts[name] {
			t.Errorf("%s was not restarted", name)
		}
	}
}

// begun is a rotation that ended right after the new certificates were made.
func (r *rotating) begun(t *testing.T) {
	t.Helper()
	afterwards(t, r.lab, "rm", "-rf", "/run/lockstep") // what the last command said waits there for whoever asks
	r.renew()
	run := start(t, r.args("apply")...)
	run.until("the new certificates", func(e event) bool { return e.Event == "stage" && e.Stage == 3 })
	run.kill()
}

// literal brings a new authority and a certificate of it to one node at once.
func (r *rotating) literal(t *testing.T) {
	r.begun(t)
	plan := filepath.Join(r.dir, "literal.yml")
	must(t, os.WriteFile(plan, []byte(`
name: the literal order
hosts: pxc
steps:
  - name: both files anew on one node
    serial: 1
    gate: galera
    when: host == "node2"
    steps:
      - copy:
          files:
            - {src: certs/ca.pem, dest: /etc/mysql/certs/ca.pem}
            - {src: certs/server-cert.pem, dest: /etc/mysql/certs/server-cert.pem}
            - {src: certs/server-key.pem, dest: /etc/mysql/certs/server-key.pem, mode: "0640", group: mysql}
      - tls:
          ca: /etc/mysql/certs/ca.pem
          cert: /etc/mysql/certs/server-cert.pem
          key: /etc/mysql/certs/server-key.pem
`), 0o600))
	before := look(t, r.lab)
	o := exits(t, exitRefused, lockstep(t, "", "apply", "-y", "-i", r.lab.Path("inventory.yml"), plan))
	wantWords(t, o.stdout+o.stderr, "node1 does not trust the certificate of node2", "a trust step on all")
	wantUntouched(t, r.lab, before)
}

// byHand makes the state that the document leads to: one node has the new
// authority and its certificate, alone, and has loaded both.
func (r *rotating) byHand(t *testing.T) {
	n := r.lab.Nodes()[0]
	for _, name := range []string{"ca.pem", "server-cert.pem", "server-key.pem"} {
		_, err := n.RunInput(t.Context(), bytes.NewReader(r.read(t, name)), "tee", "/etc/mysql/certs/"+name)
		must(t, err)
	}
	_, err := n.SQL(t.Context(), "FLUSH LOCAL SSL")
	must(t, err)
	if broken := r.broken(t); len(broken) == 0 {
		t.Fatal("all pairs can connect; this proves nothing")
	}
	exits(t, exitDone, lockstep(t, "", r.args("apply")...))
	r.wantDone(t)
}

// killed ends the program a dozen times at random moments of rotations. After
// each all pairs must be able to connect, and the next run goes on from there.
func (r *rotating) killed(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	afterwards(t, r.lab, "rm", "-rf", "/run/lockstep") // what the last command said waits there for whoever asks
	const kills = 12
	for n := 0; n < kills; {
		r.renew()
		for ended := false; !ended; {
			wait := 1 + dice.IntN(20)
			if n == kills {
				wait = 1 << 20
			}
			run := start(t, r.args("apply")...)
			if ended = !run.after(wait); ended {
				exits(t, exitDone, run.end())
				break
			}
			run.kill()
			n++
			if broken := r.broken(t); len(broken) > 0 {
				t.Fatalf("seed %d, kill %d, %d events behind the first: %v cannot connect", seed, n, wait, broken)
			}
		}
		r.wantDone(t)
	}
}

// after reads that many events of the run itself. It is false when the program
// ended before.
func (l *live) after(n int) bool {
	l.t.Helper()
	for n > 0 {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			return false
		}
		if e := parseEvent(l.t, line); !e.DryRun && e.Event != "end" {
			n--
		}
	}
	return true
}

func (r *rotating) read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, "certs", name))
	must(t, err)
	return data
}

// wantDone wants the authority of the control machine, and it alone, on all
// nodes, and a cluster in which each could connect to each.
func (r *rotating) wantDone(t *testing.T) {
	t.Helper()
	wantWhole(t, r.lab)
	wantNothingTemporary(t, r.lab)
	for _, n := range r.lab.Nodes() {
		for _, name := range []string{"ca.pem", "server-cert.pem"} {
			got := on(t, n, "cat", "/etc/mysql/certs/"+name)
			if want := strings.TrimSpace(string(r.read(t, name))); got != want {
				t.Errorf("%s: %s: got\n%s\nwant\n%s", n.Name(), name, got, want)
			}
		}
	}
	if broken := r.broken(t); len(broken) > 0 {
		t.Errorf("%v cannot connect", broken)
	}
}

// broken lists, with the reason, the pairs of nodes of which one could not
// connect to the other again: by the files of both, as after restarts, and with
// the one's files and the other's process.
func (r *rotating) broken(t *testing.T) []string {
	t.Helper()
	var pairs []string
	for _, x := range r.lab.Nodes() {
		cert, key := on(t, x, "cat", "/etc/mysql/certs/server-cert.pem"), on(t, x, "cat", "/etc/mysql/certs/server-key.pem")
		own, err := pki.LoadPair([]byte(cert), []byte(key))
		must(t, err)
		chain, err := pki.ParseCerts([]byte(cert))
		must(t, err)
		trusts, err := pki.ParseCerts([]byte(on(t, x, "cat", "/etc/mysql/certs/ca.pem")))
		must(t, err)
		pair := &tls.Certificate{Certificate: [][]byte{own.Cert.Raw}, PrivateKey: own.Key, Leaf: own.Cert}
		for _, y := range r.lab.Nodes() {
			if x == y {
				continue
			}
			theirs, err := pki.ParseCerts([]byte(on(t, y, "cat", "/etc/mysql/certs/ca.pem")))
			must(t, err)
			if err = rotation.Trusted(chain, theirs, time.Now()); err == nil {
				err = knock(t.Context(), y.Addr().String(), tlsprobe.Options{Certificate: pair, Roots: trusts, Now: time.Now()})
			}
			if err != nil {
				pairs = append(pairs, fmt.Sprintf("%s to %s: %v", x.Name(), y.Name(), err))
			}
		}
	}
	return pairs
}

// knock is a handshake as another node makes it.
func knock(ctx context.Context, address string, o tlsprobe.Options) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(address, "4567"))
	if err != nil {
		return err
	}
	seen, err := tlsprobe.TLS(ctx, conn, o)
	switch {
	case err != nil:
		return err
	case seen.VerifyError != nil:
		return seen.VerifyError
	case seen.Outcome != tlsprobe.OutcomeAccepted:
		return errors.New("it is not let in: " + seen.Alert)
	}
	return nil
}
