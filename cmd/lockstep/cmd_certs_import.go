package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/sqlclient"
)

// importFlags name the files of a set that was made elsewhere.
type importFlags struct {
	dir, from string
	files     map[string]*string // by the name it gets
	pass      passphraseFlags
	host      string
	login     sqlclient.Login
}

func (a *app) certsImportCommand() *cobra.Command {
	f := &importFlags{files: map[string]*string{}}
	cmd := &cobra.Command{
		Use:   "import --from DIRECTORY | --host HOST",
		Short: "Take over certificates that were made elsewhere",
		Long: `Brings a set into --dir under the names that plans expect. --from is a directory
that has it under MySQL's names, such as a copy of the *.pem files in the data
directory of one node: MySQL makes such a set for each node, and nodes with
different sets cannot talk. The set of one node, on all nodes, will do.

With --host it comes from a host of the inventory, where --from and all files are
then. Without --from it is the set that the server of the host uses: the running
one is asked, or else its option files, for ssl_ca, ssl_cert and ssl_key; what is
not set is in the data directory. Nothing is changed on the host.

The flags for single files win over --from. The client's certificate may be
missing, and so may the authority's key: then nothing can be renewed here.

The set is judged first, as "certs verify" does, and refused if a server would
refuse it. Keys are written anew (RSA as PKCS#1), certificates without the text
around them. A file of --dir that has other content is never overwritten.`,
		Args: cobra.NoArgs,
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.dir, "dir", "d", "certs", "the `directory` to bring them to")
	fl.StringVar(&f.from, "from", "", "the `directory` that has them")
	for _, one := range [][3]string{
		{caFile, "ca", "CA"}, {caKeyFile, "ca-key", "authority's private key"}, {serverFile, "cert", "server certificate"},
		{serverKeyFile, "key", "server's private key"}, {clientFile, "client-cert", "client certificate"}, {clientKeyFile, "client-key", "client's private key"},
	} {
		f.files[one[0]] = fl.String(one[1], "", "the "+one[2]+" `file`")
	}
	f.pass.declare(cmd)
	fl.StringVar(&f.host, "host", "", "the `host` of the inventory that has them")
	local := names(fl)
	fl.StringVar(&f.login.File, "login-file", "", "an option `file` on that host with user and password, where root cannot log in to the server without them")
	fl.StringVar(&f.login.Socket, "socket", "", "the server's socket on that host; without it the client's default")
	a.inventoryFlags(cmd)
	a.extraFlag(cmd)
	a.reachFlags(cmd)
	remote := slices.DeleteFunc(names(fl), func(name string) bool { return slices.Contains(local, name) })
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var stray error
		fl.Visit(func(g *pflag.Flag) {
			if f.host == "" && slices.Contains(remote, g.Name) {
				stray = fmt.Errorf("--%s goes with --host", g.Name)
			}
		})
		if stray != nil {
			return stray
		}
		return a.certsImport(cmd.Context(), f)
	}
	return cmd
}

// names are those of the flags so far.
func names(fl *pflag.FlagSet) []string {
	var all []string
	fl.VisitAll(func(g *pflag.Flag) { all = append(all, g.Name) })
	return all
}

func (a *app) certsImport(ctx context.Context, f *importFlags) error {
	found, err := a.importable(ctx, f)
	if err != nil {
		return err
	}
	if err := a.judgeImport(found); err != nil {
		return err
	}
	written, err := a.normal(ctx, f, found)
	if err != nil {
		return refused(err)
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return err
	}
	return a.writeImport(ctx, dir, written)
}

// importable is the content of the files that are there, by the names they get.
func (a *app) importable(ctx context.Context, f *importFlags) (map[string][]byte, error) {
	if f.host != "" {
		return a.importableOf(ctx, f)
	}
	return f.read(f.places(filepath.Join), os.ReadFile)
}

// importPlace is where a file is looked for.
type importPlace struct {
	path  string
	named bool // by a flag of its own, so that it must be there
}

// places are those that the flags name.
func (f *importFlags) places(join func(...string) string) map[string]importPlace {
	out := map[string]importPlace{}
	for name, given := range f.files {
		switch {
		case *given != "":
			out[name] = importPlace{*given, true}
		case f.from != "":
			out[name] = importPlace{join(f.from, name), false}
		}
	}
	return out
}

