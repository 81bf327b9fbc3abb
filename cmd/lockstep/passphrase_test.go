package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"lockstep/executor/remote"
)

// TestPassphraseIsAskedOnceForAllHosts: no two questions at the same time, one
// for each file, and the same answer for all, also when it is that there is none.
func TestPassphraseIsAskedOnceForAllHosts(t *testing.T) {
	none := errors.New("the terminal went away")
	var open, asked atomic.Int32
	p := &passphrases{ask: func(prompt string) (string, error) {
		file := strings.TrimSuffix(strings.TrimPrefix(prompt, "Passphrase of "), ": ")
		if open.Add(1) > 1 {
			t.Error("two questions at the same time")
		}
		defer open.Add(-1)
		asked.Add(1)
		runtime.Gosched() // let the others come
		if file == "none" {
			return "", none
		}
		return "opens " + file, nil
	}}
	var hosts sync.WaitGroup
	for range 20 {
		for _, file := range []string{"a", "b", "none"} {
			hosts.Go(func() { wantPassphrase(t, p, file, none) })
		}
	}
	hosts.Wait()
	p.end()
	wantPassphrase(t, p, "a", none)
	if n := asked.Load(); n != 3 {
		t.Errorf("asked %d times for 3 files", n)
	}
}

func wantPassphrase(t *testing.T, p *passphrases, file string, none error) {
	t.Helper()
	got, err := p.of(file)
	want, wantErr := "opens "+file, error(nil)
	if file == "none" {
		want, wantErr = "", none
	}
	if got != want || !errors.Is(err, wantErr) {
		t.Errorf("%s: got %q, %v; want %q, %v", file, got, err, want, wantErr)
	}
}

func TestPassphraseIsNotAskedInTheMiddleOfARun(t *testing.T) {
	p := &passphrases{ask: func(file string) (string, error) { return "", fmt.Errorf("asked for %s", file) }}
	p.end()
	if _, err := p.of("a"); !errors.Is(err, errMidRun) {
		t.Errorf("got %v, want %v", err, errMidRun)
	}
	if _, err := p.answer(remote.Question{Text: "Code: "}); !errors.Is(err, errMidRunQuestion) {
		t.Errorf("got %v, want %v", err, errMidRunQuestion)
	}
}
