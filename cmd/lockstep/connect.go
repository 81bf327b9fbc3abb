package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lockstep/executor"
	"lockstep/executor/remote"
	"lockstep/inventory"
	"lockstep/plan"
	"lockstep/steps"
)

// connectFlags declares how hosts are reached.
func (a *app) connectFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&a.flags.user, "user", "u", "", "log in as this `user` where the inventory names none")
	f.StringVar(&a.flags.key, "private-key", "", "log in with this key `file` where the inventory names none")
	f.BoolVarP(&a.flags.become, "become", "b", false, "act as root where the inventory says nothing")
	f.BoolVarP(&a.flags.askBecome, "ask-become-pass", "K", false, "ask for the sudo password (read from stdin when that is no terminal)")
	f.StringVar(&a.flags.becomeFile, "become-password-file", "", "read the sudo password from this `file`")
	f.BoolVar(&a.flags.json, "json", false, "one JSON object a line; see docs/events.md")
}

// connect dials all of the plan's hosts at the same time. Every host that
// cannot be used is in the one error, in the inventory's order.
func (a *app) connect(ctx context.Context, inv *inventory.Inventory, p *plan.Plan) (map[string]executor.Machine, error) {
	password, err := a.becomePassword()
	if err != nil {
		return nil, err
	}
	conns := make([]executor.Machine, len(p.Peers))
	failed := make([]error, len(p.Peers))
	log := a.log()
	phrases := a.passphrases()
	defer phrases.end()
	var wg sync.WaitGroup
	for i, h := range p.Peers {
		target, err := a.target(inv, p, h, password)
		if err != nil {
			failed[i] = err
			continue
		}
		if term.IsTerminal(int(a.stdin.Fd())) {
			target.Passphrase = phrases.of
		}
		wg.Go(func() {
			conn, err := remote.Dial(ctx, target, log)
			if failed[i] = err; err == nil {
				conns[i] = conn
			}
		})
	}
	wg.Wait()
	machines := map[string]executor.Machine{}
	for i, h := range p.Peers {
		if conns[i] != nil {
			machines[h.Name] = conns[i]
		}
	}
	if err := a.unusable(p, failed); err != nil {
		closeAll(machines)
		return nil, err
	}
	return machines, ctx.Err()
}

// unusable sums up why hosts cannot be used.
func (a *app) unusable(p *plan.Plan, failed []error) error {
	var list *multierror.Error
	var hosts []string
	code, word := exitRefused, "refused before anything was changed"
	for i, err := range failed {
		if err == nil {
			continue
		}
		if !strings.HasPrefix(err.Error(), p.Peers[i].Name+":") {
			err = fmt.Errorf("%s: %w", p.Peers[i].Name, err)
		}
		list = multierror.Append(list, err)
		hosts = append(hosts, p.Peers[i].Name)
		if errors.Is(err, steps.ErrUnreachable) {
			code, word = exitUnreachable, "unreachable, and nothing was changed"
		}
	}
	if list == nil {
		return nil
	}
	return &outcome{code, fmt.Sprintf("%s: %s", word, strings.Join(hosts, ", ")), list}
}

func closeAll(machines map[string]executor.Machine) {
	for _, m := range machines {
		_ = m.Close() // the work is done or given up
	}
}

// target says how to reach a host: the inventory first, then flags, then what
// ssh itself would use.
func (a *app) target(inv *inventory.Inventory, p *plan.Plan, h plan.Host, password string) (remote.Target, error) {
	host, ok := inv.Host(h.Name)
	if !ok {
		return remote.Target{}, fmt.Errorf("internal error: %s is not in the inventory", h.Name)
	}
	c, err := host.Connection()
	if err != nil {
		return remote.Target{}, err
	}
	t := remote.Target{
		Name: h.Name, Address: c.Address, Port: c.Port, User: c.User, Keys: c.IdentityFiles, Password: c.Password,
		AgentSocket: a.getenv("SSH_AUTH_SOCK"), KnownHosts: a.knownHosts(c), Timeout: c.ConnectTimeout, Secrets: a.redactor,
		Become: remote.Become{Enabled: c.Become, User: c.BecomeUser, Password: c.BecomePassword},
	}
	if !c.BecomeGiven {
		t.Become.Enabled = p.Become || a.flags.become
	}
	if t.Become.Password == "" {
		t.Become.Password = password
	}
	if t.User == "" {
		t.User = a.loginUser()
	}
	if len(t.Keys) == 0 {
		t.Keys = a.keys()
	}
	return t, nil
}

func (a *app) loginUser() string {
	if a.flags.user != "" {
		return a.flags.user
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return a.getenv("USER")
}

func (a *app) keys() []string {
	if a.flags.key != "" {
		return []string{a.flags.key}
	}
	var found []string
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		file := filepath.Join(a.getenv("HOME"), ".ssh", name)
		if _, err := os.Stat(file); err == nil {
			found = append(found, file)
		}
	}
	return found
}

func (a *app) knownHosts(c inventory.Connection) []string {
	files := c.KnownHosts
	if len(files) == 0 {
		files = []string{filepath.Join(a.getenv("HOME"), ".ssh", "known_hosts")}
	}
	return append(files, "/etc/ssh/ssh_known_hosts")
}

// becomePassword reads the sudo password from where the flags say.
func (a *app) becomePassword() (string, error) {
	var password string
	switch {
	case a.flags.becomeFile != "":
		data, err := os.ReadFile(a.flags.becomeFile)
		if err != nil {
			return "", fmt.Errorf("--become-password-file: %w", err)
		}
		password = strings.TrimRight(string(data), "\r\n")
	case a.flags.askBecome:
		var err error
		if password, err = a.ask("sudo password: "); err != nil {
			return "", err
		}
	}
	a.redactor.Add(password)
	return password, nil
}

// passphrases asks the person at the terminal.
func (a *app) passphrases() *passphrases {
	return &passphrases{ask: func(file string) (string, error) { return a.ask("Passphrase of " + file + ": ") }}
}

// ask reads a secret: from the terminal without showing it, or a line of stdin.
func (a *app) ask(prompt string) (string, error) {
	if term.IsTerminal(int(a.stdin.Fd())) {
		a.sayPart(prompt)
		text, err := term.ReadPassword(int(a.stdin.Fd()))
		a.say("")
		return string(text), err
	}
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	if line == "" && err != nil {
		return "", fmt.Errorf("%sstdin gave none: %w", prompt, err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
