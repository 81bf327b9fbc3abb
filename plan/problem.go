package plan

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
)

// mostHosts is how many hosts a problem names.
const mostHosts = 20

// problem is one mistake in the plan with the hosts on which it shows; none
// means that it concerns no host in particular.
type problem struct {
	err   error
	hosts []string
	on    map[string]bool
}

func (c *compiler) fail(err error) { c.failOn("", err) }

// failOn notes a problem that showed on host, each of a list by itself. One
// written mistake shows on every host, but is one problem.
func (c *compiler) failOn(host string, err error) {
	switch x := err.(type) {
	case nil:
		return
	case *multierror.Error:
		for _, e := range x.Errors {
			c.failOn(host, e)
		}
		return
	case *several:
		for _, e := range x.list {
			c.failOn(host, e)
		}
		return
	}
	text := mistake(err)
	p, ok := c.seen[text]
	if !ok {
		p = &problem{err: err, on: map[string]bool{}}
		c.seen[text] = p
		c.problems = append(c.problems, p)
	}
	if host != "" && !p.on[host] {
		p.on[host] = true
		p.hosts = append(p.hosts, host)
	}
}

// mistake identifies what is wrong: hints may differ from host to host.
func mistake(err error) string {
	if e, ok := err.(*source.Error); ok {
		return e.Pos.String() + " " + e.Msg
	}
	return err.Error()
}

// said returns all problems, and names the hosts where only some have one.
func (c *compiler) said() error {
	var all *multierror.Error
	for _, p := range c.problems {
		err := p.err
		if len(p.hosts) > 0 && len(p.hosts) < len(c.plan.Hosts) {
			err = onHosts(err, p.hosts)
		}
		all = multierror.Append(all, err)
	}
	return all.ErrorOrNil()
}

func onHosts(err error, hosts []string) error {
	named := hosts
	rest := ""
	if len(hosts) > mostHosts {
		named, rest = hosts[:mostHosts], fmt.Sprintf(" and %d others", len(hosts)-mostHosts)
	}
	where := " (on " + strings.Join(named, ", ") + rest + ")"
	if e, ok := err.(*source.Error); ok {
		named := *e
		named.Msg += where
		return &named
	}
	return fmt.Errorf("%w%s", err, where)
}
