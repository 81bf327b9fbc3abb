package inventory

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

func program(t *testing.T, text string) string {
	t.Helper()
	path := t.TempDir() + "/inv.sh"
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadEndsProgramsWithItsContext(t *testing.T) {
	path := program(t, "sleep 20 & sleep 20")
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := Load(ctx, Options{}, path)
	if err == nil || !strings.Contains(err.Error(), "context deadline exceeded") || time.Since(begin) > 15*time.Second {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
}

func TestProgramsAreAskedForEachHostOnlyWithoutMeta(t *testing.T) {
	calls := t.TempDir() + "/calls"
	for meta, want := range map[string]string{`, "_meta": {"hostvars": {}}`: "--list\n", `, "_meta": {}`: "--list\n--host a\n--host b\n"} {
		if err := os.WriteFile(calls, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		path := program(t, `echo "$*" >> `+calls+`; case $1 in --list) echo '{"x": ["a", "b", "a"]`+meta+`}';; esac`)
		if _, err := load(path); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(calls); string(got) != want {
			t.Errorf("with %s it was called\n%swant\n%s", meta, got, want)
		}
	}
}

func TestProgramsPrintWhatFitsInMemory(t *testing.T) {
	for text, want := range map[string]string{
		"yes":                                   "it prints more than 64 MiB",
		"yes >&2 & echo {}; wait":               "context deadline exceeded",
		"yes x | head -c 3000000 >&2; exit 1":   "exit status 1: x",
		`printf 'a\nb\033[2Jc\377' >&2; exit 1`: "exit status 1: b [2Jc?",
		"echo '{}'; sleep 20 &":                 "a program that it began still holds its output",
	} {
		t.Run(text, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_, err := Load(ctx, Options{}, program(t, text))
			if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 1000 {
				t.Errorf("got %.1000v, want %q", err, want)
			}
		})
	}
}
