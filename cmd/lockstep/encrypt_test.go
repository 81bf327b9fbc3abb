package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/cmd/lockstep-lab/lab"
)

// TestEncryptsARunningCluster does the main job on real hosts, from a
// plaintext cluster to the proof that nothing of its traffic can be read.
func TestEncryptsARunningCluster(t *testing.T) {
	l := plaintext(t)
	job := &encryption{lab: l, plan: example(t), files: optionFiles(t, l)}
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"before, traffic can be read", job.readable},
		{"plan shows changes and leaves the hosts alone", job.planned},
		{"apply under load does what plan showed and loses nothing", job.applied},
		{"no traffic can be read, state transfers included", job.unreadable},
		{"the operator's lines are still there", job.kept},
		{"a second apply changes and restarts nothing", job.again},
		{"plan finds nothing to do", job.nothingLeft},
	} {
		if !t.Run(part.name, part.run) {
			t.FailNow() // the rest builds on it
		}
	}
}

// encryption is the job and what its parts learn.
type encryption struct {
	lab      *lab.Lab
	plan     string
	files    map[place]string // option files by host and path, before
	foreseen []event
}

// run is a run of the program on the example plan, in which no secret shows.
func (e *encryption) run(t *testing.T, want int, command string, flags ...string) outcomeOf {
	t.Helper()
	o := lockstep(t, "", append([]string{command, "-i", e.lab.Path("inventory.yml"), e.plan}, flags...)...)
	password, err := e.lab.Password("sst") // stands in an option file that is edited
	must(t, err)
	for _, secret := range []string{password, "PRIVATE KEY"} {
		if strings.Contains(o.stdout+o.stderr, secret) {
			t.Errorf("%s shows %q", command, secret)
		}
	}
	return exits(t, want, o)
}

func (e *encryption) readable(t *testing.T) {
	marker, sniffer := lab.NewMarker(), e.lab.NewSniffer()
	must(t, sniffer.Start(t.Context(), marker))
	must(t, e.lab.WriteMarkers(t.Context(), e.lab.Nodes()[0], marker, 20, "false"))
	r := sniffer.Stop()
	for _, port := range []int{lab.PortSQL, lab.PortReplication} {
		if !r.Port(port).Marker {
			t.Errorf("port %d: got %+v; want the marker to be readable before", port, r.Port(port))
		}
	}
}

func (e *encryption) planned(t *testing.T) {
	before := look(t, e.lab)
	e.run(t, exitFailed, "plan", "--detailed-exitcode") // as people see it
	o := e.run(t, exitFailed, "plan", "--json", "--detailed-exitcode")
	e.foreseen = parseEvents(t, o.stdout)
	wantUntouched(t, e.lab, before)
	wantNothingTemporary(t, e.lab)
	if list := editsByPlace(e.foreseen, "change"); len(list) == 0 {
		t.Errorf("the plan has no change:\n%s", o.stdout)
	}
}

func (e *encryption) applied(t *testing.T) {
	load := e.lab.NewLoad(4)
	must(t, load.Start(t.Context()))
	t.Cleanup(func() { load.Stop() })
	o := e.run(t, exitDone, "apply", "-y", "--json")
	load.Stop()
	done := of(parseEvents(t, o.stdout), func(e event) bool { return !e.DryRun })
	samePlaces(t, e.foreseen, done)
	if diff := cmp.Diff(disruptions(e.foreseen, "change"), disruptions(done, "changed")); diff != "" {
		t.Errorf("disruptive acts (-planned +done):\n%s", diff)
	}
	r, err := load.Check(t.Context())
	must(t, err)
	t.Logf("load:\n%s", r)
	if r.TotalLost() != 0 || r.Unacknowledged != 0 || r.Acknowledged == 0 {
		t.Errorf("load: got %d rows lost, %d never acknowledged of %d; want 0 and 0 of many", r.TotalLost(), r.Unacknowledged, r.Acknowledged)
	}
	wantWhole(t, e.lab)
	wantNothingTemporary(t, e.lab)
}

// samePlaces compares what was planned with what was done, step by step.
func samePlaces(t *testing.T, planned, done []event) {
	t.Helper()
	want, got := editsByPlace(planned, "change"), editsByPlace(done, "changed")
	for _, at := range slices.SortedFunc(maps.Keys(want), comparePlaces) {
		if _, ok := got[at]; !ok {
			t.Errorf("%v was planned and not done", at)
			continue
		}
		sameEdits(t, at, want[at], got[at])
	}
	for at := range got {
		if _, ok := want[at]; !ok {
			t.Errorf("%v was done and not planned: %+v", at, got[at])
		}
	}
}

