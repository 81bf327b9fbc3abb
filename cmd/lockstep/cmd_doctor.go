package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lockstep/executor/remote"
	"lockstep/plan"
)

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor [PLAN.yml]",
		Short: "Measure what the connections to the hosts cost and offer, and change nothing",
		Long: `Log in to each host, measure, and log out. With a plan: its hosts, and about how
long the plan would take on them, which takes a dry run.

A row has: the login, a round trip, what the login shell and sudo add to the
start of a program, where sftp-server is, how many sessions sshd opens, the clock
against ours, and the file system with the least room.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.doctor(cmd.Context(), strings.Join(args, ""))
		},
	}
	a.planFlags(cmd)
	a.connectFlags(cmd)
	return cmd
}

// examination is what was found on one host.
type examination struct {
	name   string
	target remote.Target
	health remote.Health
	err    error
}

// roomsOf are the folders whose file systems a plan writes to in most cases.
func roomsOf() []string { return []string{"/etc", "/var/lib", "/tmp", "/run"} }

func (a *app) doctor(ctx context.Context, planFile string) error {
	inv, p, err := a.patients(ctx, planFile)
	if err != nil {
		return err
	}
	wanted := dials(p)
	found, err := a.examine(ctx, inv, p, wanted)
	if err != nil {
		return err
	}
	if err := a.showExaminations(found); err != nil {
		return err
	}
	failed := make([]error, len(found))
	for i, f := range found {
		failed[i] = f.err
	}
	if err := a.unusable(wanted, failed); err != nil || planFile == "" {
		return err
	}
	return a.foretell(ctx, inv, p, found)
}

// patients are the hosts of a plan, or without one all that --limit leaves.
func (a *app) patients(ctx context.Context, planFile string) (*fleet, *plan.Plan, error) {
	if planFile != "" {
		return a.loadUnlocked(ctx, planFile)
	}
	paths, err := a.inventoryPaths("plan.yml")
	if err != nil {
		return nil, nil, err
	}
	extra, err := a.extraVars()
	if err != nil {
		return nil, nil, err
	}
	inv, err := a.readInventory(ctx, paths, "", extra)
	if err != nil {
		return nil, nil, err
	}
	limit, err := inv.ReadLimit(a.flags.limit)
	if err != nil {
		return nil, nil, err
	}
	hosts, err := inv.Match(cmp.Or(limit, "all"))
	if err != nil {
		return nil, nil, err
	}
	p := &plan.Plan{}
	for _, h := range hosts {
		p.Peers = append(p.Peers, h.Host)
	}
	return inv, p, a.unlock(ctx, inv, p)
}

// examine looks at all hosts at the same time.
func (a *app) examine(ctx context.Context, inv *fleet, p *plan.Plan, wanted []dial) ([]examination, error) {
	found := make([]examination, len(wanted))
	for i, d := range wanted {
		found[i].name = d.Name
	}
	network := remote.NewNetwork(a.log())
	defer func() { _ = network.Close() }()
	err := a.each(ctx, inv, p, wanted, func(i int, t remote.Target, err error) {
		f := &found[i]
		if f.target, f.err = t, err; err == nil {
			f.health, f.err = network.Examine(ctx, t, roomsOf())
		}
	})
	return found, cmp.Or(err, ctx.Err())
}

func (a *app) showExaminations(found []examination) error {
	if a.flags.json {
		return a.jsonExaminations(found)
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "HOST\tLOGIN\tROUND TRIP\tSHELL\tBECOME\tSFTP\tSESSIONS\tCLOCK\tLEAST ROOM")
	var advice strings.Builder
	for _, f := range found {
		if f.err != nil {
			fmt.Fprintf(w, "%s\t-\t-\t-\t-\t-\t-\t-\t-\n", f.name)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\n", f.name, strings.Join(f.cells(), "\t"))
		for _, line := range f.health.Advice(f.target) {
			fmt.Fprintf(&advice, "%s: %s\n", f.name, line)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(a.masked(a.stdout), table.String(), advice.String())
	return err
}

func (f examination) cells() []string {
	h := f.health
	become, sftp, sessions := "-", "no", fmt.Sprint(h.Sessions)
	if f.target.Become.Enabled {
		become = inMillis(h.Become)
	}
	if h.SFTPServer != "" {
		sftp = "yes"
	}
	if h.Sessions == remote.SessionsWanted {
		sessions += "+"
	}
	return []string{inMillis(h.Login), inMillis(h.RoundTrip), inMillis(h.Shell), become, sftp, sessions, clock(h), leastRoom(h.Rooms)}
}

func inMillis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

// clock shows no more of the skew than was measured.
func clock(h remote.Health) string {
	if h.Skew.Abs() <= h.SkewError || h.Skew.Abs() < 10*time.Millisecond {
		return "same"
	}
	return fmt.Sprintf("%+.2f s", h.Skew.Seconds())
}

func leastRoom(rooms []remote.Room) string {
	if len(rooms) == 0 {
		return "-"
	}
	least := rooms[0]
	for _, r := range rooms {
		if r.Free < least.Free {
			least = r
		}
	}
	return fmt.Sprintf("%d MiB on %s", least.Free>>20, least.Mount)
}

// jsonExaminations writes one object a host; durations are in milliseconds.
func (a *app) jsonExaminations(found []examination) error {
	millis := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	for _, f := range found {
		v := map[string]any{"host": f.name}
		if f.err != nil {
			v["error"] = flat(f.err).Error()
		} else {
			free := map[string]int64{}
			for _, r := range f.health.Rooms {
				free[r.Mount] = r.Free
			}
			v["login_ms"], v["round_trip_ms"], v["shell_ms"] = millis(f.health.Login), millis(f.health.RoundTrip), millis(f.health.Shell)
			if f.target.Become.Enabled {
				v["become_ms"] = millis(f.health.Become)
			}
			v["sftp_server"], v["sessions"] = f.health.SFTPServer, f.health.Sessions
			v["clock_skew_ms"], v["clock_skew_error_ms"] = millis(f.health.Skew), millis(f.health.SkewError)
			v["free_bytes"], v["advice"] = free, f.health.Advice(f.target)
		}
		if err := a.encodeLine(v); err != nil {
			return err
		}
	}
	return nil
}

// encodeLine writes v as one line of JSON with secrets masked.
func (a *app) encodeLine(v any) error {
	enc := json.NewEncoder(a.masked(a.stdout))
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
