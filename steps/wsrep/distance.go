package wsrep

import (
	"strconv"
	"strings"
	"time"

	"lockstep/steps"
)

// MaxDistance is the longest round trip at which nodes with and without TLS find
// to each other: one with socket.dynamic waits 750 ms for a ClientHello and,
// as a client, 500 ms for a greeting in plain text, before it takes the other
// side for one of the other sort (Galera source, gu_asio_stream_engine.cpp).
const MaxDistance = 500 * time.Millisecond

// Distance is how far away the nodes are with which one is connected.
type Distance struct {
	Longest time.Duration // the longest of the shortest round trips to each
	Known   bool
}

// DistanceQuery asks the kernel for the round trips between nodes. Nothing is
// sent for it. Without ss nobody can tell.
func DistanceQuery(service string) steps.Command {
	return steps.Command{Argv: []string{"sh", "-c", "# round trips between nodes\nss -tinH state established '( sport = :4567 or dport = :4567 )' 2>/dev/null; exit 0"},
		Reads: []string{"service:" + service}}
}

// ParseDistance reads what ss prints. A mean would count how long the other side
// was asleep, so the shortest round trip of each connection counts.
func ParseDistance(text string) Distance {
	var d Distance
	for _, word := range strings.Fields(text) {
		value, ok := strings.CutPrefix(word, "minrtt:")
		if ms, err := strconv.ParseFloat(value, 64); ok && err == nil {
			d.Known = true
			d.Longest = max(d.Longest, time.Duration(ms*float64(time.Millisecond)))
		}
	}
	return d
}
