package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/log"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lockstep/cmd/lockstep/view"
	"lockstep/executor/journal"
	"lockstep/internal/secret"
	"lockstep/internal/source"
)

// app is one run of the program: its console, flags and what it learned.
type app struct {
	console
	redactor *secret.Redactor
	flags    flags
	view     view.View // set by commands that walk a plan

	becomeWord string // the password for sudo or su, once it was read
	phrases    *passphrases
	pinned     string        // the known_hosts file beside the inventory
	inputs     []source.File // what the plan and the inventory were read from
	limit      string        // the pattern of --limit, its files read

	mu       sync.Mutex
	graceful chan struct{} // closed by the first interrupt, when set
	asked    bool
	signal   bool            // an interrupt has come
	journal  *journal.Writer // of the run that changes hosts
}

// flags are the options that commands share; each command declares those that
// it heeds.
type flags struct {
	inventory  []string
	limit      string
	tags, skip []string
	extra      []string
	vault      vaultFlags
	user, key  string
	become     bool
	askBecome  bool
	becomeFile string
	verbose    int
	json       bool
	detailed   bool
	yes        bool
	check      bool

	out, sign  string
	verify     string
	expires    time.Duration
	approve    string
	allowDrift []string

	fingerprints string
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "lockstep",
		Short: "Bring hosts into the state that a plan describes, in lockstep",
		Long: `lockstep reads a YAML inventory and a YAML plan, shows what the plan would
change on the live hosts, and makes the changes over SSH: in parallel where that
is safe, one host after another where it is not, with a health gate between.

Exit codes:
    0  done, or nothing to change
    1  wrong usage, invalid input, or an internal error
    2  a step failed; with --detailed-exitcode: changes are pending
       of audit: something is not as it should be
    3  refused before anything was changed
    4  hosts unreachable
    5  changed, but not verified
  130  interrupted`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().CountVarP(&a.flags.verbose, "verbose", "v", "say more (-vv: debug)")
	root.AddCommand(a.planCommand(), a.applyCommand(), a.auditCommand(), a.validateCommand(), a.doctorCommand(), a.explainCommand(), a.certsCommand(), a.hostKeysCommand(), a.inventoryCommand(), a.varsCommand(), a.stepsCommand(), a.schemaCommand(), a.unlockCommand(), a.historyCommand(), a.showCommand(), a.resumeCommand())
	return root
}

// version is the module's version as the build knows it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// log makes the logger that -v asks for.
func (a *app) log() *slog.Logger {
	level := log.WarnLevel
	switch {
	case a.flags.verbose == 1:
		level = log.InfoLevel
	case a.flags.verbose > 1:
		level = log.DebugLevel
	}
	return slog.New(log.NewWithOptions(a.masked(a.stderr), log.Options{Level: level, ReportTimestamp: true}))
}

// colour reports whether stdout may be coloured; see no-color.org.
func (a *app) colour() bool {
	return a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" && term.IsTerminal(int(a.stdout.Fd()))
}

func (a *app) newView() view.View {
	if a.flags.json {
		return view.JSON(a.stdout, a.redactor)
	}
	return view.Text(a.stdout, a.redactor, a.colour(), a.flags.verbose > 0)
}

// interrupts ends the returned context at the first interrupt, or, while a run
// changes hosts, only at the second: the first then asks it to stop between
// steps.
func (a *app) interrupts(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup has it ignored
		signal.Notify(signals, syscall.SIGHUP)
	}
	// Nobody may read what a run says any more; that must not end it halfway.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
				a.interrupted(cancel)
			case <-done:
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); cancel() }
}

func (a *app) interrupted(cancel func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.signal = true
	if a.journal != nil {
		a.journal.Interrupt()
	}
	if a.graceful != nil && !a.asked {
		a.asked = true
		close(a.graceful)
		a.say("stopping after the current step; interrupt again to break it off")
		return
	}
	cancel()
}

// gracefully makes the next interrupt close the returned channel.
func (a *app) gracefully() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.graceful = make(chan struct{})
	return a.graceful
}

// untilAsked is ctx that ends when the run is asked to stop, too.
func (a *app) untilAsked(ctx context.Context) (context.Context, context.CancelFunc) {
	a.mu.Lock()
	stop := a.graceful
	a.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
