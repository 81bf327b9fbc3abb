package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"lockstep/cmd/lockstep-lab/lab"
)

// refusal is a run that must end before it changes anything.
type refusal struct {
	name  string
	inv   func(*testing.T, *lab.Lab) string
	stdin string
	flags []string
	code  int
	says  []string // in this order on stderr
}

// TestRefusesBeforeAnyHostIsTouched: what is wrong with one host keeps the run
// from all of them.
func TestRefusesBeforeAnyHostIsTouched(t *testing.T) {
	l := healthy(t)
	for _, row := range []refusal{
		{"host unreachable", unreachable, "", nil, exitUnreachable, []string{
			"node2: ssh to root@10.", "no connection", "why: ", "do:  ", "unreachable, and nothing was changed: node2"}},
		{"wrong private key", wrongKey, "", nil, exitRefused, []string{
			"node1: ssh to root@10.", "does not accept our keys or password", "why: ", "do:  ", "node3: ", "nothing was changed|before anything was changed"}},
		{"unknown host key", unknownHostKey, "", nil, exitRefused, []string{
			"node2: the host key of 10.", "is not known", "SHA256:", "why: no line for 10.", "do:  ", "before anything was changed: node2"}},
		{"changed host key", changedHostKey, "", nil, exitRefused, []string{
			"node2: the host key of 10.", "has CHANGED", "why: known is ", "do:  ", "before anything was changed: node2"}},
		{"sudo password missing", as("dba"), "", nil, exitRefused, []string{
			"node1: dba@10.", "cannot become root with sudo", "why: sudo asks for a password and none was given", "do:  give it with -K"}},
		{"sudo password wrong", as("dba"), "not the password\n", []string{"-K"}, exitRefused, []string{
			"node1: dba@10.", "cannot become root with sudo", "why: sudo did not accept the password", "do:  "}},
		{"user without sudo", as("nosudo"), "", nil, exitRefused, []string{
			"node1: nosudo@10.", "cannot become root with sudo", "why: ", "do:  ", "before anything was changed: node1, node2, node3"}},
	} {
		t.Run(row.name, func(t *testing.T) { row.refused(t, l, small(t)) })
	}
}

// refused runs apply and wants code, words and untouched hosts.
func (r refusal) refused(t *testing.T, l *lab.Lab, plan string) {
	t.Helper()
	before := look(t, l)
	o := exits(t, r.code, lockstep(t, r.stdin, slices.Concat([]string{"apply", "-y", "-i", r.inv(t, l), plan}, r.flags)...))
	wantWords(t, o.stderr, r.says...)
	wantUntouched(t, l, before)
	wantNothingTemporary(t, l)
	if r.stdin != "" && strings.Contains(o.stdout+o.stderr, strings.TrimSpace(r.stdin)) {
		t.Errorf("the password is shown:\n%s", o.stderr)
	}
}

// wantWords looks for patterns in order.
func wantWords(t *testing.T, text string, patterns ...string) {
	t.Helper()
	rest := text
	for _, p := range patterns {
		at := regexp.MustCompile(p).FindStringIndex(rest)
		if at == nil {
			t.Errorf("got\n%s\nwant %q in it, after what was wanted before", text, p)
			return
		}
		rest = rest[at[1]:]
	}
}

func as(user string) func(*testing.T, *lab.Lab) string {
	return func(t *testing.T, l *lab.Lab) string {
		return inventoryWith(t, l, map[string]string{"ansible_user: root": "ansible_user: " + user})
	}
}

// unreachable gives node2 the last address of the subnet, where nobody is.
func unreachable(t *testing.T, l *lab.Lab) string {
	t.Helper()
	was := l.Nodes()[1].Addr()
	a := was.As4()
	a[3] = 254
	return inventoryWith(t, l, map[string]string{was.String(): netip.AddrFrom4(a).String()}, "ansible_timeout: 2")
}

func wrongKey(t *testing.T, l *lab.Lab) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	must(t, err)
	return inventoryWith(t, l, map[string]string{l.Path("id_ed25519"): write(t, "id_ed25519", string(pem.EncodeToMemory(block)))})
}

// unknownHostKey leaves node2 out of the known hosts.
func unknownHostKey(t *testing.T, l *lab.Lab) string {
	t.Helper()
	return knowing(t, l, func(line string) string {
		if strings.HasPrefix(line, "node2,") {
			return ""
		}
		return line
	})
}

// changedHostKey has other keys in the known hosts than node2 shows.
func changedHostKey(t *testing.T, l *lab.Lab) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	key, err := ssh.NewPublicKey(public)
	must(t, err)
	return knowing(t, l, func(line string) string {
		if names, _, _ := strings.Cut(line, " "); strings.HasPrefix(line, "node2,") {
			return names + " " + string(ssh.MarshalAuthorizedKey(key))
		}
		return line
	})
}

// knowing is an inventory whose known hosts are the lab's, line by line changed.
func knowing(t *testing.T, l *lab.Lab, change func(line string) string) string {
	t.Helper()
	data, err := os.ReadFile(l.Path("known_hosts"))
	must(t, err)
	var known strings.Builder
	for line := range strings.Lines(string(data)) {
		known.WriteString(change(line))
	}
	return inventoryWith(t, l, map[string]string{l.Path("known_hosts"): write(t, "known_hosts", known.String())})
}

// TestRefusesWhenADiskIsFull finds it out before the hosts with room are
// touched.
func TestRefusesWhenADiskIsFull(t *testing.T) {
	l := healthy(t)
	onAll(t, l, "mkdir", "-p", "/etc/tight")
	afterwards(t, l, "rm", "-rf", "/etc/tight")
	restore, err := l.Nodes()[2].TinyDisk(t.Context(), "/etc/tight", 64<<10)
	must(t, err)
	t.Cleanup(func() { must(t, restore(withoutCancel(t))) })
	plan := write(t, "full.yml", `name: more than fits
hosts: pxc
steps:
  - name: a big file
    copy: {dest: /etc/tight/big, content: "`+strings.Repeat("0123456789abcdef", 12<<10)+`"}
`)
	refusal{"", as("root"), "", nil, exitRefused, []string{
		"node3: ", "no space on /etc/tight", "192|196|200", "64 KiB are free", "do:  ", "before anything was changed: node3"}}.refused(t, l, plan)
}
