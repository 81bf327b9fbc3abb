package inventory

import (
	"regexp"
	"slices"
	"strconv"
)

// subscript is a place in what comes before it, or a range of places whose end
// is meant too: pxc[0], pxc[-1], pxc[1:3], pxc[1:].
var subscript = regexp.MustCompile(`^(.+)\[(?:(-?\d+)|(\d*)([:-])(\d*))\]$`)

// places lists the hosts at the places that m found behind a name.
func (m *matcher) places(element, name string, parts []string) ([]*Host, bool) {
	if parts[4] == "-" || parts[2] == "" && parts[3] == "" {
		m.fail(element, "write it as "+parts[1]+"[1:3], counted from 0, with both ends", "the places in %s are not understood", name)
		return nil, false
	}
	found, known := m.named(element, parts[1])
	if !known {
		return nil, false
	}
	hosts := distinct(found)
	first, last, ok := ordinals(parts, len(hosts))
	if !ok {
		m.fail(element, "the first is [0], the last [-1]", "%s has %s, so nothing is at %s", parts[1], count(len(hosts)), name[len(parts[1]):])
		return nil, false
	}
	return hosts[first : last+1], true
}

// ordinals turns the parts of a subscript into the places of the first and the
// last host of n.
func ordinals(parts []string, n int) (first, last int, ok bool) {
	if parts[2] != "" {
		at, err := strconv.Atoi(parts[2])
		if at < 0 {
			at += n
		}
		return at, at, err == nil && at >= 0 && at < n
	}
	first, err := strconv.Atoi(parts[3])
	if err != nil || first >= n {
		return 0, 0, false
	}
	last = n - 1
	if parts[5] != "" {
		end, err := strconv.Atoi(parts[5])
		if err != nil {
			return 0, 0, false
		}
		last = min(last, end)
	}
	return first, last, first <= last
}

func count(n int) string {
	if n == 1 {
		return "1 host"
	}
	return strconv.Itoa(n) + " hosts"
}

// distinct keeps the first of each host.
func distinct(hosts []*Host) []*Host {
	var out []*Host
	seen := map[*Host]bool{}
	for _, h := range hosts {
		if !seen[h] {
			seen[h] = true
			out = append(out, h)
		}
	}
	return slices.Clip(out)
}
