package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"lockstep/executor"
	"lockstep/internal/optionfile"
	"lockstep/steps"
	"lockstep/steps/serverfiles"
	"lockstep/steps/sqlclient"
)

// importableOf reads the files of a host. It changes nothing there.
func (a *app) importableOf(ctx context.Context, f *importFlags) (map[string][]byte, error) {
	inv, p, err := a.explained(ctx, f.host, "")
	if err != nil {
		return nil, err
	}
	x, closeHosts, err := a.executor(ctx, inv, p, func(executor.Event) {})
	if err != nil {
		return nil, err
	}
	defer closeHosts()
	found, told, err := f.readHost(ctx, x.Machines[f.host])
	for _, line := range told {
		a.say("%s: %s", f.host, line)
	}
	if errors.Is(err, fs.ErrPermission) && !a.flags.become {
		err = fmt.Errorf("%w\n  do:  become root (-b)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.host, err)
	}
	return found, nil
}

// readHost returns the files of a host, and what to tell of them.
func (f *importFlags) readHost(ctx context.Context, r steps.Reader) (found map[string][]byte, told []string, err error) {
	places := f.places(path.Join)
	if f.from == "" {
		used, said, err := serverSet(ctx, r, f.login)
		if err != nil {
			return nil, nil, err
		}
		told = append(told, said)
		for name, at := range used {
			if _, given := places[name]; !given {
				places[name] = importPlace{at, false}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(places)) {
		if at := places[name].path; !path.IsAbs(at) {
			return nil, told, fmt.Errorf("%s is no absolute path on the host", at)
		}
	}
	found, err = f.read(places, func(at string) ([]byte, error) { return r.ReadFile(ctx, at) })
	if found[caKeyFile] != nil {
		told = append(told, fmt.Sprintf("%s is the authority's key: whoever reads it can make certificates that every node trusts. Remove it there when it is here", places[caKeyFile].path))
	}
	return found, told, err
}

// serverSet is where the server of a host has its certificates, by the names of
// MySQL's documentation. What it is not told is in its data directory, where a
// MySQL server makes it for itself; what it has no option for, beside its CA
// file.
func serverSet(ctx context.Context, r steps.Reader, l sqlclient.Login) (at map[string]string, told string, err error) {
	value, by, err := serverSays(ctx, r, l)
	if err != nil {
		return nil, "", err
	}
	dir := value["datadir"]
	if !path.IsAbs(dir) {
		dir = serverfiles.DataDir
	}
	dir = path.Clean(dir)
	at = map[string]string{}
	for option, name := range map[string]string{"ssl_ca": caFile, "ssl_cert": serverFile, "ssl_key": serverKeyFile} {
		switch given := value[option]; {
		case given == "":
			at[name] = path.Join(dir, name)
		case path.IsAbs(given):
			at[name] = given
		default: // the server's working directory is its data directory
			at[name] = path.Join(dir, given)
		}
	}
	for _, name := range []string{caKeyFile, clientFile, clientKeyFile} {
		at[name] = path.Join(path.Dir(at[caFile]), name)
	}
	return at, fmt.Sprintf("%s, %s and %s, by %s", at[caFile], at[serverFile], at[serverKeyFile], by), nil
}

// serverSays asks the running server for what says where its certificates are,
// and else its option files.
func serverSays(ctx context.Context, r steps.Reader, l sqlclient.Login) (value map[string]string, by string, err error) {
	product, err := serverfiles.Product(ctx, r)
	if err != nil {
		return nil, "", err
	}
	value = map[string]string{}
	options := []string{"datadir", "ssl_ca", "ssl_cert", "ssl_key"}
	var why error
	for _, o := range options {
		v, err := askVariable(ctx, r, l, product, o)
		if err != nil {
			why = err
			break
		}
		if v != nil {
			value[o] = given(v.value)
		}
	}
	if why == nil {
		return value, "the running server", nil
	}
	all, err := serverOptions(ctx, r, product)
	if err != nil {
		return nil, "", err
	}
	for _, o := range options {
		value[o] = ""
		for _, found := range optionfile.Explain(all, o) {
			if found.Counts {
				value[o] = found.Value
			}
		}
	}
	reason, _, _ := strings.Cut(why.Error(), "\n")
	return value, "its option files: " + reason, nil
}

// serverOptions are all that the server of a host would start with.
func serverOptions(ctx context.Context, r steps.Reader, product optionfile.Product) ([]optionfile.Option, error) {
	started, err := serverfiles.StartedAs(ctx, r)
	if err != nil {
		return nil, err
	}
	files, err := started.As(started.Main).Read(ctx, r)
	if err != nil {
		return nil, err
	}
	groups := optionfile.Programs(product, started.Suffix)[0].Groups
	persisted, err := files.Persisted(ctx, r, groups)
	return slices.Concat(files.Options(groups...), persisted, started.Options), err
}
