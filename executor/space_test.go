package executor

import (
	"context"
	"strings"
	"testing"

	"lockstep/steps"
)

func TestAFullDiskIsToldBeforeTheRun(t *testing.T) {
	w := newWorld(t, 2, "\n- plain: {do: conf}\n", map[string]deed{"conf": file("/etc/db.cnf", "new")})
	w.hosts["db2"].onQuery = func(_ context.Context, c steps.Command) (steps.Output, error) {
		if c.Argv[0] != "df" {
			return steps.Output{}, nil
		}
		return steps.Output{Stdout: []byte("Filesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 64 64 0 100% /etc\n")}, nil
	}
	r := w.preview()
	const want = "db2: no space on /etc"
	if got := r.Untold(); got == nil || !strings.HasPrefix(got.Error(), want) {
		t.Errorf("report: got %v, want %s", got, want)
	}
	end := w.events[len(w.events)-1]
	if end.Type != EventEnd || end.Err == nil || !strings.HasPrefix(end.Err.Error(), want) {
		t.Errorf("last event: got %s, %v; want its error to be %s", end.Type, end.Err, want)
	}
}
