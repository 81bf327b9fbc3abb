package view

import (
	"bytes"
	"strings"
	"testing"

	"lockstep/executor"
	"lockstep/internal/secret"
)

func wrote(text string, skipped int) executor.Event {
	return executor.Event{Type: executor.EventOutput, Host: "db1", Step: "3.2", Stream: "stderr", Text: text, Skipped: skipped}
}

func TestOutputOfALongCommand(t *testing.T) {
	const away = "\r\x1b[K"
	note := executor.Event{Type: executor.EventNote, Hosts: []string{"db1"}, Message: "a remark"}
	for name, row := range map[string]struct {
		colour, verbose bool
		want            string
	}{
		"a pipe":                  {false, false, "  db1: a remark\n"},
		"a pipe, asked for all":   {false, true, "  . db1 3.2 | 10%\n  . db1 3.2 | (7 lines left out)\n  . db1 3.2 | <secret>\\x1b[2J\n  db1: a remark\n"},
		"a terminal, the last":    {true, false, "\x1b[2m  db1 3.2 | 10%\x1b[0m" + away + "\x1b[2m  db1 3.2 | <secret>\\x1b[2J\x1b[0m" + away + "  db1: a remark\n"},
		"a terminal, all of them": {true, true, "  \x1b[2m. db1 3.2 | 10%\x1b[0m\n  \x1b[2m. db1 3.2 | (7 lines left out)\x1b[0m\n  \x1b[2m. db1 3.2 | <secret>\\x1b[2J\x1b[0m\n  db1: a remark\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			r := &secret.Redactor{}
			r.Add("hunter22")
			v := Text(&out, r, row.colour, row.verbose)
			v.Event(wrote("10%", 0))
			v.Event(wrote("hunter22\x1b[2J", 7))
			v.Event(note)
			if got := out.String(); got != row.want {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
		})
	}
}

func TestTheLastLineFitsTheTerminal(t *testing.T) {
	var out bytes.Buffer
	Text(&out, &secret.Redactor{}, true, false).Event(wrote("a\tb"+strings.Repeat("x", 200), 0))
	line := strings.TrimSuffix(strings.TrimPrefix(out.String(), "\x1b[2m"), "\x1b[0m")
	if len([]rune(line)) != 79 || !strings.Contains(line, "a bxx") || !strings.HasSuffix(line, "…") {
		t.Errorf("got %q", line)
	}
}

func TestOutputInJSON(t *testing.T) {
	var out bytes.Buffer
	JSON(&out, &secret.Redactor{}).Event(wrote("joins the cluster", 7))
	for _, want := range []string{`"event":"output"`, `"host":"db1"`, `"step":"3.2"`, `"stream":"stderr","text":"joins the cluster","skipped":7`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s lacks %s", out.String(), want)
		}
	}
}
