// Package sqlclient asks the database server of a host through the client
// program that the host has, over the local socket. It is shared by kinds and
// is none itself. It knows how the client is started and what its refusals
// mean; what is asked is its callers' business.
package sqlclient

import (
	"fmt"
	"strings"

	"lockstep/steps"
	"lockstep/steps/param"
)

// Login says how to reach the server of a host from the host itself. The zero
// Login is root's: the client's default socket, and no password.
type Login struct {
	Socket string
	File   string // an option file with user and password
}

// Params declares the login's parameters.
func (l *Login) Params(p *param.Set) {
	p.Path(&l.Socket, "socket", "the server's socket; without it the client's default")
	p.Path(&l.File, "login_file", "an option file on the host with user and password, where root cannot log in without them")
}

// script starts the client that the host has. TLS is off: over the local socket
// it protects nothing, and with it a CA file that is just being replaced would
// break the very query that tells whether all is well. MariaDB and MySQL spell
// that differently, and MariaDB's client may be called mysql.
const script = `# a query of the local database server
login=
case ${1-} in --defaults-extra-file=*) login=$1; shift;; esac
if command -v mariadb >/dev/null 2>&1; then set -- mariadb ${login:+"$login"} --skip-ssl "$@"
elif mysql --version 2>/dev/null | grep -q MariaDB; then set -- mysql ${login:+"$login"} --skip-ssl "$@"
else set -- mysql ${login:+"$login"} --ssl-mode=DISABLED "$@"; fi
exec "$@"`

// Query is the command that runs sql, which must not change anything. It
// prints one row a line, its columns apart by tabs, without their names. What
// the answer rests on is for the caller to say.
func (l Login) Query(sql string, reads ...string) steps.Command {
	argv := []string{"sh", "-c", script, "lockstep"}
	if l.File != "" {
		argv = append(argv, "--defaults-extra-file="+l.File)
	}
	argv = append(argv, "--protocol=socket", "--connect-timeout=10", "--batch", "--skip-column-names")
	if l.Socket != "" {
		argv = append(argv, "--socket="+l.Socket)
	}
	return steps.Command{Argv: append(argv, "--execute="+sql), Reads: reads}
}

// Stopped is what a query answers while no server listens on the socket.
func Stopped() steps.Output {
	return steps.Output{Code: 1, Stderr: []byte("ERROR 2002 (HY000): Can't connect to local server: it is stopped\n")}
}

// Down reports whether the answer to a query says that no server listens.
// 2002 and 2003 are the client's own codes for that.
func Down(out steps.Output) bool {
	text := string(out.Stderr)
	return out.Code != 0 && (strings.Contains(text, "ERROR 2002") || strings.Contains(text, "ERROR 2003"))
}

// Answer returns what a query printed, or says why it has no answer.
func Answer(out steps.Output) (string, error) {
	if out.Code == 0 {
		return strings.ToValidUTF8(string(out.Stdout), "?"), nil
	}
	text := strings.TrimSpace(strings.ToValidUTF8(string(out.Stderr), "?"))
	switch {
	case Down(out):
		return "", &steps.Problem{What: "no server answers on the local socket", Why: text,
			Do: "start it, or name its socket by socket"}
	case strings.Contains(text, "ERROR 1045"), strings.Contains(text, "ERROR 1698"):
		return "", &steps.Problem{What: "the local server refuses the login", Why: text,
			Do: "become root, or name an option file with user and password by login_file"}
	case out.Code == 126 || out.Code == 127:
		return "", &steps.Problem{What: "there is no client program", Why: text,
			Do: "install mariadb-client or mysql-client on the host"}
	}
	return "", &steps.Problem{What: fmt.Sprintf("the local client ended with code %d", out.Code), Why: text}
}
