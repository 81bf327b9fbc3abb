package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The tests' own program stands for the benchmark's, as which measure starts
// itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asWatcher {
		if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestMeasureCountsWhatAToolLeavesBehind(t *testing.T) {
	busy := `i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo x >"$0"; exec sleep 600`
	flag := t.TempDir() + "/flag"
	script := `setsid sh -c '` + busy + `' "$0" & while [ ! -e "$0" ]; do sleep 0.01; done`
	u, err := measure(t.Context(), exec.Command("sh", "-c", script, flag))
	if err != nil {
		t.Fatal(err)
	}
	if u.Wall > time.Minute {
		t.Errorf("it was waited for what stayed behind: %s", u.Wall)
	}
	if u.CPU < 30*time.Millisecond {
		t.Errorf("the loop of the process that stayed behind is not in %s", u.CPU)
	}
	if u.Peak < 1<<18 {
		t.Errorf("the peak is %d bytes", u.Peak)
	}
}

func TestMeasureTellsWhatAFailedToolSaid(t *testing.T) {
	_, err := measure(t.Context(), exec.Command("sh", "-c", "echo out; echo err >&2; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "out\nerr") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
}

func TestOptionsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-only", "nothing"}, {"-hosts", "1,x"}, {"-steps", "0"}, {"-rounds", "0"}, {"stray"}} {
		if o, err := readOptions(args); err == nil {
			t.Errorf("%q became %+v", args, o)
		}
	}
	o, err := readOptions([]string{"-only", "hold", "-hosts", "3,4"})
	if err != nil || len(o.only) != 1 || len(o.hosts) != 2 || o.hosts[1] != 4 || o.rounds != 3 {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestTypicalIsTheMedianOfEachFigure(t *testing.T) {
	u := typical([]usage{{Wall: 3, CPU: 1, Peak: 9}, {Wall: 1, CPU: 2, Peak: 7}, {Wall: 2, CPU: 3, Peak: 8}})
	if u.Wall != 2 || u.CPU != 2 || u.Peak != 8 {
		t.Errorf("got %+v", u)
	}
}
