package galera

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"lockstep/steps"
	"lockstep/steps/sqlclient"
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

// statusQuery asks a host's server for its status.
func statusQuery(service string, l sqlclient.Login) steps.Command {
	return l.Query(statusSQL, "service:"+service)
}

// readStatus asks the server of a host. A server that is not running is no
// error: its status is not up.
func readStatus(ctx context.Context, r steps.Reader, service string, l sqlclient.Login) (status, error) {
	out, err := r.Query(ctx, statusQuery(service, l))
	if err != nil {
		return status{}, err
	}
	return parseStatus(out)
}

// parseStatus reads the answer to statusQuery.
func parseStatus(out steps.Output) (status, error) {
	if sqlclient.Down(out) {
		return status{}, nil
	}
	text, err := sqlclient.Answer(out)
	if err != nil {
		return status{}, withoutGalera(err)
	}
	s := status{up: true, committed: -1}
	var home string
	for line := range strings.Lines(text) {
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
		return status{}, withoutGalera(errors.New("ERROR 1193: it shows no wsrep status"))
	}
	return s, nil
}

// withoutGalera explains the refusal of a server that has no wsrep variables;
// 1193 is "unknown system variable".
func withoutGalera(err error) error {
	if !strings.Contains(err.Error(), "ERROR 1193") {
		return err
	}
	return &steps.Problem{What: "the server runs without Galera", Err: err,
		Do: "set wsrep_on and wsrep_provider in its option files, or leave the host out of the plan"}
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
