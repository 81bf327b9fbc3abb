package galera

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"lockstep/steps"
)

// status is what a server says about itself and its cluster. The names and
// their values are those of the Galera documentation, "Galera Status
// Variables".
type status struct {
	up        bool   // a server answered on the local socket
	size      int    // wsrep_cluster_size
	component string // wsrep_cluster_status: Primary, non-Primary, Disconnected
	connected bool   // wsrep_connected
	ready     bool   // wsrep_ready
	state     string // wsrep_local_state_comment: Synced, Donor/Desynced, Joiner, ...
	uuid      string // wsrep_cluster_state_uuid
	conf      string // wsrep_cluster_conf_id, one number for each view of the cluster
	committed int64  // wsrep_last_committed
	members   string // wsrep_incoming_addresses
	dataDir   string // where grastate.dat lies
}

func (s status) primary() bool { return s.up && s.component == "Primary" }

// statusSQL asks without waiting for the cluster (wsrep_sync_wait), so that a
// node outside the primary component answers too. SHOW works on every version,
// which information_schema.GLOBAL_STATUS does not.
const statusSQL = "SET SESSION wsrep_sync_wait=0;" +
	" SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_cluster_conf_id','wsrep_cluster_size'," +
	"'wsrep_cluster_state_uuid','wsrep_cluster_status','wsrep_connected','wsrep_incoming_addresses'," +
	"'wsrep_last_committed','wsrep_local_state_comment','wsrep_ready');" +
	" SHOW GLOBAL VARIABLES WHERE Variable_name IN ('datadir','wsrep_data_home_dir')"

// client starts the client program that the host has. TLS is off: over the
// local socket it protects nothing, and with it a CA file that is just being
// replaced would break the gate itself. MariaDB and MySQL spell that
// differently, and MariaDB's client may be called mysql.
const client = `login=
case ${1-} in --defaults-extra-file=*) login=$1; shift;; esac
if command -v mariadb >/dev/null 2>&1; then set -- mariadb ${login:+"$login"} --skip-ssl "$@"
elif mysql --version 2>/dev/null | grep -q MariaDB; then set -- mysql ${login:+"$login"} --skip-ssl "$@"
else set -- mysql ${login:+"$login"} --ssl-mode=DISABLED "$@"; fi
exec "$@"`

// access says how to reach the server of a host from the host itself.
type access struct {
	socket string // empty: the client's default
	login  string // an option file with user and password, if root has no login by itself
}

// statusQuery asks a host's server for its status.
func statusQuery(service string, a access) steps.Command {
	argv := []string{"sh", "-c", client, "lockstep"}
	if a.login != "" {
		argv = append(argv, "--defaults-extra-file="+a.login)
	}
	argv = append(argv, "--protocol=socket", "--connect-timeout=10", "--batch", "--skip-column-names")
	if a.socket != "" {
		argv = append(argv, "--socket="+a.socket)
	}
	return steps.Command{Argv: append(argv, "--execute="+statusSQL), Reads: []string{"service:" + service}}
}

// readStatus asks the server of a host. A server that is not running is no
// error: its status is not up.
func readStatus(ctx context.Context, r steps.Reader, service string, a access) (status, error) {
	out, err := r.Query(ctx, statusQuery(service, a))
	if err != nil {
		return status{}, err
	}
	return parseStatus(out)
}

// stopped is what the client answers while no server listens on the socket.
func stopped() steps.Output {
	return steps.Output{Code: 1, Stderr: []byte("ERROR 2002 (HY000): Can't connect to the local server: it was stopped\n")}
}

// parseStatus reads the answer to statusQuery.
func parseStatus(out steps.Output) (status, error) {
	if out.Code != 0 {
		return status{}, explain(string(out.Stderr), out.Code)
	}
	s := status{up: true, committed: -1}
	var home string
	for line := range strings.Lines(string(bytes.ToValidUTF8(out.Stdout, []byte("?")))) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		switch name {
		case "wsrep_cluster_size":
			s.size, _ = strconv.Atoi(value)
		case "wsrep_cluster_status":
			s.component = value
		case "wsrep_connected":
			s.connected = value == "ON"
		case "wsrep_ready":
			s.ready = value == "ON"
		case "wsrep_local_state_comment":
			s.state = value
		case "wsrep_cluster_state_uuid":
			s.uuid = value
		case "wsrep_cluster_conf_id":
			s.conf = value
		case "wsrep_last_committed":
			s.committed, _ = strconv.ParseInt(value, 10, 64)
		case "wsrep_incoming_addresses":
			s.members = value
		case "datadir":
			s.dataDir = value
		case "wsrep_data_home_dir":
			home = value
		}
	}
	if home != "" {
		s.dataDir = home
	}
	if s.component == "" || s.state == "" {
		return status{}, &steps.Problem{What: "the server runs without Galera",
			Why: "it shows no wsrep status", Do: "set wsrep_on and wsrep_provider in its option files, or leave the host out of the plan"}
	}
	return s, nil
}

// explain turns the client's refusal into nothing (no server is running) or
// into an error. 2002 and 2003 are the client's own codes for "nobody listens".
func explain(text string, code int) error {
	text = strings.TrimSpace(text)
	switch {
	case strings.Contains(text, "ERROR 2002"), strings.Contains(text, "ERROR 2003"):
		return nil
	case strings.Contains(text, "ERROR 1045"), strings.Contains(text, "ERROR 1698"):
		return &steps.Problem{What: "the local server refuses the login", Why: text,
			Do: "become root, or name an option file with user and password by login_file"}
	case strings.Contains(text, "ERROR 1193"):
		return &steps.Problem{What: "the server runs without Galera", Why: text,
			Do: "set wsrep_on and wsrep_provider in its option files, or leave the host out of the plan"}
	case code == 126 || code == 127:
		return &steps.Problem{What: "there is no client program", Why: text, Do: "install mariadb-client or mysql-client on the host"}
	default:
		return &steps.Problem{What: fmt.Sprintf("the local client ended with code %d", code), Why: text}
	}
}

// foreseen renders the answer that the query will get once s holds.
func (s status) foreseen() steps.Output {
	onOff := map[bool]string{true: "ON", false: "OFF"}
	var b strings.Builder
	for _, row := range [][2]string{
		{"wsrep_last_committed", strconv.FormatInt(s.committed, 10)},
		{"wsrep_local_state_comment", s.state},
		{"wsrep_incoming_addresses", s.members},
		{"wsrep_cluster_conf_id", s.conf},
		{"wsrep_cluster_size", strconv.Itoa(s.size)},
		{"wsrep_cluster_state_uuid", s.uuid},
		{"wsrep_cluster_status", s.component},
		{"wsrep_connected", onOff[s.connected]},
		{"wsrep_ready", onOff[s.ready]},
		{"datadir", s.dataDir},
	} {
		fmt.Fprintf(&b, "%s\t%s\n", row[0], row[1])
	}
	return steps.Output{Stdout: []byte(b.String())}
}
