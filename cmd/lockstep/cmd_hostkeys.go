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
	"text/tabwriter"

	"github.com/hashicorp/go-multierror"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lockstep/executor/remote"
	"lockstep/steps"
)

func (a *app) hostKeysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hostkeys",
		Short: "Review, accept and share the host keys of an inventory",
		Long: `Host keys are always checked. These commands fetch the keys of all hosts, through
their jump hosts too, and show their fingerprints in one table. Known_hosts files
are only ever added to; see docs/connection.md.`,
	}
	scan := a.hostKeysVerb("scan [PATTERN]", "Show the keys of the hosts and whether they are known, and change nothing", a.scanHostKeys)
	scan.Flags().BoolVar(&a.flags.detailed, "detailed-exitcode", false, "exit with 2 when there are new keys")
	accept := a.hostKeysVerb("accept [PATTERN]", "Add the new keys of the hosts to the known_hosts file, after a look at them", a.acceptHostKeys)
	accept.Flags().BoolVarP(&a.flags.yes, "auto-approve", "y", false, "do not ask before adding them")
	accept.Flags().StringVar(&a.flags.fingerprints, "fingerprints", "", "add without asking, but only keys whose SHA256 fingerprint stands in this `file`")
	pin := a.hostKeysVerb("pin [PATTERN]", "Add the known keys that the hosts show to known_hosts beside the inventory, for all who share it", a.pinHostKeys)
	cmd.AddCommand(scan, accept, pin)
	return cmd
}

func (a *app) hostKeysVerb(use, short string, act func(context.Context, []hostKeys) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.flags.limit = strings.Join(args, "")
			found, err := a.lookAtHostKeys(cmd.Context())
			if err == nil {
				err = act(cmd.Context(), found)
			}
			return err
		},
	}
	a.inventoryFlags(cmd)
	return cmd
}

// hostKeys is what one host shows.
type hostKeys struct {
	name   string
	target remote.Target
	keys   []remote.ShownKey
	err    error
}

// lookAtHostKeys fetches the keys of all hosts, jump hosts first, and shows
// them. What is wrong with a host stands in its row.
func (a *app) lookAtHostKeys(ctx context.Context) ([]hostKeys, error) {
	inv, p, err := a.patients(ctx, "")
	if err != nil {
		return nil, err
	}
	wanted := dials(p)
	hosts := make([]hostKeys, len(wanted))
	err = a.each(ctx, inv, p, wanted, func(i int, t remote.Target, err error) {
		hosts[i] = hostKeys{name: wanted[i].Name, target: t, err: err}
	})
	if err != nil {
		return nil, err
	}
	all := withJumps(hosts)
	network := remote.NewNetwork(a.log())
	defer func() { _ = network.Close() }()
	var work sync.WaitGroup
	for i := range all {
		h := &all[i]
		work.Go(func() {
			if h.err == nil {
				h.keys, h.err = network.Scan(ctx, h.target)
			}
		})
	}
	work.Wait()
	if err := cmp.Or(ctx.Err(), a.showHostKeys(all)); err != nil {
		return nil, err
	}
	return all, nil
}

// withJumps puts the jump hosts in front, each once, the outermost first.
func withJumps(hosts []hostKeys) []hostKeys {
	var jumps []hostKeys
	for _, h := range hosts {
		var chain []hostKeys
		for via := h.target.Via; via != nil; via = via.Via {
			chain = append([]hostKeys{{name: via.Name, target: *via}}, chain...)
		}
		for _, jump := range chain {
			if !slices.ContainsFunc(jumps, func(j hostKeys) bool { return sameHost(j.target, jump.target) }) {
				jumps = append(jumps, jump)
			}
		}
	}
	return append(jumps, hosts...)
}

func sameHost(a, b remote.Target) bool {
	return a.Name == b.Name && a.Address == b.Address && a.Port == b.Port
}

