package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func runCLI(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, errText strings.Builder
	c := rootCommand()
	c.SetOut(&out)
	c.SetErr(&errText)
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestWithoutALab(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab")
	if out, err := runCLI(t, "status", "--dir", dir); err != nil || out != "no lab at "+dir+"\n" {
		t.Errorf("status: got %q, %v", out, err)
	}
	for _, args := range [][]string{{"reset"}, {"load"}, {"sniff"}, {"ssh", "node1"}, {"up", "--nodes", "1000"}, {"up", "--subnet", "lan"}} {
		if _, err := runCLI(t, append(args, "--dir", dir)...); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
