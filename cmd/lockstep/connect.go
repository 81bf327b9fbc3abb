package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
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

// connectFlags declares how hosts are reached, and --json.
func (a *app) connectFlags(cmd *cobra.Command) {
	a.reachFlags(cmd)
	cmd.Flags().BoolVar(&a.flags.json, "json", false, "one JSON object a line; see docs/events.md")
}

// reachFlags declares how hosts are reached.
func (a *app) reachFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&a.flags.user, "user", "u", "", "log in as this `user` where the inventory names none")
	f.StringVar(&a.flags.key, "private-key", "", "log in with this key `file` where the inventory names none")
	f.BoolVarP(&a.flags.become, "become", "b", false, "act as root where the inventory says nothing")
	f.BoolVarP(&a.flags.askBecome, "ask-become-pass", "K", false, "ask for the password of sudo, or of the other user for su (read from stdin when that is no terminal)")
	f.StringVar(&a.flags.becomeFile, "become-password-file", "", "read that password from this `file`")
}

// hosts are the connections of a run: one for each host, and one for each
// other user that steps act as there.
type hosts struct {
	network  *remote.Network
	machines map[string]executor.Machine
	as       map[plan.Acting]executor.Machine
}

// connect dials all of the plan's hosts at the same time. Every host that
// cannot be used is in the one error, in the inventory's order.
func (a *app) connect(ctx context.Context, inv *fleet, p *plan.Plan) (hosts, error) {
	wanted := dials(p)
	conns := make([]executor.Machine, len(wanted))
	failed := make([]error, len(wanted))
	network := remote.NewNetwork(a.log())
	err := a.each(ctx, inv, p, wanted, func(i int, t remote.Target, err error) {
		var conn *remote.Conn
		if err == nil {
			conn, err = network.Dial(ctx, t)
		}
		if failed[i] = err; err == nil {
			conns[i] = conn
		}
	})
	up := hosts{network, map[string]executor.Machine{}, map[plan.Acting]executor.Machine{}}
	for i, d := range wanted {
		switch {
		case conns[i] == nil:
		case d.as == nil:
			up.machines[d.Name] = conns[i]
		default:
			up.as[plan.Acting{Host: d.Name, As: *d.as}] = conns[i]
		}
	}
	if err := cmp.Or(err, ctx.Err(), a.unusable(wanted, failed)); err != nil {
		up.close()
		return hosts{}, err
	}
	return up, nil
}

// each does something with every host at the same time, and with why a host
// cannot even be tried.
func (a *app) each(ctx context.Context, inv *fleet, p *plan.Plan, wanted []dial, act func(int, remote.Target, error)) error {
	password, err := a.becomePassword(ctx)
	if err != nil {
		return err
	}
	phrases := a.passphrases(ctx)
	defer phrases.end()
	var wg sync.WaitGroup
	ways := a.routes()
	for i, d := range wanted {
		t, c, err := a.target(inv, p, d, password)
		if term.IsTerminal(int(a.stdin.Fd())) {
			t.Passphrase, t.Answer = phrases.of, phrases.answer
		}
		wg.Go(func() {
			if err == nil {
				t, err = ways.to(ctx, t, c)
			}
			act(i, t, err)
		})
	}
	wg.Wait()
	return nil
}

// dial is one connection that a plan needs.
type dial struct {
	plan.Host
	as *plan.Identity // nil: the host's own user
}

// dials are the connections that a plan needs: its hosts, those it delegates
// to, and the users that steps act as.
func dials(p *plan.Plan) []dial {
	var out []dial
	known := map[string]plan.Host{}
	for _, h := range slices.Concat(p.Peers, p.Helpers) {
		known[h.Name] = h
		out = append(out, dial{Host: h})
	}
	for _, acting := range p.Actings() {
		out = append(out, dial{known[acting.Host], &acting.As})
	}
	return out
}

// unusable sums up why hosts cannot be used.
func (a *app) unusable(wanted []dial, failed []error) error {
	var list *multierror.Error
	var hosts []string
	code, word := exitRefused, "refused before anything was changed"
	for i, err := range failed {
		if err == nil {
			continue
		}
		if !strings.HasPrefix(err.Error(), wanted[i].Name+":") {
			err = fmt.Errorf("%s: %w", wanted[i].Name, flat(err))
		}
		list = multierror.Append(list, err)
		if !slices.Contains(hosts, wanted[i].Name) {
			hosts = append(hosts, wanted[i].Name)
		}
		if errors.Is(err, steps.ErrUnreachable) {
			code, word = exitUnreachable, "unreachable, and nothing was changed"
		}
	}
	if list == nil {
		return nil
	}
	return &outcome{code, fmt.Sprintf("%s: %s", word, strings.Join(hosts, ", ")), list}
}

// close ends all connections: the work is done or given up.
func (h hosts) close() {
	for _, m := range h.machines {
		_ = m.Close()
	}
	for _, m := range h.as {
		_ = m.Close()
	}
	_ = h.network.Close()
}

// target is what is known of a host without its way: whom to be there, and with
// what secrets.
func (a *app) target(inv *fleet, p *plan.Plan, h dial, password string) (remote.Target, inventory.Connection, error) {
	host, ok := inv.Host(h.Name)
	if !ok {
		return remote.Target{}, inventory.Connection{}, fmt.Errorf("internal error: %s is not in the inventory", h.Name)
	}
	r := inv.reach(host)
	if r.err != nil {
		return remote.Target{}, inventory.Connection{}, r.err
	}
	t := remote.Target{Name: h.Name, Password: r.conn.Password, Secrets: a.redactor, Become: a.becomes(r.conn, p, h)}
	if t.Become.Password == "" {
		t.Become.Password = password
	}
	return t, r.conn, nil
}

// becomes tells whom to become on a host: the inventory first, then the plan and
// flags; a step's own identity goes before them all.
func (a *app) becomes(c inventory.Connection, p *plan.Plan, h dial) remote.Become {
	b := remote.Become{Enabled: c.Become, Method: c.BecomeMethod, User: c.BecomeUser, Password: c.BecomePassword}
	if !c.BecomeGiven {
		b.Enabled = p.Become || a.flags.become
	}
	if h.as != nil {
		b.Enabled, b.User = h.as.Become, h.as.User
	}
	return b
}

// becomePassword reads the password of sudo or su from where the flags say,
// once.
func (a *app) becomePassword(ctx context.Context) (string, error) {
	if a.becomeWord != "" {
		return a.becomeWord, nil
	}
	switch {
	case a.flags.becomeFile != "":
		data, err := os.ReadFile(a.flags.becomeFile)
		if err != nil {
			return "", fmt.Errorf("--become-password-file: %w", err)
		}
		a.becomeWord = strings.TrimRight(string(data), "\r\n")
	case a.flags.askBecome:
		var err error
		if a.becomeWord, err = a.ask(ctx, "become password: "); err != nil {
			return "", err
		}
	}
	a.redactor.Add(a.becomeWord)
	return a.becomeWord, nil
}

// passphrases asks the person at the terminal; all logins share the answers.
func (a *app) passphrases(ctx context.Context) *passphrases {
	if a.phrases == nil {
		a.phrases = &passphrases{ask: func(prompt string) (string, error) { return a.ask(ctx, prompt) }}
	}
	return a.phrases
}
