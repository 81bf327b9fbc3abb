package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"lockstep/executor"
	"lockstep/steps"
	"lockstep/steps/stepstest"
)

// recording is a member of a cluster as somebody wrote it down; see README.md of
// testdata/pxc for its form.
type recording struct {
	variables, status map[string]string
	units             map[string]string // systemctl show, by unit
	program           string            // what the server program says of its version
}

// recorded makes a machine in memory of a recording, which answers as the host did.
func recorded(t *testing.T, file, name, address string) *stepstest.Fake {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "pxc", file+".txtar"))
	must(t, err)
	f := stepstest.NewFake(name)
	f.SetAddress(address)
	f.PutDir("/run/systemd/system")
	f.PutDir("/var/lib/mysql")
	f.PutDir("/etc/mysql")
	r := recording{units: map[string]string{}}
	for _, part := range archive.Files {
		text := string(part.Data)
		switch unit, isUnit := strings.CutPrefix(part.Name, "systemctl show "); {
		case isUnit:
			r.units[unit] = text
		case part.Name == "variables":
			r.variables = rows(text)
		case part.Name == "status":
			r.status = rows(text)
		case part.Name == "mysqld --version":
			r.program = text
		default:
			f.PutFile(part.Name, text)
		}
	}
	f.OnOther(r.answer)
	return f
}

// rows reads what the client prints with --batch.
func rows(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		all[name] = value
	}
	return all
}

// answer answers what lockstep asks a host. What nobody recorded is an answer of
// code 99, so that a test which needs it fails.
func (r recording) answer(f *stepstest.Fake, c steps.Command) steps.Output {
	said := func(text string) steps.Output { return steps.Output{Stdout: []byte(text)} }
	last := c.Argv[len(c.Argv)-1]
	subject, _, _ := strings.Cut(c.Argv[min(2, len(c.Argv)-1)], "\n")
	switch {
	case strings.HasPrefix(last, "--execute="):
		return said(r.sql(strings.TrimPrefix(last, "--execute=")))
	case c.Argv[0] == "systemctl" && c.Argv[1] == "show":
		if text, ok := r.units[last]; ok {
			return said(text)
		}
		return said("LoadState=not-found\nActiveState=inactive\n")
	case c.Argv[0] == "date" && last == "+%s":
		return said(fmt.Sprintln(f.Now().Unix()))
	case c.Argv[0] == "date" && last == "+%Y-%m-%dT%H:%M:%SZ":
		return said(f.Now().UTC().Format("2006-01-02T15:04:05Z") + "\n")
	case c.Argv[0] == "id" && c.Argv[1] == "-Gn": // Percona's packages make the user with a group of its own
		return said(last + "\n")
	case c.Argv[0] == "id":
		return said("0\n")
	case c.Argv[0] == "getent":
		return said(last + ":x:27:\n")
	case c.Argv[0] == "df":
		return said("Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1 50000000 1000000 49000000 3% /\n")
	case subject == "command -v galera_new_cluster":
		return steps.Output{Code: 127}
	}
	switch subject {
	case "# what server a host has":
		return said(r.program)
	case "# the data directory by the option files":
		return said("--datadir=/var/lib/mysql\n")
	case "# what my_print_defaults reads in a text":
		return said(printDefaults(string(c.Stdin), last))
	case "# what the server reads in a text", "# what the server reads in its files", "# whether the server takes a text",
		"# how the server was started", "# how the unit of the server starts it", "# what SET PERSIST has kept":
		return said("")
	case "# the list of server processes":
		return said("mysqld 1234\n")
	case "# round trips between nodes":
		return said("0 0 10.77.0.11:4567 10.77.0.12:35448\n\t cubic rtt:0.4/0.2 minrtt:0.3\n")
	}
	return steps.Output{Code: 99, Stderr: []byte(fmt.Sprintf("nobody recorded the answer to %q on %s", c.Argv, f.Name()))}
}

// sql answers the statements of the queries: variables and status by name.
func (r recording) sql(text string) string {
	var b strings.Builder
	for statement := range strings.SplitSeq(text, ";") {
		from := r.variables
		if strings.Contains(statement, "STATUS") {
			from = r.status
		}
		for _, name := range asked(statement) {
			for have, value := range from {
				if strings.EqualFold(have, name) && strings.Contains(statement, "SHOW") {
					fmt.Fprintf(&b, "%s\t%s\n", have, value)
				} else if strings.EqualFold(have, name) {
					fmt.Fprintln(&b, value)
				}
			}
		}
	}
	return b.String()
}

// asked are the variables of a statement, in its order.
func asked(statement string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`'([a-z_]+)'|@@GLOBAL\.([a-z_]+)`).FindAllStringSubmatch(statement, -1) {
		all = append(all, m[1]+m[2])
	}
	slices.Sort(all)
	return all
}

// recordingOfControl is the control machine, of which only the time is asked.
func recordingOfControl(f *stepstest.Fake, c steps.Command) steps.Output {
	return recording{}.answer(f, c)
}

// printDefaults is my_print_defaults for the plain files of the recordings.
func printDefaults(text, group string) string {
	var b strings.Builder
	in := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, has := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			in = line == "["+group+"]"
		case in && has:
			fmt.Fprintf(&b, "--%s=%s\n", strings.TrimSpace(key), strings.Trim(strings.TrimSpace(value), `"`))
		case in:
			fmt.Fprintf(&b, "--%s\n", line)
		}
	}
	return b.String()
}

// readOnly is a machine in memory that a dry run walks over.
type readOnly struct{ *stepstest.Fake }

var errReadOnly = errors.New("a dry run changed a host")

func (readOnly) Run(context.Context, steps.Command) (steps.Output, error) {
	return steps.Output{}, errReadOnly
}
func (readOnly) Commit(context.Context, []executor.Write) error { return errReadOnly }
func (readOnly) Close() error                                   { return nil }
