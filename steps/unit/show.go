package unit

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"lockstep/steps"
)

const properties = "LoadState,ActiveState,SubState,Result,MainPID,ExecMainStartTimestamp,NeedDaemonReload,UnitFileState,FragmentPath,DropInPaths"

// mark is the property that only a dry run's foreseen answers have.
const mark = "X-Foreseen"

// ShowQuery asks systemd for all that State holds.
func ShowQuery(name string) steps.Command {
	return steps.Command{Argv: []string{"systemctl", "show", "--timestamp=us+utc", "-p", properties, "--", name}, Reads: []string{Resource(name)}}
}

func oldShowQuery(name string) steps.Command {
	return steps.Command{Argv: []string{"systemctl", "show", "-p", properties, "--", name},
		Env: []string{"TZ=UTC"}, Reads: []string{Resource(name)}}
}

// ParseShow reads what `systemctl show` printed. Properties that an old
// systemd does not have are left empty.
func ParseShow(text string) (State, error) {
	p := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "="); ok {
			p[key] = value
		}
	}
	if p["LoadState"] == "" || p["ActiveState"] == "" {
		return State{}, fmt.Errorf("systemctl show told no LoadState and ActiveState, but %q", text)
	}
	s := State{Systemd: true, Load: p["LoadState"], Active: p["ActiveState"], Sub: p["SubState"], Result: p["Result"],
		NeedReload: p["NeedDaemonReload"] == "yes", Enabled: p["UnitFileState"],
		fragment: p["FragmentPath"], dropIns: p["DropInPaths"], foreseen: p[mark]}
	for _, f := range append([]string{s.fragment}, strings.Fields(s.dropIns)...) {
		if path.IsAbs(f) && !strings.HasPrefix(f, "/run/") { // systemd makes those anew at each reload
			s.Files = append(s.Files, f)
		}
	}
	var err error
	if pid := p["MainPID"]; pid != "" {
		if s.PID, err = strconv.Atoi(pid); err != nil {
			return State{}, fmt.Errorf("systemctl show told the MainPID %q", pid)
		}
	}
	if s.Running() {
		s.Started, err = parseTime(p["ExecMainStartTimestamp"])
	}
	return s, err
}

// parseTime reads a timestamp in UTC. One without a fraction may be any moment
// of its second; the last is taken, since a file that a run wrote just before
// it started the service must not look newer than the service.
func parseTime(text string) (time.Time, error) {
	if text == "" || text == "n/a" || text == "0" {
		return time.Time{}, nil
	}
	t, err := time.Parse("Mon 2006-01-02 15:04:05.999999 MST", text)
	if err != nil || !strings.HasSuffix(text, " UTC") { // Go would take any other zone for UTC
		return time.Time{}, fmt.Errorf("systemctl show told the time %q, which is not one in UTC", text)
	}
	if !strings.Contains(text, ".") {
		t = t.Add(time.Second - time.Microsecond)
	}
	return t.UTC(), nil
}

// show is the inverse of ParseShow, for what is foreseen. A start that is
// foreseen has no time: its mark stands for it.
func (s State) show() string {
	reload := "no"
	if s.NeedReload {
		reload = "yes"
	}
	started := ""
	if !s.Started.IsZero() {
		started = s.Started.UTC().Format("Mon 2006-01-02 15:04:05.000000 MST")
	}
	lines := []string{"LoadState=" + s.Load, "ActiveState=" + s.Active, "SubState=" + s.Sub, "Result=" + s.Result,
		"MainPID=" + strconv.Itoa(s.PID), "ExecMainStartTimestamp=" + started, "NeedDaemonReload=" + reload,
		"UnitFileState=" + s.Enabled, "FragmentPath=" + s.fragment, "DropInPaths=" + s.dropIns, mark + "=" + s.foreseen, ""}
	return strings.Join(lines, "\n")
}
