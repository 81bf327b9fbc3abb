package main

import (
	"context"
	"testing"

	"lockstep/cmd/lockstep-lab/lab"
)

// writer writes rows with a marker as an application that asks for TLS.
func writer(l *lab.Lab, n *lab.Node, marker string) func(context.Context) error {
	return func(ctx context.Context) error { return l.WriteMarkers(ctx, n, marker, 20, "skip-verify") }
}

func writeMarkers(t *testing.T, l *lab.Lab, n *lab.Node, marker string) {
	t.Helper()
	must(t, writer(l, n, marker)(t.Context()))
}

// wantUnreadable: there was traffic on each port, all of it was seen, and the
// marker was not in it.
func wantUnreadable(t *testing.T, r lab.SniffReport, ports ...int) {
	t.Helper()
	if r.Dropped > 0 {
		t.Errorf("the sniffer missed %d packets", r.Dropped)
	}
	for _, port := range ports {
		if p := r.Port(port); p.Marker || p.Packets == 0 || p.TLS == 0 {
			t.Errorf("port %d: got %+v; want traffic with TLS and no readable marker", port, p)
		}
	}
}

// wantEncrypted proves client and replication traffic from the wire.
func wantEncrypted(t *testing.T, l *lab.Lab) {
	t.Helper()
	marker, sniffer := lab.NewMarker(), l.NewSniffer(lab.PortSQL, lab.PortReplication)
	must(t, sniffer.Start(t.Context(), marker))
	for _, n := range l.Nodes() {
		writeMarkers(t, l, n, marker)
	}
	r := sniffer.Stop()
	for _, port := range []int{lab.PortSQL, lab.PortReplication} {
		if p := r.Port(port); p.Marker || p.Packets == 0 {
			t.Errorf("port %d: got %+v; want traffic and no readable marker", port, p)
		}
	}
}

// startTimes tell since when each host's server runs.
func startTimes(t *testing.T, l *lab.Lab) map[string]string {
	t.Helper()
	times := map[string]string{}
	for _, n := range l.Nodes() {
		times[n.Name()] = on(t, n, "systemctl", "show", "mariadb", "--property=MainPID,ExecMainStartTimestampMonotonic")
	}
	return times
}
