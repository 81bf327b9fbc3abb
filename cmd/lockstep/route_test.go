package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/executor/remote"
	"lockstep/inventory"
)

// routesOf are those of somebody with this ssh_config.
func routesOf(t *testing.T, config string, f flags) *routes {
	t.Helper()
	home := t.TempDir()
	must(t, os.Mkdir(filepath.Join(home, ".ssh"), 0o700))
	for name, text := range map[string]string{"config": config, "id_ed25519": ""} {
		must(t, os.WriteFile(filepath.Join(home, ".ssh", name), []byte(text), 0o600))
	}
	a := &app{flags: f, pinned: "/inv/known_hosts", console: console{getenv: func(name string) string {
		return map[string]string{"HOME": home, "SSH_AUTH_SOCK": "/agent"}[name]
	}}}
	r := a.routes()
	r.user = "me"
	return r
}

func (r *routes) wants(t *testing.T, c inventory.Connection) remote.Target {
	t.Helper()
	target, err := r.to(t.Context(), remote.Target{}, c)
	must(t, err)
	return target
}

func TestInventoryWinsOverFlagsOverSSHConfigOverDefaults(t *testing.T) {
	config := "Host db1\n HostName 10.0.0.1\n User configured\n Port 2222\n IdentityFile /config\n ConnectTimeout 7\n UserKnownHostsFile /k /dev/null\n IdentityAgent none\n"
	for name, row := range map[string]struct {
		config string
		flags  flags
		conn   inventory.Connection
		user   string
		port   int
		keys   []string
		wait   time.Duration
		known  string
	}{
		"defaults": {user: "me", port: 22, keys: []string{"HOME/.ssh/id_ed25519"}, known: "HOME/.ssh/known_hosts"},
		"config":   {config: config, user: "configured", port: 2222, keys: []string{"/config"}, wait: 7 * time.Second, known: "/k"},
		"flags":    {config: config, flags: flags{user: "flag", key: "/flag"}, user: "flag", port: 2222, keys: []string{"/flag", "/config"}, wait: 7 * time.Second, known: "/k"},
		"inventory": {
			config: config, flags: flags{user: "flag", key: "/flag"},
			conn: inventory.Connection{User: "inv", Port: 99, IdentityFiles: []string{"/inv"}, ConnectTimeout: time.Second, KnownHosts: []string{"/i"}},
			user: "inv", port: 99, keys: []string{"/inv", "/config"}, wait: time.Second, known: "/i",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := routesOf(t, row.config, row.flags)
			row.conn.Address = "db1"
			got := r.wants(t, row.conn)
			for i := range row.keys {
				row.keys[i] = strings.ReplaceAll(row.keys[i], "HOME", r.home)
			}
			known := []string{strings.ReplaceAll(row.known, "HOME", r.home), "/inv/known_hosts", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
			if got.User != row.user || got.Port != row.port || !slices.Equal(got.Keys, row.keys) || got.Timeout != row.wait || !slices.Equal(got.KnownHosts, known) {
				t.Errorf("got %+v", got)
			}
			if (got.AgentSocket == "/agent") != (row.config == "") {
				t.Errorf("the agent is %q", got.AgentSocket)
			}
		})
	}
}

func TestJumpsAreSetUpBySSHConfig(t *testing.T) {
	r := routesOf(t, "Host outer\n User joe\n IdentityFile /outer\nHost inner\n HostName 10.0.0.9\n ProxyJump outer\nHost db*\n ProxyJump inner,last:2022\n", flags{user: "flag", key: "/flag"})
	last := r.wants(t, inventory.Connection{Address: "db1"}).Via
	inner, outer := last.Via, last.Via.Via
	if last.Name != "last" || last.Port != 2022 || last.User != "me" || inner.Address != "10.0.0.9" || outer.User != "joe" || outer.Via != nil {
		t.Errorf("got %+v\n%+v\n%+v", last, inner, outer)
	}
	if !slices.Equal(outer.Keys, []string{"/outer"}) || slices.Contains(inner.Keys, "/flag") {
		t.Errorf("the keys are %q and %q", outer.Keys, inner.Keys)
	}
}

func TestInventorysWayWinsOverThatOfSSHConfig(t *testing.T) {
	r := routesOf(t, "Host db1\n ProxyJump b1\nHost db2\n ProxyCommand nc %h %p\n", flags{})
	for name, row := range map[string]struct {
		conn inventory.Connection
		via  string
		cmd  string
	}{
		"config":  {inventory.Connection{Address: "db1"}, "b1", ""},
		"command": {inventory.Connection{Address: "db2"}, "", "nc db2 22"},
		"jump":    {inventory.Connection{Address: "db2", ProxyJump: "b2"}, "b2", ""},
		"none":    {inventory.Connection{Address: "db1", ProxyJump: "none"}, "", ""},
		"given":   {inventory.Connection{Address: "db1", Port: 99, ProxyCommand: "x %h:%p"}, "", "x db1:99"},
	} {
		t.Run(name, func(t *testing.T) {
			got, via := r.wants(t, row.conn), ""
			if got.Via != nil {
				via = got.Via.Name
			}
			if via != row.via || got.ProxyCommand != row.cmd {
				t.Errorf("got %q and %q", via, got.ProxyCommand)
			}
		})
	}
}

func TestRouteThatCannotBeIsRefused(t *testing.T) {
	for config, words := range map[string]string{
		"Host *\n ProxyJump b1\n":    "leads back to itself",
		"RevokedHostKeys /revoked\n": "@revoked",
		"ProxyJump -x\n":             "no host name",
	} {
		_, err := routesOf(t, config, flags{}).to(t.Context(), remote.Target{}, inventory.Connection{Address: "db1"})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: got %v", config, err)
		}
	}
}
