// Package sshconfig answers what OpenSSH's ssh_config says of a host. What it
// understands by itself it reads itself, which costs next to nothing; for the
// rest it asks `ssh -G`. It knows the language of the files and the names of
// settings, opens no connection, and judges no setting.
package sshconfig

import (
	"context"
	"os/exec"
	"sync"
	"time"
)

// Options say whose configuration is read.
type Options struct {
	Home string // of the user who runs this
	User string // the user who runs this
	// File is read in place of the user's and the system's file, as with -F;
	// "none" reads no file.
	File string
	// System is the system's file; "/etc/ssh/ssh_config" when empty.
	System string
	// Program is the ssh that is asked with -G; "ssh" when empty.
	Program string
	Getenv  func(string) string
}

// Query names a host as it would be given to ssh, with what is decided already:
// a zero User or Port is looked up.
type Query struct {
	Alias, User string
	Port        int
}

// Settings is what the files say of one host. Paths and commands are ready for
// use: ~, ${NAME} and % tokens are filled in. A zero field is one of which they
// say nothing, unless its comment says more.
type Settings struct {
	HostName string // the alias, where they name no other
	Port     int    // 22, where they name no other
	User     string // who runs this, where they name no other

	// Identities and Certificates are in order. An Identities that is empty
	// but not nil means that no key file is to be used.
	Identities     []string
	Certificates   []string
	IdentitiesOnly bool
	IdentityAgent  string // a path, "SSH_AUTH_SOCK" or "none"

	ProxyJump    string // see Jumps; never both this and ProxyCommand
	ProxyCommand string

	UserKnownHosts   []string
	GlobalKnownHosts []string
	HostKeyAlias     string
	HashKnownHosts   bool
	RevokedHostKeys  string

	// The lists of algorithms are as written: with a sign in front they change
	// the default.
	HostKeyAlgorithms, KexAlgorithms, Ciphers, MACs string

	AliveInterval  time.Duration
	AliveCount     int
	ConnectTimeout time.Duration
}

// Config is a configuration, read once. It may be used by many goroutines.
type Config struct {
	options Options
	load    func() (*tree, error)
	base    func() (raw, error) // what ssh -G says without any file
	asking  chan struct{}       // bounds how many programs run

	mu    sync.Mutex
	known map[Query]func() (Settings, error)
}

// New returns the configuration; nothing is read before the first question.
func New(o Options) *Config {
	if o.System == "" {
		o.System = "/etc/ssh/ssh_config"
	}
	if o.Program == "" {
		o.Program = "ssh"
	}
	c := &Config{options: o, asking: make(chan struct{}, 4), known: map[Query]func() (Settings, error){}}
	c.load = sync.OnceValues(c.read)
	c.base = sync.OnceValues(c.bare)
	return c
}

// Host looks a host up. The answer is remembered; while it is looked up, ctx
// ends the ssh that is asked.
func (c *Config) Host(ctx context.Context, q Query) (Settings, error) {
	c.mu.Lock()
	answer, ok := c.known[q]
	if !ok {
		answer = sync.OnceValues(func() (Settings, error) { return c.host(ctx, q) })
		c.known[q] = answer
	}
	c.mu.Unlock()
	return answer()
}

func (c *Config) host(ctx context.Context, q Query) (Settings, error) {
	t, err := c.load()
	if err != nil {
		return Settings{}, err
	}
	var r raw
	switch {
	case t.beyond == nil:
		r, err = t.resolve(q, c.options.User)
	case !c.hasProgram():
		err = t.beyond
	default:
		r, err = c.ask(ctx, q)
	}
	if err != nil {
		return Settings{}, err
	}
	return c.finish(q, r)
}

func (c *Config) hasProgram() bool {
	_, err := exec.LookPath(c.options.Program)
	return err == nil
}
