package serverfiles

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"lockstep/internal/optionfile"
	"lockstep/steps"
)

// Each script reads the text that it judges from standard input, so that nothing
// is written on the host for it, and ends with 127 where the program is missing.
const (
	findServer = `PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/libexec
server=$(command -v mariadbd || command -v mysqld) || exit 127
`
	// Only MySQL's my_print_defaults knows --show, without which it masks
	// passwords.
	printGroup = `# what my_print_defaults reads in a text
command -v my_print_defaults >/dev/null || exit 127
show=
if my_print_defaults --help </dev/null 2>/dev/null | grep -q -e --show; then show=--show; fi
exec my_print_defaults --defaults-file=/dev/stdin $show "$1"`

	printText = `# what the server reads in a text
` + findServer + `exec "$server" --defaults-file=/dev/stdin ${1:+--defaults-group-suffix="$1"} --print-defaults`

	printFiles = `# what the server reads in its files
` + findServer + `HOME=/nonexistent exec "$server" ${2:+--defaults-file="$2"} ${1:+--defaults-group-suffix="$1"} --print-defaults`

	// MariaDB with --help parses all options and loads no more than plugins.
	// Its data directory is one that cannot exist: it would try there how file
	// names are spelled. MySQL has an option for this since 8.0.16.
	validate = `# whether the server takes a text
` + findServer + `case $("$server" --no-defaults --version </dev/null 2>/dev/null) in
*MariaDB*|*"Ver 5."*) exec "$server" --defaults-file=/dev/stdin ${1:+--defaults-group-suffix="$1"} --datadir=/dev/null/none --verbose --help 2>&1 >/dev/null;;
*) exec "$server" --defaults-file=/dev/stdin ${1:+--defaults-group-suffix="$1"} --user=mysql --log-error=stderr --validate-config 2>&1;;
esac`
)

const missing = 127

func query(script string, stdin []byte, args ...string) steps.Command {
	return steps.Command{Argv: append([]string{"sh", "-c", script, "lockstep"}, args...), Stdin: stdin}
}

// Judged is an edit to be judged by the programs of its host before it is
// written: one file of those that a server reads, as it is and as it will be.
type Judged struct {
	Server        Server
	Before, After *optionfile.File
	Found, Wanted *Files // all that the server reads, with each of them
}

// Judge asks the host's own programs about an edit. My_print_defaults must read
// in both texts what is known here, so that the difference is the one that was
// meant; the server must read the files that are known here, and take all that
// they will say. The error says why the edit must not be written. What could not
// be asked, because a program is not there, is in the notes.
func (j Judged) Judge(ctx context.Context, r steps.Reader) (notes []string, err error) {
	out, err := r.Query(ctx, StartedQuery())
	switch {
	case err != nil:
		return nil, err
	case out.Code == missing: // nobody to ask
		return []string{noServer, noReader}, nil
	}
	checks := []func() (string, error){
		func() (string, error) { return j.Server.agrees(ctx, r, j.Found) },
		func() (string, error) { return j.Server.takes(ctx, r, j.Wanted) },
	}
	for _, f := range []*optionfile.File{j.Before, j.After} {
		for _, group := range f.Groups() {
			checks = append(checks, func() (string, error) { return reads(ctx, r, f, group) })
		}
	}
	found, errs := make([]string, len(checks)), make([]error, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { found[i], errs[i] = check() })
	}
	wg.Wait()
	told := map[string]bool{"": true}
	for i, note := range found {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if !told[note] {
			told[note] = true
			notes = append(notes, note)
		}
	}
	return notes, nil
}

// reads holds one group of a text against my_print_defaults. It does not follow
// includes, which no edit changes.
func reads(ctx context.Context, r steps.Reader, f *optionfile.File, group string) (note string, err error) {
	if strings.HasPrefix(group, "-") {
		return "", nil // cannot be asked for
	}
	out, err := r.Query(ctx, query(printGroup, f.Alone(), group))
	want := optionfile.Print(f.Options(group))
	switch {
	case err != nil:
		return "", err
	case out.Code == missing:
		return noReader, nil
	case out.Code != 0:
		return "", &steps.Problem{What: fmt.Sprintf("the host's my_print_defaults refuses %s as it would be", f.Name()), Why: said(out.Stderr),
			Do: "nothing was written; correct the file by hand"}
	case string(out.Stdout) != want:
		return "", &steps.Problem{What: fmt.Sprintf("the host's my_print_defaults reads [%s] of %s otherwise than it is meant", group, f.Name()),
			Why: difference(strings.Split(want, "\n"), strings.Split(string(out.Stdout), "\n")), Do: "nothing was written; correct the file by hand"}
	}
	return "", nil
}

