package serverfiles

import (
	"context"
	"path"
	"strings"

	"lockstep/internal/optionfile"
	"lockstep/steps"
	"lockstep/steps/sqlclient"
)

const (
	version = `# what server a host has
` + findServer + `exec "$server" --no-defaults --version`

	commandLine = `# how the server was started
for name in mariadbd mysqld; do
  for dir in /proc/[0-9]*; do
    read -r comm 2>/dev/null <"$dir/comm" || continue
    [ "$comm" = "$name" ] && exec tr '\0' '\n' <"$dir/cmdline"
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

// StartedAs reads the command line of the host's server.
func StartedAs(ctx context.Context, r steps.Reader) (Started, error) {
	out, err := r.Query(ctx, query(commandLine, nil))
	if err != nil {
		return Started{}, err
	}
	return parseStarted(string(out.Stdout)), nil
}

func parseStarted(cmdline string) Started {
	var s Started
	for i, arg := range strings.Split(strings.TrimSuffix(cmdline, "\n"), "\n") {
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
	if !path.IsAbs(s.Main) {
		s.Main = ""
	}
	return s
}

// Running is what the server itself says of a variable.
type Running struct {
	Value string
	// Origin is where it has it from, as the server names it: CONFIG, SQL and
	// COMPILE-TIME are words of MariaDB, GLOBAL, DYNAMIC and COMPILED of MySQL.
	// It is empty where the server does not say.
	Origin string
	File   string // the option file, where the server knows it
}

// ByStatement reports whether somebody set the variable since the start.
func (v Running) ByStatement() bool { return v.Origin == "SQL" || v.Origin == "DYNAMIC" }

// Variable asks the running server for a variable, by its name in an option
// file. It is nil when the server has none of that name.
func Variable(ctx context.Context, r steps.Reader, l sqlclient.Login, p optionfile.Product, key string) (*Running, error) {
	name := strings.ReplaceAll(strings.ToLower(key), "-", "_")
	for strings.HasPrefix(name, "loose_") {
		name = strings.TrimPrefix(name, "loose_")
	}
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != "" {
		return nil, nil // no variable, and nothing to put into a statement
	}
	out, err := r.Query(ctx, l.Query(variableSQL(p, name)))
	if err != nil {
		return nil, err
	}
	text, err := sqlclient.Answer(out)
	if err != nil || strings.TrimSpace(text) == "" {
		return nil, err
	}
	fields := append(strings.Split(strings.TrimSuffix(text, "\n"), "\t"), "", "")
	return &Running{Value: unbatch(fields[0]), Origin: known(fields[1]), File: known(fields[2])}, nil
}

// variableSQL asks as the product can be asked: MySQL 5.7 says no origin.
func variableSQL(p optionfile.Product, name string) string {
	switch {
	case p.MariaDB:
		return "SELECT GLOBAL_VALUE, GLOBAL_VALUE_ORIGIN, GLOBAL_VALUE_PATH FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME = '" + name + "' AND GLOBAL_VALUE IS NOT NULL"
	case strings.HasPrefix(p.Version, "5."):
		return "SELECT VARIABLE_VALUE FROM performance_schema.global_variables WHERE VARIABLE_NAME = '" + name + "'"
	}
	return "SELECT v.VARIABLE_VALUE, i.VARIABLE_SOURCE, i.VARIABLE_PATH FROM performance_schema.global_variables v JOIN performance_schema.variables_info i USING (VARIABLE_NAME) WHERE VARIABLE_NAME = '" + name + "'"
}

func known(field string) string {
	if field == "NULL" {
		return ""
	}
	return unbatch(field)
}

// unbatch takes back what the client's --batch escapes.
func unbatch(field string) string {
	return strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\0`, "\x00").Replace(field)
}
