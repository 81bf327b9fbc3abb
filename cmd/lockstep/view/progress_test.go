package view

import (
	"bytes"
	"strings"
	"testing"

	"lockstep/executor"
	"lockstep/internal/secret"
)

func sending(host string, n int64) executor.Event {
	return executor.Event{Type: executor.EventProgress, Host: host, Name: "/image", Bytes: n << 20, Size: 200 << 20}
}

func TestProgressIsOneLineThatGivesWay(t *testing.T) {
	var out bytes.Buffer
	v := Text(&out, &secret.Redactor{}, true, false)
	v.Event(sending("db2", 50))
	v.Event(sending("db1", 20))
	v.Event(executor.Event{Type: executor.EventNote, Hosts: []string{"db1"}, Message: "a remark"})
	v.Event(sending("db1", 200))
	v.Event(sending("db2", 200))
	const away = "\r\x1b[K"
	want := "\x1b[2m  sending: db2 25% of 200 MiB\x1b[0m" +
		away + "\x1b[2m  sending: db1 10% of 200 MiB, db2 25% of 200 MiB\x1b[0m" +
		away + "  db1: a remark\n" +
		"\x1b[2m  sending: db2 25% of 200 MiB\x1b[0m" + away
	if got := out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestProgressIsOnATerminalAndInJSONOnly(t *testing.T) {
	var plain, lines bytes.Buffer
	Text(&plain, &secret.Redactor{}, false, false).Event(sending("db1", 20))
	JSON(&lines, &secret.Redactor{}).Event(sending("db1", 20))
	if plain.Len() > 0 {
		t.Errorf("got %q", plain.String())
	}
	for _, want := range []string{`"event":"progress"`, `"host":"db1"`, `"name":"/image"`, `"bytes":20971520,"size":209715200`} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("%s lacks %s", lines.String(), want)
		}
	}
}
