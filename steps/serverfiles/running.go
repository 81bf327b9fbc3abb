package serverfiles

import (
	"context"
	"path"
	"strings"

	"lockstep/internal/optionfile"
	"lockstep/steps"
)

const (
	version = `# what server a host has
` + findServer + `exec "$server" --no-defaults --version`

	// One program finds the processes, since a host may have many. The code is
	// missing where the host has none of the programs that judge a text.
	startedScript = `# how the server was started
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/libexec
code=127
for name in mariadbd mysqld my_print_defaults; do
  if command -v "$name" >/dev/null; then code=0; fi
done
found=$(grep -lxs -e mariadbd -e mysqld /proc/[0-9]*/comm)
for name in mariadbd mysqld; do
  for file in $found; do
    read -r comm 2>/dev/null <"$file" || continue
    [ "$comm" = "$name" ] || continue
    tr '\0' '\n' <"${file%/comm}/cmdline"
    tr '\0' '\n' 2>/dev/null <"${file%/comm}/environ" | grep '^MYSQL_GROUP_SUFFIX='
    exit $code
  done
done
command -v systemctl >/dev/null || exit $code
echo '` + byUnit + `'
for unit in mariadb mysql mysqld; do
  systemctl show --property=LoadState,ExecStart,Environment,EnvironmentFiles "$unit" 2>/dev/null
  echo
done
exit $code`

	// byUnit stands before what systemd would start, under the names that
	// packages use, where nothing runs. A unit that is not there answers with
	// LoadState=not-found.
	byUnit = "no process; the units:"
)

// Product asks the host which server program it has. A host without one has the
// zero Product.
func Product(ctx context.Context, r steps.Reader) (optionfile.Product, error) {
	out, err := r.Query(ctx, query(version, nil))
	return optionfile.ProductOf(string(out.Stdout)), err
}

// Started is how the running server was started. It is zero when none runs.
type Started struct {
	Main, Suffix string
	// Options are those of the command line, which win over all files.
	Options []optionfile.Option
}

// StartedAs reads the command line of the host's server, and where none runs
// what its unit would start.
func StartedAs(ctx context.Context, r steps.Reader) (Started, error) {
	out, err := r.Query(ctx, StartedQuery())
	if err != nil || len(out.Stdout) == 0 {
		return Started{}, err
	}
	if units, ok := strings.CutPrefix(string(out.Stdout), byUnit+"\n"); ok {
		return ofUnits(ctx, r, units)
	}
	return parseStarted(string(out.Stdout)), nil
}

// StartedQuery is what StartedAs and Judge ask first, for a step that says what
// it Expects.
func StartedQuery() steps.Command { return query(startedScript, nil) }

// As is the server that is started with main, and with the groups of an instance
// if s is that server.
func (s Started) As(main string) Server {
	if main == s.Main {
		return Server{Main: main, Suffix: s.Suffix}
	}
	return Server{Main: main}
}

func parseStarted(cmdline string) Started {
	var s Started
	fallback := ""
	for i, arg := range strings.Split(strings.TrimSuffix(cmdline, "\n"), "\n") {
		if suffix, ok := strings.CutPrefix(arg, suffixVariable+"="); ok {
			fallback = suffix
		}
		text, isOption := strings.CutPrefix(arg, "--")
		if i == 0 || !isOption {
			continue
		}
		key, value, hasValue := strings.Cut(text, "=")
		switch strings.ReplaceAll(key, "_", "-") {
		case "defaults-file":
			s.Main = value
		case "defaults-group-suffix":
			s.Suffix = value
		default:
			s.Options = append(s.Options, optionfile.Option{File: "command line", Key: key, Value: value, Flag: !hasValue})
		}
	}
	return s.with(fallback)
}

// suffixVariable is the variable of the environment that counts where no
// --defaults-group-suffix is given.
const suffixVariable = "MYSQL_GROUP_SUFFIX"

func (s Started) with(fallback string) Started {
	if s.Suffix == "" {
		s.Suffix = fallback
	}
	if !path.IsAbs(s.Main) {
		s.Main = ""
	}
	return s
}