// difference names the first option that is not the same, never its value.
func difference(want, got []string) string {
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			return fmt.Sprintf("option %d is %s here and %s there", i+1, nameAt(want, i), nameAt(got, i))
		}
	}
	return "they differ in line ends"
}

func nameAt(printed []string, i int) string {
	if i >= len(printed) || printed[i] == "" {
		return "none"
	}
	name, isOption := strings.CutPrefix(printed[i], "--")
	if !isOption {
		return "the value of another"
	}
	name, _, _ = strings.Cut(name, "=")
	return name
}

// agrees holds the files that are known here against those that the server
// finds by itself. It is left out while one of them waits to be written: the
// server would not see it.
func (s Server) agrees(ctx context.Context, r steps.Reader, f *Files) (note string, err error) {
	if f.Pending {
		return "", nil
	}
	var outs [2]steps.Output
	var errs [2]error
	var wg sync.WaitGroup
	for i, c := range []steps.Command{query(printText, f.Text(), s.Suffix), query(printFiles, nil, s.Suffix, s.Main)} {
		wg.Go(func() { outs[i], errs[i] = r.Query(ctx, c) })
	}
	wg.Wait()
	switch err := cmp.Or(errs[0], errs[1]); {
	case err != nil:
		return "", err
	case outs[0].Code == missing:
		return noServer, nil
	}
	known, found := arguments(outs[0].Stdout), arguments(outs[1].Stdout)
	if outs[0].Code == outs[1].Code && slices.Equal(known, found) {
		return "", nil
	}
	return "", &steps.Problem{What: "the server does not read the option files that it should read by what is known here",
		Why: difference(known, found),
		Do:  "nothing was written; name the file that the server is started with as main"}
}

const (
	noServer = "the host has no server program yet, so none has judged the options"
	noReader = "the host has no my_print_defaults yet, so only lockstep has judged the text"
)

// arguments are what stands behind the heading of --print-defaults, cut where
// options seem to begin.
func arguments(stdout []byte) []string {
	_, line, _ := strings.Cut(string(stdout), ":\n")
	all := strings.Split(" "+strings.TrimSpace(line), " --")
	for i := range all {
		all[i] = "--" + all[i]
	}
	return all[1:]
}

// Validate asks the host's server program whether it would start with what its
// files say. Nothing on the host changes by that. The note says why it could
// not be asked.
func Validate(ctx context.Context, r steps.Reader, f *Files) (note string, err error) {
	return f.server.takes(ctx, r, f)
}

// takes is Validate for files that were read without knowing the server.
func (s Server) takes(ctx context.Context, r steps.Reader, f *Files) (note string, err error) {
	out, err := r.Query(ctx, query(validate, f.Text(), s.Suffix))
	text := string(out.Stdout) + string(out.Stderr)
	switch {
	case err != nil:
		return "", err
	case out.Code == missing:
		return noServer, nil
	case out.Code == 0:
		return "", nil
	case strings.Contains(text, "required defaults file"), strings.Contains(text, "validate-config'"):
		return "the server program of the host could not be asked to judge the options", nil
	}
	return "", &steps.Problem{What: "the server would not start with its option files as they would be then", Why: said([]byte(text)),
		Do: "correct the option, or write it as loose-... if another version knows it; nothing was changed"}
}

// said picks the errors from what a program wrote, without the values in it.
func said(stderr []byte) string {
	var errors, all []string
	for line := range strings.Lines(strings.ToValidUTF8(string(stderr), "?")) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		all = append(all, line)
		if _, text, ok := strings.Cut(line, "[ERROR] "); ok && !strings.Contains(text, "Aborting") {
			errors = append(errors, text)
		}
	}
	if len(errors) == 0 {
		errors = all[max(0, len(all)-3):]
	}
	return withoutValues(strings.Join(errors, "\n       "))
}

// withoutValues leaves only the names of quoted assignments, and nothing of the
// values that programs quote: they may be secrets.
func withoutValues(text string) string {
	text = regexp.MustCompile(`'([\w.-]+)=[^']*'`).ReplaceAllString(text, "'$1=...'")
	return regexp.MustCompile(`(value:? )'[^']*'`).ReplaceAllString(text, "$1'...'")
}
