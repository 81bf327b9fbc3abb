package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
)

// problem is one mistake in the plan with the hosts on which it shows; none
// means that it concerns no host in particular.
type problem struct {
	err   error
	hosts []string
}

func (c *compiler) fail(err error) { c.failOn("", err) }

// failOn notes a problem that showed on host, each of a list by itself. One
// written mistake shows on every host, but is one problem.
func (c *compiler) failOn(host string, err error) {
	if list, ok := err.(*multierror.Error); ok {
		for _, e := range list.Errors {
			c.failOn(host, e)
		}
		return
	}
	if err == nil {
		return
	}
	at := slices.IndexFunc(c.problems, func(p *problem) bool { return p.err.Error() == err.Error() })
	if at < 0 {
		at = len(c.problems)
		c.problems = append(c.problems, &problem{err: err})
	}
	if p := c.problems[at]; host != "" && !slices.Contains(p.hosts, host) {
		p.hosts = append(p.hosts, host)
	}
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
	where := " (on " + strings.Join(hosts, ", ") + ")"
	if e, ok := err.(*source.Error); ok {
		named := *e
		named.Msg += where
		return &named
	}
	return fmt.Errorf("%w%s", err, where)
}