func comparePlaces(a, b place) int { return strings.Compare(a.Host+" "+a.Step, b.Host+" "+b.Step) }

// sameEdits compares all but the evidence, which names times. What only the
// run could make must have been made.
func sameEdits(t *testing.T, at place, want, got []edit) {
	t.Helper()
	for i := range want {
		want[i].Why = ""
	}
	for i := range got {
		got[i].Why = ""
		if i < len(want) && want[i].After != nil && want[i].After.Unsettled {
			if got[i].After == nil || len(got[i].After.SHA256) != 64 || got[i].After.Unsettled {
				t.Errorf("%v: %s was to be settled by the run: got %+v", at, want[i].Subject, got[i].After)
			}
			got[i].After, got[i].Diff = want[i].After, want[i].Diff
		}
		if i < len(want) && i < len(got) && want[i].Before != nil && want[i].Before.Unsettled && got[i].Before != nil {
			got[i].Before = want[i].Before // what an earlier step of the run made
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%v (-planned +done):\n%s", at, diff)
	}
}

// unreadable makes traffic of all four kinds and listens.
func (e *encryption) unreadable(t *testing.T) {
	marker, nodes := lab.NewMarker(), e.lab.Nodes()
	sniffer := e.lab.NewSniffer()
	must(t, sniffer.Start(t.Context(), marker))
	writeMarkers(t, e.lab, nodes[0], marker)
	must(t, nodes[2].Rejoin(t.Context())) // all data by SST
	must(t, nodes[1].CatchUp(t.Context(), writer(e.lab, nodes[0], marker)))
	r := sniffer.Stop()
	wantUnreadable(t, r, lab.PortSQL, lab.PortReplication, lab.PortIST, lab.PortSST)
	wantWhole(t, e.lab)
}

// optionFiles are all option files of all hosts.
func optionFiles(t *testing.T, l *lab.Lab) map[place]string {
	t.Helper()
	files := map[place]string{}
	for _, n := range l.Nodes() {
		for path := range strings.Lines(on(t, n, "find", "/etc/mysql", "-name", "*.cnf", "-type", "f")) {
			path = strings.TrimSpace(path)
			files[place{n.Name(), path}] = on(t, n, "cat", path)
		}
	}
	return files
}

// kept compares the option files line by line with those before: only the
// line of the provider's options may differ, and it keeps what it had.
func (e *encryption) kept(t *testing.T) {
	const provider = "wsrep_provider_options="
	now := optionFiles(t, e.lab)
	for _, at := range slices.SortedFunc(maps.Keys(e.files), comparePlaces) {
		was, is := strings.Split(e.files[at], "\n"), strings.Split(now[at], "\n")
		for i := range was {
			if i < len(is) && strings.HasPrefix(was[i], provider) && strings.HasPrefix(is[i], strings.TrimSuffix(was[i], `"`)) {
				is[i] = was[i]
			}
		}
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("%v (-before +after):\n%s", at, diff)
		}
	}
	for _, n := range e.lab.Nodes() {
		got, err := n.SQL(t.Context(), "SELECT @@wsrep_provider_options")
		must(t, err)
		for _, want := range []string{"gcache.size = 128M;", "gcs.fc_limit = 128;", "gmcast.listen_addr = ssl://"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: wsrep_provider_options of the server: got %s; want %s in it", n.Name(), got, want)
			}
		}
	}
}

func (e *encryption) again(t *testing.T) {
	before, starts := look(t, e.lab), startTimes(t, e.lab)
	o := e.run(t, exitDone, "apply", "-y", "--json")
	for _, ev := range parseEvents(t, o.stdout) {
		if ev.Counts != nil && (ev.Counts.Changes != 0 || ev.Counts.Unknown != 0 || ev.Counts.Failed != 0) {
			t.Errorf("a second apply: got counts %+v; want no change", *ev.Counts)
		}
	}
	if diff := cmp.Diff(starts, startTimes(t, e.lab)); diff != "" {
		t.Errorf("servers were restarted (-before +after):\n%s", diff)
	}
	wantUntouched(t, e.lab, before)
}

func (e *encryption) nothingLeft(t *testing.T) {
	o := e.run(t, exitDone, "plan", "--detailed-exitcode")
	if want := "3 hosts as wanted, nothing to do"; !strings.Contains(o.stdout, want) {
		t.Errorf("got\n%s\nwant %q in it", o.stdout, want)
	}
}
