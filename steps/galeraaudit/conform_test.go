package galeraaudit

import (
	"os"
	"testing"

	"lockstep/steps/sqlclient"
	"lockstep/steps/stepstest"
	"lockstep/steps/unit"
	"lockstep/steps/wsrep"
)

// TestConform plays through a member in plain text beside one that is down.
func TestConform(t *testing.T) {
	said, err := os.ReadFile("../wsrep/testdata/mariadb-10.11-plaintext.txt")
	if err != nil {
		t.Fatal(err)
	}
	service := func(f *stepstest.Fake) {
		f.PutDir("/run/systemd/system")
		f.PutDir("/var/lib/mysql")
		f.PutFile("/etc/my.cnf", "[mysqld]\n")
		f.Answer("LoadState=loaded\nActiveState=active\nMainPID=7\nExecMainStartTimestamp=Sun 2027-01-10 11:00:00.000000 UTC\n", unit.ShowQuery("mariadb").Argv...)
		f.Answer("2027-01-10T12:00:00Z\n", "date", "-u", "+%Y-%m-%dT%H:%M:%SZ")
		f.Answer("socat version 1.7.4.4\n", "sh", "-c", toolsScript)
		for _, sql := range []string{tcpSQL, originSQL, accountsSQL} {
			f.Answer("", sqlclient.Login{}.Query(sql).Argv...)
		}
	}
	stepstest.Conform(t, Kind(), stepstest.Case{Name: "a member", YAML: "handshakes: false", Holds: true, Build: func(w *stepstest.World) {
		service(w.Self)
		w.Self.Answer(string(said), wsrep.Query("mariadb", sqlclient.Login{}).Argv...)
		p := w.AddPeer("db2")
		service(p)
		p.AnswerWith(sqlclient.Stopped(), wsrep.Query("mariadb", sqlclient.Login{}).Argv...)
	}})
}
