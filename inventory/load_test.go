package inventory

import (
	"os"
	"strings"
	"testing"
)

func TestLoadRefusesWhatItDoesNotRead(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, folder := range []string{"hollow", "deep/inner"} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("generate", "all:", 0o755)
	write("program", "#!/bin/sh\n", 0o644)
	write("executable.yml", "all: {hosts: {db1: }}", 0o755)
	write("plain", "---\nall: {hosts: {db1: }}", 0o644)
	for path, want := range map[string]string{
		"":               "there is no such inventory",
		"db1":            `for a list of hosts add a comma: -i "db1,"`,
		"hollow":         "the folder holds no inventory file",
		"deep":           "the folder holds no inventory file",
		"generate":       "",
		"program":        "this is a program, but it may not be run",
		"executable.yml": "",
		"plain":          "",
		"db1,":           "",
		"db1,-x,":        `"-x" cannot be the name of a host`,
		"db1,root@db2":   "write db2 here and ansible_user: root",
	} {
		_, err := load(path)
		switch {
		case err == nil && want != "":
			t.Errorf("Load(%q) has no error, want %q", path, want)
		case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
			t.Errorf("Load(%q) says %v, want %q", path, err, want)
		}
	}
	if _, err := load(); err == nil || !strings.Contains(err.Error(), "no inventory is given") {
		t.Errorf("Load() says %v", err)
	}
}

func TestFormatIsKnownByNameOrFirstLine(t *testing.T) {
	for text, want := range map[string]format{
		"all:\n":                 formatYAML,
		"# hosts\n\n'all' :\n":   formatYAML,
		"\uFEFFall: {}":          formatYAML,
		"{\"all\": {}}":          formatYAML,
		"---\n- a":               formatYAML,
		"%YAML 1.2\n---":         formatYAML,
		"":                       formatYAML,
		"[pxc]\ndb1":             formatINI,
		"; hosts\nall:":          formatINI,
		"db1\ndb2":               formatINI,
		"db1:2222 a=b":           formatINI,
		"db1 ansible_host=::1 #": formatINI,
		"#!/bin/sh\n":            formatScript,
	} {
		if got := formatOf("hosts", []byte(text)); got != want {
			t.Errorf("formatOf(%q) = %d, want %d", text, got, want)
		}
	}
	for name, want := range map[string]format{"a.ini": formatINI, "a.TOML": formatTOML, "a.YML": formatYAML, "a.json": formatYAML} {
		if got := formatOf(name, []byte("[x]")); got != want {
			t.Errorf("formatOf(%q) = %d, want %d", name, got, want)
		}
	}
}
