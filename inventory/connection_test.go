package inventory

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/source"
)

func TestConnectionIsRead(t *testing.T) {
	t.Setenv("HOME", "/home/dba")
	for name, row := range map[string]struct {
		vars string
		want Connection
	}{
		"nothing": {"{}", Connection{Address: "db1"}},
		"usual": {"{ansible_host: 10.0.0.1, ansible_port: 2222, ansible_user: admin, ansible_ssh_private_key_file: ~/.ssh/id}",
			Connection{Address: "10.0.0.1", Port: 2222, User: "admin", IdentityFiles: []string{"/home/dba/.ssh/id"}}},
		"aliases": {`{ansible_ssh_host: "fd00::1", ansible_ssh_port: "22", ansible_ssh_user: a, ansible_user: a}`,
			Connection{Address: "fd00::1", Port: 22, User: "a"}},
		"become": {"{ansible_become: yes, ansible_become_method: sudo, ansible_become_user: mysql, ansible_become_pass: s3cret}",
			Connection{Address: "db1", Become: true, BecomeGiven: true, BecomeMethod: "sudo", BecomeUser: "mysql", BecomePassword: "s3cret"}},
		"no become": {`{ansible_become: "False", ansible_sudo_pass: s3cret, ansible_ssh_pass: hunter22}`,
			Connection{Address: "db1", BecomeGiven: true, BecomePassword: "s3cret", Password: "hunter22"}},
		"empty is unset": {`{ansible_user: "", ansible_host: , ansible_ssh_common_args: ""}`, Connection{Address: "db1"}},
		"args": {`{ansible_ssh_common_args: '-o UserKnownHostsFile="hosts a" -oConnectTimeout=5', ansible_ssh_extra_args: "-i key -i/etc/key -p2200 -i key"}`,
			Connection{Address: "db1", Port: 2200, IdentityFiles: []string{"prod/key", "/etc/key"},
				KnownHosts: []string{"prod/hosts", "prod/a"}, ConnectTimeout: 5 * time.Second}},
		"quoted args": {`{ansible_ssh_args: "-o 'userknownhostsfile \"/a b\" ~/c' -o 'ConnectTimeout 5' -o StrictHostKeyChecking=yes", ansible_timeout: 5}`,
			Connection{Address: "db1", KnownHosts: []string{"/a b", "/home/dba/c"}, ConnectTimeout: 5 * time.Second}},
		"jump": {`{ansible_ssh_common_args: "-J joe@b1,b2:22 -F ssh/config -o IdentitiesOnly=yes -o ServerAliveInterval=30"}`,
			Connection{Address: "db1", ProxyJump: "joe@b1,b2:22", ConfigFile: "prod/ssh/config", IdentitiesOnly: true, AliveInterval: 30 * time.Second}},
		"proxy": {`{ansible_ssh_common_args: "-o ProxyCommand='ssh -W %h:%p \"b1\"'"}`,
			Connection{Address: "db1", ProxyCommand: `ssh -W %h:%p "b1"`}},
		"harmless": {`{ansible_python_interpreter: auto, ansible_shell_type: sh, ansible_connection: ssh, ansible_pipelining: true,
			ansible_host_key_checking: true, ansible_distribution: Debian, mysql_port: 3306}`, Connection{Address: "db1"}},
		"same twice": {"{ansible_port: 22, ansible_ssh_extra_args: -p 22}", Connection{Address: "db1", Port: 22}},
	} {
		t.Run(name, func(t *testing.T) {
			inv, err := Parse("prod/inv.yml", []byte("all: {hosts: {db1: "+row.vars+"}}"))
			if err != nil {
				t.Fatal(err)
			}
			h, _ := inv.Host("db1")
			got, err := h.Connection(h.Vars(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if !cmp.Equal(got, row.want) {
				t.Errorf("got  %v\nwant %v", got, row.want)
			}
		})
	}
}

func TestTheCommandLineWinsUnderAnyName(t *testing.T) {
	inv := parsed(t, `all: {hosts: {db1: {ansible_ssh_user: old, ansible_port: 22, ansible_ssh_pass: hunter22}}}`)
	h, _ := inv.Host("db1")
	value := source.Value{Pos: source.Pos{File: "-e"}}
	over := map[string]source.Value{"ansible_user": value.WithScalar("new"), "ansible_ssh_port": value.WithScalar(2222),
		"ansible_password": value.WithScalar(nil), "ansible_private_key_file": value.WithScalar("keys/id")}
	got, err := h.Connection(h.Vars(), over)
	if err != nil || got.User != "new" || got.Port != 2222 || got.Password != "" || !cmp.Equal(got.IdentityFiles, []string{"keys/id"}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestPasswordsMayBeReadLater(t *testing.T) {
	inv := parsed(t, `all: {hosts: {db1: {ansible_password: !secret {env: A}, ansible_become_pass: !secret {file: b}}}}`)
	h, _ := inv.Host("db1")
	got, err := h.Connection(h.Vars(), nil)
	if err != nil || got.Password != "" || got.BecomePassword != "" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestConnectionPrintsNoPassword(t *testing.T) {
	c := Connection{Password: "hunter22", BecomePassword: "s3cret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, text := range []string{fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c), fmt.Sprintf(verb, []Connection{c})} {
			if strings.Contains(text, "hunter22") || strings.Contains(text, "s3cret") {
				t.Errorf("%s shows a password: %s", verb, text)
			}
		}
	}
	if data, err := json.Marshal(c); err != nil || strings.Contains(string(data), "hunter22") || strings.Contains(string(data), "s3cret") {
		t.Errorf("JSON shows a password: %s, %v", data, err)
	}
	if got := c.Secrets(); !cmp.Equal(got, []string{"hunter22", "s3cret"}) {
		t.Errorf("secrets are %q", got)
	}
}

func TestPathsCountFromTheInventorysFolder(t *testing.T) {
	for file, want := range map[string]string{
		"inv.yml":                       ".",
		"prod/inv.yml":                  "prod",
		"/etc/ls/group_vars/all.yml":    "/etc/ls",
		"prod/group_vars/pxc/ssh/a.yml": "prod",
		"host_vars/db1":                 ".",
		"-i db1,":                       ".",
	} {
		if got := Folder(file); got != want {
			t.Errorf("Folder(%q) = %q, want %q", file, got, want)
		}
	}
}

func TestWordsAreCutAsShDoes(t *testing.T) {
	for text, want := range map[string][]string{
		"":                    nil,
		"  a\tb\n":            {"a", "b"},
		`a'b c'"d e"f`:        {"ab cd ef"},
		`'' ""`:               {"", ""},
		`a\ b "\"\\" "\n" \'`: {"a b", `"\`, `\n`, "'"},
		`'a\'`:                {`a\`},
		`$HOME ~ *`:           {"$HOME", "~", "*"},
	} {
		if got, err := words(text); err != nil || !cmp.Equal(got, want) {
			t.Errorf("words(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`"`, `'a`, `a\`, `"a\"`} {
		if got, err := words(text); err == nil {
			t.Errorf("words(%q) = %q without an error", text, got)
		}
	}
}
