package optionfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseProviderOptions(t *testing.T) {
	type list = []SubOption
	for _, c := range []struct {
		in   string
		want list
		err  string
	}{
		{in: "", want: nil},
		{in: "a=1;b=2", want: list{{"a", "1"}, {"b", "2"}}},
		{in: "a=1;b=2;", want: list{{"a", "1"}, {"b", "2"}}},
		{in: " a = 1 ; b=2 ", want: list{{"a", "1"}, {"b", "2"}}},
		{in: "a=1;\n b=2", want: list{{"a", "1"}, {"b", "2"}}},
		{in: ";;a=1;;", want: list{{"a", "1"}}},
		{in: "a=", want: list{{"a", ""}}},
		{in: "a", err: "Key without value"},
		{in: "a=1;b", err: "part 2 of the list: \"b\" has no value"},
		{in: "a=1=2", err: "More than one value"},
		{in: "a=1,b=2", err: "More than one value"},
		{in: `a=1\=2;b=1`, err: "More than one value"},
		{in: `a=1\=2`, want: list{{"a", `1\=2`}}},
		{in: `a=x\;y;b=1`, want: list{{"a", "x;y"}, {"b", "1"}}},
		{in: `b=1;a=x\;y`, want: list{{"b", "1"}, {"a", `x\;y`}}},
		{in: `a=C:\dir;b=1`, want: list{{"a", "C:dir"}, {"b", "1"}}},
		{in: `a=C:\dir`, want: list{{"a", `C:\dir`}}},
		{in: "=1", err: "Empty key"},
		{in: "a=1;a=2", want: list{{"a", "1"}, {"a", "2"}}},
		{in: "”socket.ssl_key=k;socket.ssl_cert=c.pem”", want: list{{"”socket.ssl_key", "k"}, {"socket.ssl_cert", "c.pem”"}}},
		{in: `\;a=1`, err: "hangs"},
		{in: `a=1;\b=2;c=3`, err: "hangs"},
		{in: `a=\`, want: list{{"a", `\`}}},
	} {
		t.Run(c.in, func(t *testing.T) {
			got, err := ParseProviderOptions(c.in)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want ...%s...", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetSubKeepsOthers(t *testing.T) {
	for _, c := range []struct{ name, in, key, value, want string }{
		{"added", "a=1;b=2", "socket.ssl", "yes", "a=1;b=2;socket.ssl=yes"},
		{"added before the last separator", "a=1;b=2;", "c", "3", "a=1;b=2;c=3;"},
		{"added with the spacing of the last", "a=1; b=2", "c", "3", "a=1; b=2; c=3"},
		{"added to nothing", "", "c", "3", "c=3"},
		{"added to separators", " ; ", "c", "3", "c=3"},
		{"changed in place", " a = 1 ; b=2 ", "a", "9", " a = 9 ; b=2 "},
		{"changed from empty", "a=;b=2", "a", "9", "a=9;b=2"},
		{"last of two changed", "a=1;b=2;a=3", "a", "9", "a=1;b=2;a=9"},
		{"to empty", "a=1;b=2", "a", "", "a=;b=2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := setSub(c.in, SubOption{c.key, c.value})
			if err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestDeleteSubKeepsOthers(t *testing.T) {
	for _, c := range []struct{ in, key, want string }{
		{"a=1;b=2;c=3", "b", "a=1;c=3"},
		{"a=1; b=2", "a", "b=2"},
		{"a=1;b=2;", "b", "a=1;"},
		{"a=1;b=2;a=3", "a", "b=2"},
		{"a=1", "a", ""},
		{"a=1", "b", "a=1"},
	} {
		got, err := deleteSub(c.in, c.key)
		if err != nil || got != c.want {
			t.Errorf("delete %s from %q: got %q, %v, want %q", c.key, c.in, got, err, c.want)
		}
	}
}

func TestEscapedListIsNotEdited(t *testing.T) {
	for _, list := range []string{`b=1;a=x\;y`, `a=C:\dir`, `a="x"`, "”a=1", `a=1\=2`} {
		if got, err := setSub(list, SubOption{"socket.ssl", "yes"}); err == nil {
			t.Errorf("%q was edited to %q", list, got)
		}
	}
}

func TestCheckSubKey(t *testing.T) {
	for _, c := range []struct {
		key, do  string
		ok       bool
		severity Severity
	}{
		{key: "socket.ssl_cert", ok: true},
		{key: "gcache.size", ok: true},
		{key: "base_port", ok: true},
		{key: "socket,ssl_cert", do: `did you mean "socket.ssl_cert"?`, severity: Refuse},
		{key: "socket.ssl_certificate", do: `did you mean "socket.ssl_cert"?`, severity: Refuse},
		{key: "socket_ssl_key", do: `did you mean "socket.ssl_key"?`, severity: Refuse},
		{key: "Socket.ssl_key", do: `did you mean "socket.ssl_key"?`, severity: Refuse},
		{key: "socket.quantum_cipher_suite", severity: Refuse},
		{key: "gcache.sise", do: `did you mean "gcache.size"?`, severity: Warning},
		{key: "future.parameter", severity: Warning},
		{key: "", severity: Refuse},
		{key: "”socket.ssl_key", do: `did you mean "socket.ssl_key"?`, severity: Refuse},
	} {
		p, ok := CheckSubKey(c.key)
		if ok != c.ok || p.Do != c.do || !ok && p.Severity != c.severity {
			t.Errorf("%q: got %v, %v %q, want %v, %v %q", c.key, ok, p.Severity, p.Do, c.ok, c.severity, c.do)
		}
	}
}
