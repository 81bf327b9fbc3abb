package main

import (
	"flag"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the program says into the scripts")

// TestScripts runs the command lines of testdata. Besides the usual commands
// a script has `hosts N` and `acme ZONE FOLDER`, see serveHosts and serveACME.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"hosts": serveHosts, "acme": serveACME},
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("LOCKSTEP_STATE_DIR", filepath.Join(e.WorkDir, ".state"))
			return nil
		},
	})
}

// serveHosts is the command that makes hosts; see servedHosts.
func serveHosts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hosts N")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	closeHosts, err := servedHosts(ts.MkAbs("."), n)
	ts.Defer(closeHosts)
	ts.Check(err)
}
