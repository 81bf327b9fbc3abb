package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
)

// Connection says how to reach a host and whom to become there. A zero field
// means that the inventory says nothing about it. Printing it shows no password.
type Connection struct {
	Address        string // the host's name when there is no ansible_host
	Port           int
	User           string
	IdentityFiles  []string
	KnownHosts     []string
	ConnectTimeout time.Duration
	Become         bool
	BecomeGiven    bool // the inventory says true or false, and a plan's own become gives way
	BecomeMethod   string
	BecomeUser     string
	BecomePassword string `json:"-"`
	Password       string `json:"-"`
}

// BecomeMethods are the words that ansible_become_method may say.
func BecomeMethods() []string { return []string{"doas", "su", "sudo"} }

// String describes the connection without its passwords.
func (c Connection) String() string {
	return fmt.Sprintf("%s@%s:%d keys=%q known_hosts=%q timeout=%s become=%t/%s/%s",
		c.User, c.Address, c.Port, c.IdentityFiles, c.KnownHosts, c.ConnectTimeout, c.Become, c.BecomeMethod, c.BecomeUser)
}

// GoString is String, so that %#v shows no password either.
func (c Connection) GoString() string { return c.String() }

// Secrets returns the passwords, for the redactor.
func (c Connection) Secrets() []string {
	return slices.DeleteFunc([]string{c.Password, c.BecomePassword}, func(s string) bool { return s == "" })
}

// Connection reads the ansible_* variables of the host. Relative paths count
// from the folder of the inventory file (for a value under group_vars/ or
// host_vars/: the folder these stand in), and ~ is the home of who runs this.
// All problems are in the one error, each a *source.Error: a variable or ssh
// option that cannot be honoured is refused, never dropped.
func (h *Host) Connection() (Connection, error) { return h.ConnectionFrom(h.Vars()) }

// ConnectionFrom is Connection with other values: those of h.Vars after their
// expressions were resolved, or with some replaced by flags.
func (h *Host) ConnectionFrom(vars map[string]source.Value) (Connection, error) {
	r := connReader{vars: vars, conn: Connection{Address: h.Name}}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		r.fail(checkConnectionVar(name, vars[name]))
	}
	r.readTarget()
	r.readIdentity()
	r.readBecome()
	for _, name := range []string{"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"} {
		if v, ok := r.text(name); ok {
			r.readArgs(name, v)
		}
	}
	if err := inOrder(r.problems); err != nil {
		return Connection{}, err
	}
	return r.conn, nil
}

// Unresolved returns the names of the connection variables whose values still are
// expressions, sorted. While there are any, Connection refuses them; the caller
// resolves what Vars returns and asks ConnectionFrom.
func (h *Host) Unresolved() []string {
	var names []string
	for _, name := range h.names {
		if v := h.chains[name][0].Value; slices.Contains(understood(), name) && isExpression(v) {
			names = append(names, name)
		}
	}
	return names
}

// isExpression tells of a text that Ansible would fill in.
func isExpression(v source.Value) bool {
	text, _ := v.Any.(string)
	return strings.Contains(text, "{{") || strings.Contains(text, "{%")
}

// Connections returns how to reach each of the hosts, in their order. A problem
// that several hosts share is in the error once.
func Connections(hosts []*Host) ([]Connection, error) {
	var problems *multierror.Error
	told := map[string]bool{}
	conns := make([]Connection, len(hosts))
	for i, h := range hosts {
		conn, err := h.Connection()
		conns[i] = conn
		if err == nil {
			continue
		}
		for _, problem := range multierror.Append(nil, err).Errors {
			if text := problem.Error(); !told[text] {
				told[text] = true
				problems = multierror.Append(problems, problem)
			}
		}
	}
	if err := inOrder(problems); err != nil {
		return nil, err
	}
	return conns, nil
}
