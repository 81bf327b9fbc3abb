package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/internal/pki"
	"lockstep/steps/certs"
)

// verifyFlags say what `certs verify` judges against what.
type verifyFlags struct {
	dir, ca, key, role string
	names              []string
	json               bool
}

func (a *app) certsVerifyCommand() *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify [CERT.pem...]",
		Short: "Judge certificates as MySQL, Galera and socat would, by OpenSSL's rules",
		Long: `Judges each certificate with its CA file and, where given, its key: the chain as
"openssl verify" does with the purposes of its role and the security level of TLS
(2), the key, dates, names. Without certificates it judges the sets in --dir.

A server certificate must be good for both sides of a connection, since Galera and
socat present it on both; a client's for its own side.

The exit code is 2 when one of them would be refused, or ends within 7 days.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.certsVerify(*f, args) },
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.dir, "dir", "d", "certs", "the `directory` whose sets are judged when no certificate is named")
	fl.StringVar(&f.ca, "ca", "", "the CA `file` for the named certificates")
	fl.StringVar(&f.key, "key", "", "the private key `file` of the one named certificate")
	fl.StringVar(&f.role, "role", string(pki.RoleServer), "what the named certificates are for: server or client")
	fl.StringSliceVar(&f.names, "names", nil, "host names and addresses that server certificates must carry")
	fl.BoolVar(&f.json, "json", false, "one JSON object a certificate")
	return cmd
}

// judged is one certificate with what was found.
type judged struct {
	file     string
	until    time.Time
	findings []pki.Finding
}

// named is a set of files to judge.
type named struct {
	cert, key, ca string
	role          pki.Role
}

func (f verifyFlags) sets(certs []string) ([]named, error) {
	if len(certs) == 0 {
		return f.setsInDir()
	}
	switch {
	case f.ca == "":
		return nil, errors.New("--ca is missing: the CA file that the certificates are to be verified with")
	case f.key != "" && len(certs) > 1:
		return nil, errors.New("--key goes with one certificate only")
	case f.role != string(pki.RoleServer) && f.role != string(pki.RoleClient):
		return nil, fmt.Errorf("--role is %q, but it must be server or client", f.role)
	}
	var sets []named
	for _, c := range certs {
		sets = append(sets, named{c, f.key, f.ca, pki.Role(f.role)})
	}
	return sets, nil
}

func (f verifyFlags) setsInDir() ([]named, error) {
	var sets []named
	for _, role := range []pki.Role{pki.RoleServer, pki.RoleClient} {
		cert, key := leafFiles(role)
		at := filepath.Join(f.dir, cert)
		_, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sets = append(sets, named{at, filepath.Join(f.dir, key), filepath.Join(f.dir, caFile), role})
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("there is no %s and no %s in %s: name the certificates, or another --dir", serverFile, clientFile, f.dir)
	}
	return sets, nil
}

func (f verifyFlags) judge(n named, now time.Time) (judged, error) {
	var set pki.Set
	for file, dst := range map[string]*[]byte{n.cert: &set.Cert, n.ca: &set.CA, n.key: &set.Key} {
		if file == "" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return judged{}, err
		}
		*dst = data
	}
	o := pki.CheckOptions{Now: now, Role: n.role}
	if n.role == pki.RoleServer {
		o.Names = f.names
	}
	out := judged{file: n.cert, findings: pki.Check(set, o)}
	if certs, err := pki.ParseCerts(set.Cert); err == nil {
		out.until = certs[0].NotAfter
	}
	return out, nil
}

func (a *app) certsVerify(f verifyFlags, args []string) error {
	sets, err := f.sets(args)
	if err != nil {
		return err
	}
	bad := 0
	for _, n := range sets {
		j, err := f.judge(n, time.Now())
		if err != nil {
			return err
		}
		if pki.Worst(j.findings) == pki.Fail {
			bad++
		}
		if err := a.showJudged(j, f.json); err != nil {
			return err
		}
	}
	return unusableSets(bad, len(sets))
}

func unusableSets(bad, all int) error {
	if bad == 0 {
		return nil
	}
	return &outcome{exitFailed, fmt.Sprintf("%d of %d certificates would be refused", bad, all), nil}
}

func (a *app) showJudged(j judged, asJSON bool) error {
	ok := pki.Worst(j.findings) < pki.Fail
	if asJSON {
		return a.encodeLine(map[string]any{"file": j.file, "ok": ok, "until": j.until.UTC(), "findings": findingsJSON(j.findings)})
	}
	word := "REFUSED"
	if ok {
		word = "OK, until " + j.until.UTC().Format(time.DateOnly)
	}
	return a.print(fmt.Sprintf("%s: %s\n%s", j.file, word, findingsText(j.findings)))
}

// findingsText has the worst first, indented.
func findingsText(fs []pki.Finding) string {
	fs = slices.Clone(fs)
	slices.SortStableFunc(fs, func(x, y pki.Finding) int { return int(y.Severity) - int(x.Severity) })
	var text strings.Builder
	for _, f := range fs {
		text.WriteString("  " + strings.ReplaceAll(f.String(), "\n", "\n  ") + "\n")
	}
	return text.String()
}

func findingsJSON(fs []pki.Finding) []map[string]string {
	out := []map[string]string{}
	for _, f := range fs {
		out = append(out, map[string]string{"severity": f.Severity.String(), "code": f.Code, "what": f.What, "why": f.Why, "do": f.Do})
	}
	return out
}

// print writes to stdout with secrets masked.
func (a *app) print(text string) error {
	_, err := a.masked(a.stdout).Write([]byte(text))
	return err
}

func (a *app) certsInspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE|DIRECTORY...",
		Short: "Explain certificates, keys and CA files in words, the verdict first",
		Long: `Finds out which certificate, key and CA file belong together, judges each set as
