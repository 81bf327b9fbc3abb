package sshconfig

import (
	"fmt"
	"slices"
	"strings"
)

// criterion is one condition of a Host or Match line.
type criterion struct {
	kind     string
	not      bool
	patterns []string
}

// understood tells what we decide ourselves. Everything else, above all exec,
// is left to ssh.
func (c criterion) understood() bool {
	return slices.Contains([]string{"host line", "all", "final", "canonical", "host", "originalhost", "user", "localuser"}, c.kind)
}

// parseMatch reads the criteria of a Match line.
func parseMatch(l line) (holds []criterion, err error) {
	if len(l.args) == 0 {
		return nil, fmt.Errorf("%s: Match has no criterion", l.at)
	}
	for args := l.args; len(args) > 0; {
		word, value, given := strings.Cut(args[0], "=")
		args = args[1:]
		c := criterion{kind: strings.ToLower(strings.TrimPrefix(word, "!")), not: strings.HasPrefix(word, "!")}
		if c.kind != "all" && c.kind != "final" && c.kind != "canonical" {
			if !given {
				if len(args) == 0 {
					return nil, fmt.Errorf("%s: Match %s has no value", l.at, c.kind)
				}
				value, args = args[0], args[1:]
			}
			c.patterns = strings.Split(value, ",")
		}
		holds = append(holds, c)
	}
	return holds, nil
}

// holds tells whether the criterion fits what is known of the host so far.
func (s *state) holds(c criterion) bool {
	yes := false
	switch c.kind {
	case "host line":
		yes = matchAny(s.name, c.patterns)
	case "all":
		yes = true
	case "final", "canonical":
		yes = s.second
	case "originalhost":
		yes = matchAny(s.query.Alias, c.patterns)
	case "host":
		yes = matchAny(s.hostName(), c.patterns)
	case "localuser":
		yes = matchAny(s.local, c.patterns)
	case "user":
		yes = matchAny(firstOf(s.query.User, s.raw.one["user"], s.local), c.patterns)
	}
	return yes != c.not
}
