package optionfile

import (
	"bytes"
	"strings"
	"testing"
)

func FuzzParsePrint(f *testing.F) {
	for _, c := range grammarCases() {
		f.Add([]byte(c.text()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("my.cnf", data)
		if err != nil {
			t.Skip()
		}
		if !bytes.Equal(file.Bytes(), data) {
			t.Errorf("got %q, want %q", file.Bytes(), data)
		}
		Lint(file.Options())
	})
}

func FuzzSetGet(f *testing.F) {
	for _, c := range grammarCases() {
		f.Add(c.text(), "ssl-ca", "/etc/mysql/certs/ca.pem")
		f.Add(c.text(), "a", ` it's "x" # y\n`)
	}
	f.Add("[mysqld]\r\na = 1 # it's\r\n", "A", "C:\\new\n")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, text, key, value string) {
		file := parse(t, text)
		once, err := file.set("mysqld", key, value, "server")
		if err != nil {
			return
		}
		found := once.Find(key, "mysqld", "server")
		if len(found) == 0 || found[len(found)-1].Value != value || found[len(found)-1].Flag {
			t.Fatalf("set %q to %q, got %v in %q", key, value, found, once.Bytes())
		}
		twice, err := once.set("mysqld", key, value, "server")
		if err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Fatalf("again: %v, got %q, want %q", err, twice.Bytes(), once.Bytes())
		}
		othersSurvive(t, text, string(once.Bytes()))
		gone, err := once.remove("mysqld", key, "server")
		if err == nil && len(gone.Find(key, "mysqld", "server")) > 0 {
			t.Fatalf("deleted, but there in %q", gone.Bytes())
		}
	})
}

// othersSurvive holds that an edit changes one line or adds one, with its
// header and a blank line if need be; only the end of the last line may change
// beside.
func othersSurvive(t *testing.T, before, after string) {
	t.Helper()
	a, b := strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) > 1 {
		t.Errorf("%d lines of %q changed, now %q", len(a), before, after)
	}
	if len(b) > 5 {
		t.Errorf("%d new lines in %q", len(b), after)
	}
}

func FuzzSetSub(f *testing.F) {
	f.Add("gcache.size=128M;gcs.fc_limit=128", "socket.ssl_ca", "/etc/mysql/certs/ca.pem")
	f.Add(" a = 1 ; b=2 ;", "gcs.fc_limit", "1")
	f.Add(`a=x\;y;b=1`, "socket.ssl", "yes")
	f.Fuzz(func(t *testing.T, list, key, value string) {
		_, err := ParseProviderOptions(list)
		text, edits, setErr := editList(list, []Sub{{Key: key, Value: value}}, Edit{})
		if setErr != nil {
			return
		}
		if err != nil {
			t.Fatalf("%q is malformed (%v) but was edited", list, err)
		}
		if checkKey(key) != nil || checkSubValue(value) != nil {
			return
		}
		got, found, err := lookup(text, key)
		if err != nil || !found || got != value {
			t.Fatalf("%q: set %q to %q, got %q, %v", list, key, value, text, err)
		}
		if _, again, _ := editList(text, []Sub{{Key: key, Value: value}}, Edit{}); len(again) > 0 {
			t.Fatalf("not the same twice: %v after %v", again, edits)
		}
	})
}
