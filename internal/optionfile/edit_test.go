package optionfile

import (
	"strings"
	"testing"
)

func TestEditsAreRefused(t *testing.T) {
	const sound = "[mysqld]\na=1\n"
	for _, c := range []struct {
		name, text, key, value, want string
	}{
		{"too long", sound, "a", strings.Repeat("x", 4000), "bytes long"},
		{"control character", sound, "a", "x\x1by", "control character"},
		{"NUL", sound, "a", "x\x00y", "control character"},
		{"curly quotes", sound, "a", "“x”", "curly quotes"},
		{"no name", sound, "", "x", "no name"},
		{"dashes", sound, "--ssl-ca", "x", `stands without: "ssl-ca"`},
		{"name with =", sound, "a=b", "x", "no option name"},
		{"header as name", sound, "[x]", "x", "no option name"},
		{"broken list", sound, "wsrep_provider_options", "a=1,b=2", "More than one value"},
		{"fatal file", "[mysqld\na=1\n", "a", "2", "is not edited"},
		{"overlong line", "[mysqld]\n#" + strings.Repeat("x", 5000) + "\n", "a", "2", "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := parse(t, c.text).set("mysqld", c.key, c.value)
			if err == nil || f != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want ...%s...", err, c.want)
			}
		})
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for _, c := range []struct {
		s    Setting
		want string
	}{
		{Setting{Group: "mysqld", Key: "a", Value: "1", Flag: true}, "at once"},
		{Setting{Group: "mysqld", Key: "a", Sub: []Sub{{Key: "socket.ssl", Value: "yes"}}}, "only wsrep_provider_options"},
		{Setting{Group: "my sqld", Key: "a"}, "no group name"},
		{Setting{Group: "mysqld", Same: []string{"]"}, Key: "a"}, "no group name"},
		{Setting{Group: "mysqld", Key: providerOptions, Sub: []Sub{{Key: "socket.ssl", Value: "a;b"}}}, "must not contain"},
		{Setting{Group: "mysqld", Key: providerOptions, Sub: []Sub{{Key: "socket.ssl", Value: " a"}}}, "begin or end with a blank"},
		{Setting{Group: "mysqld", Key: providerOptions, Sub: []Sub{{Key: "gcs.unheard", Value: "a"}}}, "known here"},
	} {
		got := Check([]Setting{c.s})
		if len(got) == 0 || !strings.Contains(got[0].Error(), c.want) {
			t.Errorf("%v: got %v, want ...%s...", c.s, got, c.want)
		}
	}
}

func TestUnknownParameterMayBeRemoved(t *testing.T) {
	f, err := parse(t, "[mysqld]\nwsrep_provider_options=\"socket.sslx=1;a=2\"\n").removeSub("mysqld", "socket.sslx")
	if err != nil || string(f.Bytes()) != "[mysqld]\nwsrep_provider_options=\"a=2\"\n" {
		t.Errorf("%v", err)
	}
}

func TestEveryEditMethod(t *testing.T) {
	f := parse(t, "[server]\nssl=0\nold=1\nx=1\n")
	var err error
	step := func(next *File, e error) {
		t.Helper()
		if e != nil {
			t.Fatal(e)
		}
		f, err = next, e
	}
	step(f.set("mysqld", "ssl", "1", "server"))
	step(f.setFlag("mysqld", "x", "server"))
	step(f.commentOut("server", "old"))
	step(f.setSub("server", "socket.ssl", "yes"))
	step(f.setSub("server", "socket.ssl_ca", "/a"))
	step(f.removeSub("server", "socket.ssl"))
	step(f.remove("mysqld", "ssl", "server"))
	const want = "[server]\n#old=1\nx\nwsrep_provider_options=\"socket.ssl_ca=/a\"\n"
	if got := string(f.Bytes()); got != want || err != nil {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEmptyFile(t *testing.T) {
	f, err := parse(t, "").set("sst", "encrypt", "4")
	if err != nil || string(f.Bytes()) != "[sst]\nencrypt = 4\n" {
		t.Errorf("got %v", err)
	}
}

func TestNewlineAtTheEndIsAddedBelowInclude(t *testing.T) {
	f, err := parse(t, "[client]\n!includedir /etc/mysql/conf.d/").set("sst", "encrypt", "4")
	if err != nil || string(f.Bytes()) != "[client]\n!includedir /etc/mysql/conf.d/\n\n[sst]\nencrypt = 4\n" {
		t.Errorf("got %v", err)
	}
}
