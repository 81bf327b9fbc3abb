package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// elsewhereFlags say that an authority elsewhere signs; what follows "--" says
// how it is asked.
type elsewhereFlags struct {
	source    string
	how       []string
	secretEnv []string
}

const (
	sourceCommand = "command"
	sourceACME    = "acme"
)

const elsewhereHelp = `An authority elsewhere signs with --source, and what follows "--" says how it is
asked; ca.pem in --dir says whom it must be:

  --source command -- PROGRAM ARG...   a program that gets a signing request on stdin
  --source acme -- --directory URL ... an ACME server; the flags are those of
                                       "lockstep certs acme", without --account

The program runs in / with a small environment.`

func (e *elsewhereFlags) declare(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&e.source, "source", "", "who signs: command or acme (default: the authority in --dir)")
	fl.StringSliceVar(&e.secretEnv, "secret-env", nil, "`names` of variables with secrets that the program finds in its environment")
}

// args takes what follows "--", and nothing before it.
func (e *elsewhereFlags) args(cmd *cobra.Command, args []string) error {
	switch {
	case e.source == "":
		return cobra.NoArgs(cmd, args)
	case e.source != sourceCommand && e.source != sourceACME:
		return fmt.Errorf("--source is %q, but it must be %s or %s", e.source, sourceCommand, sourceACME)
	case len(args) == 0 || cmd.ArgsLenAtDash() != 0:
		return fmt.Errorf(`--source %s needs "--" and behind it how the authority is asked, after all other flags`, e.source)
	}
	e.how = args
	return nil
}

// addElsewhere adds the parameters of the kind certs.
func (a *app) addElsewhere(ctx context.Context, e elsewhereFlags, all map[string]any) error {
	env, err := a.secretEnv(e)
	if err != nil || e.source == "" {
		return err
	}
	all["source"] = e.source
	if len(env) > 0 {
		all["secret_env"] = env
	}
	if e.source == sourceCommand {
		all["command"] = e.how
		return nil
	}
	dir, err := filepath.Abs(fmt.Sprint(all["dir"])) // the program runs elsewhere
	if err != nil {
		return err
	}
	all["dir"] = dir
	all["acme"], err = a.acmeParams(ctx, e.how)
	return err
}

func (a *app) secretEnv(e elsewhereFlags) ([]string, error) {
	if e.source == "" && len(e.secretEnv) > 0 {
		return nil, errors.New("--secret-env goes with --source")
	}
	var env []string
	for _, name := range e.secretEnv {
		value := a.getenv(name)
		if value == "" {
			return nil, fmt.Errorf("--secret-env: %s is not set", name)
		}
		a.redactor.Add(value)
		env = append(env, name+"="+value)
	}
	return env, nil
}

// acmeParams are the flags of `certs acme` as the parameter acme.
func (a *app) acmeParams(ctx context.Context, args []string) (map[string]any, error) {
	f, fl := acmeFlags{}, pflag.NewFlagSet("acme", pflag.ContinueOnError)
	f.server(fl)
	if err := fl.Parse(args); err != nil {
		return nil, fmt.Errorf(`behind "--": %w`, err)
	}
	if fl.NArg() > 0 {
		return nil, fmt.Errorf(`behind "--": %q is no flag of certs acme`, fl.Arg(0))
	}
	binding, err := a.binding(ctx, f)
	if err != nil {
		return nil, err
	}
	params := map[string]any{"directory": f.directory, "agree_terms": f.agreeTerms}
	for name, text := range map[string]string{"profile": f.profile, "http": f.http} {
		if text != "" {
			params[name] = text
		}
	}
	for name, list := range map[string][]string{"contact": f.contact, "dns": f.dns} {
		if len(list) > 0 {
			params[name] = list
		}
	}
	if f.caCert != "" {
		if params["ca"], err = filepath.Abs(f.caCert); err != nil {
			return nil, err
		}
	}
	if binding != nil {
		params["eab_kid"], params["eab_key"] = binding.KeyID, binding.Key
	}
	return params, nil
}
