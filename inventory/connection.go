package inventory

import (
	"fmt"
	"maps"
	"slices"
	"time"

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
	RunDir         string // a private directory on the host; empty for the default
	ConfigFile     string // in place of the user's ssh_config
	ProxyJump      string // as ssh_config writes it; "none" for no jump
	ProxyCommand   string `json:"-"` // as ssh_config writes it; "none" for no command. It may hold a password
	IdentitiesOnly bool   // the agent's other keys are left out
	AliveInterval  time.Duration
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
	return fmt.Sprintf("%s@%s:%d keys=%q only=%t known_hosts=%q timeout=%s alive=%s config=%q jump=%q proxied=%t become=%t/%s/%s",
		c.User, c.Address, c.Port, c.IdentityFiles, c.IdentitiesOnly, c.KnownHosts, c.ConnectTimeout, c.AliveInterval,
		c.ConfigFile, c.ProxyJump, c.ProxyCommand != "", c.Become, c.BecomeMethod, c.BecomeUser)
}

// GoString is String, so that %#v shows no password either.
func (c Connection) GoString() string { return c.String() }

// Secrets returns the passwords, for the redactor.
func (c Connection) Secrets() []string {
	return slices.DeleteFunc([]string{c.Password, c.BecomePassword}, func(s string) bool { return s == "" })
}

// Connection reads the ansible_* variables of the host: those in vars, and over
// them those that the command line sets. Values are taken as they are; resolving
// expressions is up to the caller. A password that is still a reference to a
// secret is left out.
//
// Relative paths count from Folder, and ~ is the home of who runs this. All
// problems are in the one error, each a *source.Error: a variable or ssh option
// that cannot be honoured is refused, never dropped.
func (h *Host) Connection(vars, over map[string]source.Value) (Connection, error) {
	r := connReader{vars: vars, over: over, conn: Connection{Address: h.Name}}
	for _, layer := range []map[string]source.Value{vars, over} {
		for _, name := range slices.Sorted(maps.Keys(layer)) {
			r.fail(checkConnectionVar(name, layer[name]))
		}
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
