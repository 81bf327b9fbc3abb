package galera

import (
	"fmt"
	"strconv"
	"strings"
)

// noUUID is the uuid of a node that has never been in a cluster, or whose
// state was thrown away.
const noUUID = "00000000-0000-0000-0000-000000000000"

// grastate is Galera's record of where a node stands, in grastate.dat beside
// the data (Galera documentation, "Restarting the Cluster").
type grastate struct {
	exists bool
	uuid   string
	// seqno is the last write of a node that was stopped cleanly, else -1:
	// while it runs, and after a crash.
	seqno int64
	// safe tells that the node was the last one to leave the cluster.
	safe bool
}

func (g grastate) blank() bool { return !g.exists || g.uuid == noUUID }

// parseGrastate reads a grastate.dat. Unknown lines are left alone, since
// newer versions add some.
func parseGrastate(data []byte) (grastate, error) {
	g := grastate{exists: true, seqno: -1}
	for line := range strings.Lines(string(data)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		var err error
		switch value = strings.TrimSpace(value); strings.TrimSpace(name) {
		case "uuid":
			g.uuid = value
		case "seqno":
			g.seqno, err = strconv.ParseInt(value, 10, 64)
		case "safe_to_bootstrap":
			g.safe, err = strconv.ParseBool(value)
		}
		if err != nil {
			return grastate{}, fmt.Errorf("grastate.dat: %q is not a value of %s", value, name)
		}
	}
	if len(g.uuid) != len(noUUID) {
		return grastate{}, fmt.Errorf("grastate.dat: %q is not the uuid of a cluster", g.uuid)
	}
	return g, nil
}

// print renders the file as Galera writes it.
func (g grastate) print() []byte {
	safe := 0
	if g.safe {
		safe = 1
	}
	return fmt.Appendf(nil, "# GALERA saved state\nversion: 2.1\nuuid:    %s\nseqno:   %d\nsafe_to_bootstrap: %d\n", g.uuid, g.seqno, safe)
}

// withSafe returns the text of a grastate.dat with its flag set and all else
// as it was.
func withSafe(data []byte) []byte {
	var b strings.Builder
	found := false
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(strings.TrimSpace(line), "safe_to_bootstrap:") {
			line, found = "safe_to_bootstrap: 1\n", true
		}
		b.WriteString(line)
	}
	if !found { // written by a version before 3.19, which knows no flag
		b.WriteString("safe_to_bootstrap: 1\n")
	}
	return []byte(b.String())
}
