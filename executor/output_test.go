package executor

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/steps"
)

// hearing gives a long command of db1 to say, and returns what is told.
func hearing(t *testing.T, secrets []string, say func(said func(stderr bool, piece string))) (told []string) {
	t.Helper()
	w := newWorld(t, 1, "  - plain: {do: long}\n", map[string]deed{"long": {
		probe: func(_ context.Context, v steps.View) (steps.Change, error) {
			if len(told) > 0 {
				return steps.Change{}, nil
			}
			return steps.Change{Edits: edits("long").Edits, Secrets: secrets}, nil
		},
		apply: func(ctx context.Context, h steps.Host, _ steps.Change) error {
			_, err := h.Exec(ctx, steps.Command{Argv: []string{"long"}, Long: true})
			return err
		},
	}})
	w.hosts["db1"].onRun = func(_ context.Context, c steps.Command) (steps.Output, error) {
		say(func(stderr bool, piece string) { c.Said(stderr, []byte(piece)) })
		return steps.Output{}, nil
	}
	w.x.Emit = func(e Event) {
		if e.Type != EventOutput {
			return
		}
		if e.Host != "db1" || e.Step != "1.1" {
			t.Errorf("got %+v", e)
		}
		line := e.Stream + ": " + e.Text
		if e.Skipped > 0 {
			line = fmt.Sprintf("%d before; %s", e.Skipped, line)
		}
		told = append(told, line)
	}
	if _, err := w.apply(); err != nil {
		t.Error(err)
	}
	return told
}

func wantTold(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestOutputIsToldLineByLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := hearing(t, nil, func(said func(bool, string)) {
			said(false, "one\ntw")
			said(true, "bad\r\n\n")
			said(false, "o\n 10%\r 20%\rlast")
		})
		wantTold(t, got, "stdout: one", "stderr: bad", "stdout: two", "stdout:  10%", "stdout:  20%", "stdout: last")
	})
}

func TestOutputIsToldSoonAndNotTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := hearing(t, nil, func(said func(bool, string)) {
			for i := range 100 {
				said(false, fmt.Sprintf("line %d\n", i))
				time.Sleep(9900 * time.Microsecond)
			}
			time.Sleep(time.Hour)
		})
		if len(got) != 1+10+10 || got[0] != "stdout: line 0" || got[1] != "40 before; stdout: line 41" || got[20] != "stdout: line 99" {
			t.Errorf("told %q", got)
		}
	})
}

func TestTheLatestLineIsToldWithoutAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outputs{mask: func(s string) string { return s }}
		var told []string
		o.tell = func(_, text string, _ int) { told = append(told, text) }
		o.said(false, []byte("one\n"))
		o.said(false, []byte("two\n"))
		time.Sleep(outputPause + time.Millisecond)
		synctest.Wait()
		wantTold(t, told, "one", "two")
		o.close()
		o.said(false, []byte("too late\n"))
		wantTold(t, told, "one", "two")
	})
}

func TestOutputTellsNoSecret(t *testing.T) {
	const secret = "hunter22-and-more"
	got := hearing(t, []string{secret}, func(said func(bool, string)) {
		said(false, "it is hunter22-")
		said(false, "and-more\n")
		said(false, strings.Repeat("x", outputRunes-8)+secret+"\n") // where lines are cut
		said(true, "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\nAAKCAQEA\n-----END RSA PRIVATE KEY-----\nafter\n")
		said(true, "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n")
		said(false, strings.Repeat("y", outputHeld)+secret+"\nshort\n")
	})
	text := strings.Join(got, "\n")
	for _, bad := range []string{"hunter", "MIIEpAIB", "AAKCAQEA", "yyy"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is told: %s", bad, text)
		}
	}
	for _, good := range []string{"it is <secret>", "(a private key)", "after", "MIIC", "(a line of over 64 KiB)", "stdout: short"} {
		if !strings.Contains(text, good) {
			t.Errorf("%q is not told: %s", good, text)
		}
	}
}
