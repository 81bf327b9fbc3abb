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

	commandLine = `# how the server was started
for name in mariadbd mysqld; do
  for dir in /proc/[0-9]*; do
    read -r comm 2>/dev/null <"$dir/comm" || continue
    [ "$comm" = "$name" ] || continue
    tr '\0' '\n' <"$dir/cmdline"
    tr '\0' '\n' 2>/dev/null <"$dir/environ" | grep '^MYSQL_GROUP_SUFFIX='
    exit 0
  done
done`
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
	out, err := r.Query(ctx, query(commandLine, nil))
	if err != nil {
		return Started{}, err
	}
	if len(out.Stdout) == 0 {
		return byUnit(ctx, r)
	}
	return parseStarted(string(out.Stdout)), nil
}

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