func (a *app) showHostKeys(hosts []hostKeys) error {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "HOST\tTYPE\tFINGERPRINT\tSTATE")
	for _, h := range hosts {
		if h.err != nil {
			fmt.Fprintf(w, "%s\t-\t-\tnot seen\n", h.name)
		}
		for _, k := range h.keys {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", h.name, k.Type, k.Fingerprint, strings.TrimSuffix(fmt.Sprintf("%s: %s", k.State, k.Why), ": "))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(a.masked(a.stdout), table.String())
	return err
}

// badHostKeys is the outcome when a host shows what it must not, or nothing.
func badHostKeys(hosts []hostKeys) error {
	var list *multierror.Error
	var changed, unseen []string
	code := exitUnreachable
	for _, h := range hosts {
		if h.err != nil {
			list = multierror.Append(list, fmt.Errorf("%s: %w", h.name, flat(h.err)))
			unseen = append(unseen, h.name)
			if !errors.Is(h.err, steps.ErrUnreachable) {
				code = exitRefused
			}
		}
		if bad := only(h.keys, remote.KeyChanged, remote.KeyRevoked); len(bad) > 0 {
			changed = append(changed, h.name)
		}
	}
	switch {
	case len(changed) > 0:
		list = multierror.Append(list, &steps.Problem{
			What: "host keys have changed or are revoked: " + strings.Join(changed, ", "),
			Do:   "find out whether the host was reinstalled or somebody is in between; only then take the known line out by hand (ssh-keygen -R HOST -f FILE) and accept the new key",
		})
		return &outcome{exitRefused, "CHANGED or revoked host keys: " + strings.Join(changed, ", "), list}
	case len(unseen) > 0:
		return &outcome{code, "host keys not seen: " + strings.Join(unseen, ", "), list}
	}
	return nil
}

func only(keys []remote.ShownKey, states ...remote.KeyState) (out []remote.ShownKey) {
	for _, k := range keys {
		if slices.Contains(states, k.State) {
			out = append(out, k)
		}
	}
	return out
}

func count(hosts []hostKeys, states ...remote.KeyState) (n int) {
	for _, h := range hosts {
		n += len(only(h.keys, states...))
	}
	return n
}

func (a *app) scanHostKeys(_ context.Context, hosts []hostKeys) error {
	if err := badHostKeys(hosts); err != nil {
		return err
	}
	if n := count(hosts, remote.KeyNew); n > 0 && a.flags.detailed {
		return &outcome{exitFailed, fmt.Sprintf("%d new host keys", n), nil}
	}
	return nil
}

// acceptHostKeys adds what is new of the hosts that are beyond doubt; the
// others are told after it.
func (a *app) acceptHostKeys(ctx context.Context, hosts []hostKeys) error {
	bad := badHostKeys(hosts)
	vouched, err := a.vouched()
	if err != nil {
		return err
	}
	lines := map[string][]string{}
	added := 0
	for _, h := range hosts {
		for _, k := range only(h.keys, remote.KeyNew) {
			if a.flags.fingerprints == "" || vouched[k.Fingerprint] {
				file := h.target.KnownHosts[0]
				lines[file] = append(lines[file], k.Line(h.target, h.target.HashKnownHosts))
				added++
			}
		}
	}
	left := count(hosts, remote.KeyNew) - added
	if added > 0 {
		if err := a.approveHostKeys(ctx, added); err != nil {
			return err
		}
		if err := appendAll(lines); err != nil {
			return err
		}
	}
	switch {
	case bad != nil:
		return bad
	case left > 0:
		return &outcome{exitRefused, fmt.Sprintf("%d host keys added; %d new ones are not in %s", added, left, a.flags.fingerprints), nil}
	}
	return &outcome{exitDone, fmt.Sprintf("%d host keys added", added), nil}
}

func (a *app) approveHostKeys(ctx context.Context, n int) error {
	if a.flags.yes || a.flags.fingerprints != "" {
		return nil
	}
	if !term.IsTerminal(int(a.stdin.Fd())) {
		return errors.New("there is no terminal to ask for approval; pass --fingerprints FILE, or --auto-approve (-y) if you trust the way to the hosts")
	}
	a.sayPart(fmt.Sprintf("\nAre these %d new keys those of the hosts? Only \"yes\" adds them: ", n))
	line, err := a.readLine(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || strings.TrimSpace(line) != "yes" {
		return &outcome{exitRefused, "not approved, and nothing was added", nil}
	}
	return nil
}

// vouched are the fingerprints in the file of --fingerprints, whatever stands
// around them: `ssh-keygen -lf` writes such lines.
func (a *app) vouched() (map[string]bool, error) {
	if a.flags.fingerprints == "" {
		return nil, nil
	}
	data, err := os.ReadFile(a.flags.fingerprints)
	if err != nil {
		return nil, fmt.Errorf("--fingerprints: %w", err)
	}
	found := map[string]bool{}
	for _, word := range strings.Fields(string(data)) {
		if strings.HasPrefix(word, "SHA256:") {
			found[word] = true
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("--fingerprints: %s has no fingerprint, a word that begins with SHA256", a.flags.fingerprints)
	}
	return found, nil
}

// pinHostKeys shares what is known: keys that the hosts show now and that one of
// the files has.
func (a *app) pinHostKeys(_ context.Context, hosts []hostKeys) error {
	if a.pinned == "" {
		return errors.New("an inventory that is no file has no known_hosts beside it")
	}
	if err := badHostKeys(hosts); err != nil {
		return err
	}
	var lines []string
	for _, h := range hosts {
		for _, k := range only(h.keys, remote.KeyKnown) {
			if !strings.Contains(k.Type, "-cert-") { // an authority's line is written by hand
				lines = append(lines, k.Line(h.target, false))
			}
		}
	}
	if err := appendAll(map[string][]string{a.pinned: lines}); err != nil {
		return err
	}
	if n := count(hosts, remote.KeyNew); n > 0 {
		return &outcome{exitRefused, fmt.Sprintf("%d host keys are in %s; %d new ones are not: run `lockstep hostkeys accept` first", len(lines), a.pinned, n), nil}
	}
	return &outcome{exitDone, fmt.Sprintf("%d host keys are in %s", len(lines), a.pinned), nil}
}

func appendAll(lines map[string][]string) error {
	var problems []error
	for file, l := range lines {
		problems = append(problems, remote.AppendKnownHosts(file, l))
	}
	return errors.Join(problems...)
}