// read takes the files that are there.
func (f *importFlags) read(places map[string]importPlace, readFile func(string) ([]byte, error)) (map[string][]byte, error) {
	found := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(places)) {
		data, err := readFile(places[name].path)
		if errors.Is(err, fs.ErrNotExist) && !places[name].named {
			continue
		}
		if err != nil {
			return nil, err
		}
		found[name] = data
	}
	for _, name := range []string{caFile, serverFile, serverKeyFile} {
		switch at, looked := places[name]; {
		case found[name] != nil:
		case looked:
			return nil, fmt.Errorf("there is no %s: give --from or the flag for it", at.path)
		default:
			return nil, fmt.Errorf("there is no %s: give --from or the flag for it", name)
		}
	}
	if (found[clientFile] == nil) != (found[clientKeyFile] == nil) {
		return nil, fmt.Errorf("%s and %s go together, and one of them is missing", clientFile, clientKeyFile)
	}
	return found, nil
}

// judgeImport refuses what a server would refuse, and tells the rest.
func (a *app) judgeImport(found map[string][]byte) error {
	bad := false
	for _, role := range []pki.Role{pki.RoleServer, pki.RoleClient} {
		cert, key := leafFiles(role)
		if found[cert] == nil {
			continue
		}
		fs := pki.Check(pki.Set{Cert: found[cert], Key: found[key], CA: found[caFile]}, pki.CheckOptions{Now: time.Now(), Role: role})
		bad = bad || pki.Worst(fs) == pki.Fail
		if len(fs) > 0 {
			a.sayPart(cert + ":\n" + findingsText(fs))
		}
	}
	if bad {
		return &outcome{exitRefused, "refused before anything was changed: a server or a client would refuse these certificates", nil}
	}
	return nil
}

// normal is the set as it is written here.
func (a *app) normal(ctx context.Context, f *importFlags, found map[string][]byte) (map[string][]byte, error) {
	out := map[string][]byte{}
	for name, data := range found {
		var err error
		switch {
		case name == caKeyFile:
			out[name], err = a.normalCAKey(ctx, f, found)
		case strings.HasSuffix(name, "-key.pem"):
			out[name], err = normalKey(data)
		default:
			out[name], err = normalCerts(data)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}

func normalKey(data []byte) ([]byte, error) {
	key, err := pki.ParseKey(data)
	if err != nil {
		return nil, err
	}
	return pki.EncodeKey(key)
}

func normalCerts(data []byte) ([]byte, error) {
	certs, err := pki.ParseCerts(data)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, c := range certs {
		out = append(out, pki.EncodeCert(c)...)
	}
	return out, nil
}

// normalCAKey leaves an encrypted key encrypted. That it belongs to the first
// authority is proven by opening it.
func (a *app) normalCAKey(ctx context.Context, f *importFlags, found map[string][]byte) ([]byte, error) {
	key := found[caKeyFile]
	passphrase := ""
	if pki.IsEncryptedKey(key) {
		var err error
		if passphrase, err = a.readPassphrase(ctx, f.pass, true); err != nil {
			return nil, err
		}
		a.redactor.Add(passphrase)
	}
	pair, err := pki.OpenPair(found[caFile], key, passphrase)
	if err != nil {
		return nil, err
	}
	if passphrase != "" {
		return key, nil
	}
	return pair.KeyPEM()
}

// writeImport writes keys first: a certificate without its key is the worse
// half. Nothing that differs is overwritten.
func (a *app) writeImport(ctx context.Context, dir string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data := files[name]
		there, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && !bytes.Equal(there, data) {
			return refused(fmt.Errorf("%s is there already and has other content: move it away, or choose another --dir", filepath.Join(dir, name)))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	h := controlHost{}
	mode := fs.FileMode(0o700)
	if err := h.Mkdir(ctx, dir, steps.Attrs{Mode: &mode}); err != nil {
		return err
	}
	for _, name := range []string{caKeyFile, caFile, serverKeyFile, serverFile, clientKeyFile, clientFile} {
		data, ok := files[name]
		if !ok {
			continue
		}
		mode := fs.FileMode(0o644)
		if strings.HasSuffix(name, "-key.pem") {
			mode = 0o600
		}
		if err := h.WriteFile(ctx, filepath.Join(dir, name), data, steps.Attrs{Mode: &mode}); err != nil {
			return err
		}
		lines, _ := pki.Describe(data)
		if err := a.print(fmt.Sprintf("+ %s: %s\n", filepath.Join(dir, name), strings.Join(lines, "; "))); err != nil {
			return err
		}
	}
	return nil
}
