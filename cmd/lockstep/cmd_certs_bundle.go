package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"lockstep/internal/pki"
	"lockstep/steps"
)

func (a *app) certsBundleCommand() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "bundle CA.pem CA.pem...",
		Short: "Join CA files into one, as a rotation needs it",
		Long: `Joins the authorities of CA files, each once, so that hosts trust the old and the
new one. Every block gets its own lines, and the result is read back.

Refused are two authorities of one name with different keys, which OpenSSL cannot
tell apart, certificates that are no authority, private keys, and files that
cannot be read as a whole.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.certsBundle(cmd.Context(), args, to) },
	}
	cmd.Flags().StringVarP(&to, "out", "o", "", "write to this `file`, mode 0644 (default: stdout)")
	return cmd
}

func (a *app) certsBundle(ctx context.Context, files []string, to string) error {
	var parts [][]byte
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if _, err := pki.ParseCerts(data); err != nil {
			return refused(fmt.Errorf("%s: %w", f, err))
		}
		parts = append(parts, data)
	}
	out, err := pki.Bundle(parts...)
	if err != nil {
		return refused(err)
	}
	cas, err := pki.ParseCerts(out)
	if err != nil {
		return err
	}
	found := pki.CheckBundle(cas, time.Now())
	if pki.Worst(found) == pki.Fail {
		return refused(errors.New("the files cannot stand in one bundle\n" + findingsText(found)))
	}
	if len(found) > 0 {
		a.sayPart(findingsText(found))
	}
	if to == "" {
		return a.print(string(out))
	}
	return a.writeOut(ctx, to, out)
}

// writeOut writes a file that is no secret, and says what it holds.
func (a *app) writeOut(ctx context.Context, to string, data []byte) error {
	at, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if err := (controlHost{}).WriteFile(ctx, at, data, steps.Attrs{Mode: &mode}); err != nil {
		return err
	}
	lines, _ := pki.Describe(data)
	for _, l := range lines {
		a.say("%s: %s", to, l)
	}
	return nil
}

func (a *app) certsDHParamsCommand() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "dhparams",
		Short: "Write Diffie-Hellman parameters for old state transfers",
		Long: `Writes the group ffdhe2048 of RFC 7919 at once, where "openssl dhparam" takes
minutes. Only nodes whose socat is older than 1.7.3 need it (dhparams.pem in the
data directory): newer ones, and TLS 1.3, do without. "certs inspect" judges a
file that is there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := pki.DHParams()
			switch {
			case err != nil:
				return err
			case to == "":
				return a.print(string(data))
			}
			return a.writeOut(cmd.Context(), to, data)
		},
	}
	cmd.Flags().StringVarP(&to, "out", "o", "", "write to this `file`, mode 0644 (default: stdout)")
	return cmd
}
