package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"sync"

	"lockstep/executor/remote"
	"lockstep/internal/sshconfig"
	"lockstep/inventory"
)

// routes works out how hosts are reached: the inventory first, then flags, then
// ssh_config, then what ssh does by default.
type routes struct {
	app  *app
	home string
	user string // who runs this

	mu      sync.Mutex
	configs map[string]*sshconfig.Config // by the file that -F names
}

func (a *app) routes() *routes {
	r := &routes{app: a, home: a.getenv("HOME"), user: a.getenv("USER"), configs: map[string]*sshconfig.Config{}}
	if u, err := user.Current(); err == nil {
		r.user = u.Username
	}
	return r
}

// config is the ssh_config that a host's connection is read from.
func (r *routes) config(file string) *sshconfig.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.configs[file]
	if !ok {
		c = sshconfig.New(sshconfig.Options{Home: r.home, User: r.user, File: file, Getenv: r.app.getenv})
		r.configs[file] = c
	}
	return c
}

// to fills in the way to a target.
func (r *routes) to(ctx context.Context, t remote.Target, c inventory.Connection) (remote.Target, error) {
	config := r.config(c.ConfigFile)
	q := sshconfig.Query{Alias: c.Address, User: cmp.Or(c.User, r.app.flags.user), Port: c.Port}
	s, err := config.Host(ctx, q)
	if err != nil {
		return t, err
	}
	given := c.IdentityFiles
	if len(given) == 0 && r.app.flags.key != "" {
		given = []string{r.app.flags.key}
	}
	if t, err = r.settle(t, s, given, c.KnownHosts); err != nil {
		return t, err
	}
	t.IdentitiesOnly = t.IdentitiesOnly || c.IdentitiesOnly
	t.RunDir = c.RunDir
	t.Timeout, t.Keepalive = cmp.Or(c.ConnectTimeout, t.Timeout), cmp.Or(c.AliveInterval, t.Keepalive)
	jump, command := s.ProxyJump, s.ProxyCommand
	if c.ProxyJump+c.ProxyCommand != "" {
		jump = c.ProxyJump
		if command, err = config.Command(q, s, c.ProxyCommand); err != nil {
			return t, err
		}
	}
	t.ProxyCommand = command
	t.Via, err = r.chain(ctx, config, t, jump, nil)
	return t, err
}

// settle takes what ssh_config says of a host, behind the keys and known_hosts
// files that are given otherwise.
func (r *routes) settle(t remote.Target, s sshconfig.Settings, keys, known []string) (remote.Target, error) {
	if s.RevokedHostKeys != "" {
		return t, fmt.Errorf("ssh_config sets RevokedHostKeys, which is not understood: write the keys of %s into a known_hosts file, each behind @revoked *", s.RevokedHostKeys)
	}
	t.Address, t.Port, t.User = s.HostName, s.Port, s.User
	t.Keys = slices.Concat(keys, s.Identities)
	if len(keys) == 0 && s.Identities == nil {
		t.Keys = r.defaultKeys()
	}
	t.Certificates, t.IdentitiesOnly = s.Certificates, s.IdentitiesOnly
	switch s.IdentityAgent {
	case "", "SSH_AUTH_SOCK":
		t.AgentSocket = r.app.getenv("SSH_AUTH_SOCK")
	case "none":
	default:
		t.AgentSocket = s.IdentityAgent
	}
	t.KnownHosts, t.HostKeyAlias, t.HashKnownHosts = r.knownHosts(s, known), s.HostKeyAlias, s.HashKnownHosts
	t.HostKeyAlgorithms, t.KexAlgorithms, t.Ciphers, t.MACs = s.HostKeyAlgorithms, s.KexAlgorithms, s.Ciphers, s.MACs
	t.Timeout, t.Keepalive, t.KeepaliveCount = s.ConnectTimeout, s.AliveInterval, s.AliveCount
	return t, nil
}

// chain is the last of the jump hosts in the value of a ProxyJump, with the
// others before it. Each is set up by ssh_config alone, as ssh does it.
func (r *routes) chain(ctx context.Context, config *sshconfig.Config, t remote.Target, jump string, seen []string) (*remote.Target, error) {
	hops, err := sshconfig.Jumps(jump)
	if err != nil {
		return nil, err
	}
	var via *remote.Target
	for i, hop := range hops {
		if slices.Contains(seen, hop.Alias) {
			return nil, fmt.Errorf("ssh_config: the ProxyJump of %s leads back to itself; set ProxyJump none for it", hop.Alias)
		}
		s, err := config.Host(ctx, hop)
		if err != nil {
			return nil, err
		}
		next := remote.Target{Name: hop.Alias, Secrets: t.Secrets, Passphrase: t.Passphrase, Answer: t.Answer, Via: via}
		if next, err = r.settle(next, s, nil, nil); err != nil {
			return nil, err
		}
		if i == 0 { // the others are reached by the one before
			next.ProxyCommand = s.ProxyCommand
			if next.Via, err = r.chain(ctx, config, t, s.ProxyJump, append(slices.Clone(seen), hop.Alias)); err != nil {
				return nil, err
			}
		}
		via = &next
	}
	return via, nil
}

func (r *routes) defaultKeys() []string {
	var found []string
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		file := filepath.Join(r.home, ".ssh", name)
		if _, err := os.Stat(file); err == nil {
			found = append(found, file)
		}
	}
	return found
}

// knownHosts are the user's files, then the one beside the inventory, then the
// system's. What is accepted goes into the first.
func (r *routes) knownHosts(s sshconfig.Settings, given []string) []string {
	files := slices.Clone(given)
	if len(files) == 0 {
		files = slices.DeleteFunc(slices.Clone(s.UserKnownHosts), func(f string) bool { return f == os.DevNull })
	}
	if len(files) == 0 {
		files = []string{filepath.Join(r.home, ".ssh", "known_hosts")}
	}
	if r.app.pinned != "" && !slices.Contains(files, r.app.pinned) {
		files = append(files, r.app.pinned)
	}
	if s.GlobalKnownHosts == nil {
		return append(files, "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
	}
	return append(files, s.GlobalKnownHosts...)
}

// pinnedBeside is the known_hosts file that belongs to an inventory: in its
// folder, or in the first that is a folder. A list of hosts has none.
func pinnedBeside(inventories []string) string {
	for _, path := range inventories {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			continue
		case info.IsDir():
			return filepath.Join(path, "known_hosts")
		}
		return filepath.Join(filepath.Dir(path), "known_hosts")
	}
	return ""
}
