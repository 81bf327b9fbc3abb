// Command lockstep-lab makes a rehearsal lab on this machine: throw-away
// hosts with real sshd, systemd and a plaintext MariaDB Galera cluster.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/charmbracelet/log"
	"github.com/spf13/cobra"

	"lockstep/cmd/lockstep-lab/lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := rootCommand().ExecuteContext(ctx)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && errors.Is(err, errRemote) {
		os.Exit(exit.ExitCode()) // the command on the host has said what was wrong
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lockstep-lab:", err)
		os.Exit(1)
	}
}

// app is what all commands share: where the lab is and how it is opened.
type app struct{ dir string }

func (a *app) open() (*lab.Lab, error) {
	handler := log.NewWithOptions(os.Stderr, log.Options{ReportTimestamp: true, TimeFormat: "15:04:05"})
	return lab.Open(a.dir, slog.New(handler))
}

// with is a command without arguments that works on the lab.
func (a *app) with(run func(*cobra.Command, *lab.Lab) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		l, err := a.open()
		if err != nil {
			return err
		}
		return run(cmd, l)
	}
}

func rootCommand() *cobra.Command {
	a := &app{}
	root := &cobra.Command{
		Use:           "lockstep-lab",
		Short:         "Throw-away hosts with a plaintext Galera cluster, for rehearsals and tests",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVar(&a.dir, "dir", lab.DefaultDir(), "state directory (or LOCKSTEP_LAB_DIR)")
	root.AddCommand(upCommand(a), downCommand(a), resetCommand(a), statusCommand(a), sshCommand(a), serveCommand(a), loadCommand(a), sniffCommand(a))
	return root
}