"certs verify" does, and says what each file holds. A private key is shown by the
fingerprint of its public key alone. The exit code is 2 when something cannot be
used.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.certsInspect(args) },
	}
}

func (a *app) certsInspect(paths []string) error {
	files, err := filesToInspect(paths)
	if err != nil {
		return err
	}
	in := pki.Inspect(files, time.Now())
	if err := a.print(inspectionText(in)); err != nil {
		return err
	}
	if in.Worst() == pki.Fail {
		return &outcome{exitFailed, "not usable as it is", nil}
	}
	return nil
}

// maxInspect bounds what is read of one file: a directory may hold a database.
const maxInspect = 1 << 20

func filesToInspect(paths []string) ([]pki.File, error) {
	var files []pki.File
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			f, err := fileToInspect(p, info)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
			continue
		}
		entries, err := os.ReadDir(p)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Name() == certs.AccountKey { // which belongs to no certificate
				continue
			}
			at := filepath.Join(p, e.Name())
			info, err := os.Stat(at)
			if err != nil {
				return nil, err
			}
			if !info.Mode().IsRegular() || info.Size() > maxInspect {
				continue
			}
			f, err := fileToInspect(at, info)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}

func fileToInspect(at string, info fs.FileInfo) (pki.File, error) {
	if !info.Mode().IsRegular() || info.Size() > maxInspect {
		return pki.File{}, fmt.Errorf("%s is no file of at most %d bytes", at, maxInspect)
	}
	data, err := os.ReadFile(at)
	return pki.File{Name: at, Data: data, Mode: info.Mode().Perm()}, err
}

func inspectionText(in pki.Inspection) string {
	var text strings.Builder
	fmt.Fprintln(&text, in.Verdict())
	for _, s := range in.Sets {
		fmt.Fprintf(&text, "\n%s: %s certificate until %s, key %s, CA %s\n%s", s.Cert, s.Role, s.Until.UTC().Format(time.DateOnly),
			orNone(s.Key), orNone(s.CA), findingsText(s.Findings))
	}
	for _, f := range in.Findings {
		fmt.Fprintf(&text, "\n%s:\n%s", f.File, findingsText([]pki.Finding{f.Finding}))
	}
	for _, f := range in.Files {
		fmt.Fprintf(&text, "\n%s\n  %s\n", f.Name, strings.Join(f.Lines, "\n  "))
	}
	return text.String()
}

func orNone(file string) string {
	if file == "" {
		return "none"
	}
	return file
}
