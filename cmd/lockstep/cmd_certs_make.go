package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"lockstep/internal/pki"
	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/certs"
	"lockstep/steps/param"
)

// certsFlags are the parameters of the kind certs as flags, and how to go about
// it.
type certsFlags struct {
	dir, name, key                    string
	names, issue                      []string
	caLifetime, lifetime, renewBefore string
	pass                              passphraseFlags
	elsewhere                         elsewhereFlags
}

func (a *app) certsInitCommand() *cobra.Command {
	f := &certsFlags{issue: []string{}}
	cmd := &cobra.Command{
		Use:   "init --name CLUSTER",
		Short: "Make an authority, and no certificate yet",
		Long: `Makes ca.pem and ca-key.pem in --dir. An authority that is there is left alone,
whatever its name: replacing one is a rotation of the whole cluster.

Its subject is new each time ("CLUSTER CA DATE-RANDOM"), since two authorities of
one name cannot stand in the same file.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.certsMake(cmd.Context(), *f, f.dir) },
	}
	a.certsFlags(cmd, f)
	cmd.Flags().StringVar(&f.caLifetime, "ca-lifetime", "", "how long the authority is valid (default 3650d)")
	cmd.Flags().BoolVar(&f.pass.encrypt, "encrypt", false, "encrypt the authority's key with a passphrase")
	_ = cmd.MarkFlagRequired("name") // it is declared above
	return cmd
}

func (a *app) certsIssueCommand() *cobra.Command {
	f := &certsFlags{}
	cmd := &cobra.Command{
		Use:   "issue --name CLUSTER --names HOST,ADDRESS,...",
		Short: "Make the certificates for servers and clients",
		Long: `Makes the certificates in --dir that are missing, or that are not what the flags
ask for, each with a new key. What holds is left alone.

` + elsewhereHelp,
		Args: f.elsewhere.args,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat(filepath.Join(f.dir, caFile)); err != nil && f.elsewhere.source == "" {
				return fmt.Errorf("there is no authority in %s: %w\n  do:  lockstep certs init --dir %s --name %s", f.dir, err, f.dir, f.name)
			}
			return a.certsMake(cmd.Context(), *f, f.dir)
		},
	}
	a.certsFlags(cmd, f)
	f.leafFlags(cmd)
	_ = cmd.MarkFlagRequired("name") // it is declared above
	return cmd
}

func (a *app) certsRenewCommand() *cobra.Command {
	f := &certsFlags{}
	cmd := &cobra.Command{
		Use:   "renew",
		Short: "Make those certificates anew that end soon, or whose inputs changed",
		Long: `Makes a certificate anew, with a new key, when it ends within --renew-before, when
the authority in --dir is another than the one that signed it, or when a flag asks
for something else than it has. Without flags the new one gets the names, the kind
of key and the lifetime of the old one.

With --check nothing is made; with --detailed-exitcode too, the exit code is 2 when
something would be.

` + elsewhereHelp,
		Args: f.elsewhere.args,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.derive(); err != nil {
				return err
			}
			return a.certsMake(cmd.Context(), *f, f.dir)
		},
	}
	a.certsFlags(cmd, f)
	f.leafFlags(cmd)
	return cmd
}

func (a *app) certsFlags(cmd *cobra.Command, f *certsFlags) {
	fl := cmd.Flags()
	fl.StringVarP(&f.dir, "dir", "d", "certs", "the `directory` with the certificates")
	fl.StringVar(&f.name, "name", "", "the cluster's name, from which the subjects are made")
	fl.StringVar(&f.key, "key", "", "the kind of new keys: "+algorithmWords()+" (default rsa-2048)")
	fl.BoolVarP(&a.flags.check, "check", "C", false, "show what would be made, and make nothing")
	a.detailedFlag(cmd)
	f.pass.declare(cmd)
}

func (f *certsFlags) leafFlags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringSliceVar(&f.names, "names", nil, "host names and addresses in the server certificate (localhost is none of them by itself)")
	fl.StringSliceVar(&f.issue, "issue", nil, "which certificates: server, client (default both)")
	fl.StringVar(&f.lifetime, "lifetime", "", "how long a new certificate is valid (default 825d)")
	fl.StringVar(&f.renewBefore, "renew-before", "", "how long before its end one is renewed, but at most a third of its life (default 30d)")
	f.elsewhere.declare(cmd)
}

func algorithmWords() string {
	var words []string
	for _, a := range pki.Algorithms() {
		words = append(words, string(a))
	}
	return strings.Join(words, ", ")
}

// derive fills what no flag gives from the certificates that are there.
func (f *certsFlags) derive() error {
	var found []string
	for _, role := range []pki.Role{pki.RoleServer, pki.RoleClient} {
		file, _ := leafFiles(role)
		data, err := os.ReadFile(filepath.Join(f.dir, file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		leaf, err := pki.ParseCerts(data)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(f.dir, file), err)
		}
		found = append(found, string(role))
		f.deriveFrom(leaf[0], role)
	}
	switch {
	case len(found) == 0:
		return fmt.Errorf("there is no certificate to renew in %s; `lockstep certs issue` makes the first", f.dir)
	case f.name == "":
		return fmt.Errorf("the certificates in %s were made elsewhere: their names do not tell the cluster's; give --name", f.dir)
	}
	if f.issue == nil {
		f.issue = found
	}
	return nil
}

func (f *certsFlags) deriveFrom(leaf *x509.Certificate, role pki.Role) {
	if name, ours := strings.CutSuffix(leaf.Subject.CommonName, " "+string(role)); ours {
		f.name = cmp.Or(f.name, name)
	}
	if role == pki.RoleServer && f.names == nil {
		f.names = pki.Names(leaf)
	}
	f.key = cmp.Or(f.key, string(pki.AlgorithmOf(leaf.PublicKey)))
	f.lifetime = cmp.Or(f.lifetime, param.FormatDuration(pki.Lifetime(leaf).Round(time.Second)))
}

// params are those of the kind.
func (a *app) certsParams(ctx context.Context, f certsFlags, passphrase string) (source.Value, error) {
	all := map[string]any{"dir": f.dir, "name": f.name}
	for name, text := range map[string]string{"key": f.key, "ca_lifetime": f.caLifetime, "lifetime": f.lifetime,
		"renew_before": f.renewBefore, "ca_passphrase": passphrase} {
		if text != "" {
			all[name] = text
		}
	}
	if f.issue != nil {
		all["issue"] = f.issue
	}
	if len(f.names) > 0 {
		all["names"] = f.names
	}
	if err := a.addElsewhere(ctx, f.elsewhere, all); err != nil {
		return source.Value{}, err
	}
	data, err := yaml.Marshal(all)
	if err != nil {
		return source.Value{}, err
	}
	return source.ParseYAML("flags", data)
}

func certsStep(v source.Value) (steps.Step, error) {
	step, set := certs.Kind().New(), &param.Set{}
	step.Params(set)
	if err := set.Decode(v); err != nil {
		return nil, err
	}
	if c, ok := step.(steps.Checker); ok {
		if err := c.Check(); err != nil {
			return nil, err
		}
	}
	return step, nil
}

// certsMake probes and applies a step of the kind certs on this machine.
func (a *app) certsMake(ctx context.Context, f certsFlags, dir string) error {
	passphrase, err := a.passphrase(ctx, f.pass, filepath.Join(dir, caKeyFile))
	if err != nil {
		return err
	}
	v, err := a.certsParams(ctx, f, passphrase)
	if err != nil {
		return err
	}
	step, err := certsStep(v)
	if err != nil {
		return err
	}
	host := controlHost{}
	view := steps.View{Self: host, Control: host}
	change, err := step.Probe(ctx, view)
	if err != nil {
		return refused(err)
	}
	for _, text := range change.Secrets {
		a.redactor.Add(text)
	}
	if err := a.showEdits(change); err != nil || change.Empty() {
		return err
	}
	if a.flags.check {
		if a.flags.detailed {
			return &outcome{exitFailed, fmt.Sprintf("%d changes pending", len(change.Edits)), nil}
		}
		return nil
	}
	if err := step.Apply(ctx, host, change); err != nil {
		return &outcome{exitFailed, "the certificates could not be made", err}
	}
	left, err := step.Probe(ctx, view)
	if err != nil || !left.Empty() {
		return &outcome{exitUnverified, "changed, but not verified", cmp.Or(err, fmt.Errorf("%d changes are left to do", len(left.Edits)))}
	}
	return nil
}

func refused(err error) error {
	return &outcome{exitRefused, "refused before anything was changed", err}
}

// showEdits tells what is made, a line a file.
func (a *app) showEdits(c steps.Change) error {
	var text strings.Builder
	for _, e := range c.Edits {
		fmt.Fprintf(&text, "%s %s", e.Op, e.Subject)
		if e.Summary != "" {
			fmt.Fprintf(&text, ": %s", e.Summary)
		}
		for _, attr := range e.Attrs {
			fmt.Fprintf(&text, ", %s %s", attr.Name, attr.After)
		}
		if e.Why != "" {
			fmt.Fprintf(&text, " (%s)", e.Why)
		}
		text.WriteByte('\n')
	}
	if c.Empty() {
		text.WriteString("as wanted, nothing to do\n")
	}
	return a.print(text.String())
}
