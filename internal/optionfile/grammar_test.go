package optionfile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// grammarCase is one rule of the option file grammar. The same list is held
// against this package (TestGrammar) and against the real reader
// (TestOracleGrammar).
type grammarCase struct {
	name   string
	input  string   // below [mysqld], unless whole
	whole  bool     // input is the whole file
	want   []string // as my_print_defaults prints it
	fatal  bool
	noRead bool // undefined in the server, so not asked of the oracle
}

func (c grammarCase) text() string {
	if c.whole {
		return c.input
	}
	return "[mysqld]\n" + c.input + "\n"
}

func grammarCases() []grammarCase {
	row := func(name, input string, want ...string) grammarCase {
		return grammarCase{name: name, input: input, want: want}
	}
	file := func(name, input string, want ...string) grammarCase {
		return grammarCase{name: name, input: input, whole: true, want: want}
	}
	fatal := func(name, input string, want ...string) grammarCase {
		return grammarCase{name: name, input: input, whole: true, want: want, fatal: true}
	}
	long := strings.Repeat("x", 5000)
	return []grammarCase{
		row("file order", "ssl-ca=/a\nssl_ca=/b\n[other]\nz=1\n[mysqld]\nssl-ca=/c", "--ssl-ca=/a", "--ssl_ca=/b", "--ssl-ca=/c"),
		fatal("option before group", "a=1\n[mysqld]\n"),
		fatal("byte order mark", "\uFEFF[mysqld]\na=1\n"),
		row("blanks around", "  ssl-ca  =   /a b/c   ", "--ssl-ca=/a b/c"),
		row("tabs around", "\tssl-ca\t=\t/a b/c\t", "--ssl-ca=/a b/c"),
		row("form feed and vertical tab", "\v\fa\v=\f1\v", "--a=1"),
		row("empty value", "ssl-key =", "--ssl-key="),
		row("empty value with blanks", "ssl-key =   ", "--ssl-key="),
		row("empty value with comment", "ssl-key = # none", "--ssl-key="),
		row("flag", "ssl-ca", "--ssl-ca"),
		row("flag with comment", "ssl-ca # x", "--ssl-ca"),
		row("flag with glued comment", "ssl-ca#x=1", "--ssl-ca"),
		{name: "no name", input: "=novalue", want: []string{"--=novalue"}, noRead: true},
		row("comment", "a=1 # x\nb=1#x\ni=x#y#z", "--a=1", "--b=1", "--i=x"),
		row("semicolon", "c=1 ; x\nd=1;x\n; y=1\n  ;y=1", "--c=1 ; x", "--d=1;x"),
		row("quotes protect", `e="x # y"`+"\nf='a#b'#c\n"+`g="a\"#b" # c`, "--e=x # y", "--f=a#b", `--g=a"#b`),
		row("lone quote", "a=it's # x", "--a=it's # x"),
		row("quote in name", "a'b=1 # x", "--a'b=1 # x"),
		row("provider list", `h="a;b;c"`, "--h=a;b;c"),
		row("quotes stripped", "a=\"v\"\nb='v'\nc=\"\"", "--a=v", "--b=v", "--c="),
		row("quotes kept", "c=\"v\nd=v\"\ne=\"v'\ng=\"a\"b\nn=\"\np='x\" ", `--c="v`, `--d=v"`, `--e="v'`, `--g="a"b`, `--n="`, `--p='x"`),
		row("outer pair", `m="a" "b"`, `--m=a" "b`),
		row("blanks inside quotes", `l= "lead space kept "`, "--l=lead space kept "),
		row("curly quotes", "k=“curly”", "--k=“curly”"),
		row("escapes", `a=x\ny \ty \sy \by \ry`, "--a=x\ny \ty  y \by \ry"),
		row("escapes inside quotes", `a="x\ny \ty \sy"`, "--a=x\ny \ty  y"),
		row("backslashes", "a=x\\\\y\nb=x\\qy\nc=x\\\"y\nd=trail\\", `--a=x\y`, `--b=x\qy`, `--c=x"y`, `--d=trail\`),
		row("backslash at closing quote", `a="trail\"`, `--a=trail\`),
		row("no escape for #", `a=x\#y`, `--a=x\`),
		row("list cut by #", "wsrep_provider_options=socket.ssl_ca=/e/c#a.pem;socket.ssl=yes", "--wsrep_provider_options=socket.ssl_ca=/e/c"),
		row("no-break space", "a=\u00A0v\u00A0", "--a=\u00A0v\xC2"),
		row("letter that ends in A0", "a=voilà", "--a=voil\xC3"),
		row("no continuation", "a=1 \\\nb=2", `--a=1 \`, "--b=2"),
		row("first = splits", "a = b = c\na==b", "--a=b = c", "--a==b"),
		row("words and colons", "plain words\nssl_ca: /x", "--plain words", "--ssl_ca: /x"),
		row("dashes", "--ssl-ca=/x", "----ssl-ca=/x"),
		file("header with comment", "[mysqld] # c\na=1\n", "--a=1"),
		file("header with junk", "[mysqld]junk\na=1\n", "--a=1"),
		file("header with two brackets", "[mysqld]]\na=1\n", "--a=1"),
		file("header indented", " [mysqld]\na=1\n", "--a=1"),
		file("header blank inside right", "[mysqld ]\na=1\n", "--a=1"),
		file("header blank inside left", "[ mysqld]\na=1\n"),
		file("header in capitals", "[MYSQLD]\na=1\n", "--a=1"),
		fatal("header not closed", "[mysqld]\na=1\n[mysqld\nb=2\n", "--a=1"),
		file("header empty", "[]\na=1\n[mysqld]\nb=2\n", "--b=2"),
		file("carriage returns", "[mysqld]\r\na=1\r\nb\r\nc=\"q\"\r\n", "--a=1", "--b", "--c=q"),
		file("no newline at the end", "[mysqld]\na=1", "--a=1"),
		row("overlong line", "a="+long, "--a="+long[:maxLine-2], "--"+long[maxLine-2:]),
		row("longest line", "a="+long[:maxLine-3]+"\nb=1", "--a="+long[:maxLine-3], "--b=1"),
		row("unknown directive", "!bogus x\n!includefoo x\na=1", "--a=1"),
		row("missing include", "!include /nonexistent/x\na=1", "--a=1"),
		row("quoted include", "!include \"/etc/hosts\"\na=1", "--a=1"),
		fatal("empty include", "[mysqld]\n!include \na=1\n"),
		fatal("empty includedir", "[mysqld]\n!includedir\na=1\n"),
		row("NUL", "a=1\x00b\nc=2\n\x00d=3\ne\x00=4", "--a=1", "--c=2", "--e"),
		row("carriage return inside", "a=1\rb=2", "--a=1\rb=2"),
	}
}

// TestTouches tells which names are about the same option; TestServerNames asks
// the real server.
func TestTouches(t *testing.T) {
	for _, c := range []struct {
		option, key string
		is, touches bool
	}{
		{"SSL_CA", "ssl-ca", true, true},
		{"loose-ssl-ca", "ssl_ca", true, true},
		{"loose_loose-ssl-ca", "ssl_ca", true, true},
		{"skip-ssl", "ssl", false, true},
		{"disable_ssl", "ssl", false, true},
		{"loose-skip-ssl", "ssl", false, true},
		{"ENABLE-ssl", "ssl", false, true},
		{"ssl", "skip-ssl", false, true},
		{"maximum-max_heap_table_size", "max-heap-table-size", false, true},
		{"max_heap_table_size", "heap_table_size", false, false},
		{"ssl-ca", "ssl", false, false},
		{"disabled_storage_engines", "storage_engines", false, false},
		{"skip-", "", false, false},
	} {
		o := Option{Key: c.option}
		if is, touches := o.Is(c.key), o.Touches(c.key); is != c.is || touches != c.touches {
			t.Errorf("%s and %s: is %v, touches %v; want %v, %v", c.option, c.key, is, touches, c.is, c.touches)
		}
	}
}

func TestGrammar(t *testing.T) {
	for _, c := range grammarCases() {
		t.Run(c.name, func(t *testing.T) {
			f := parse(t, c.text())
			if diff := cmp.Diff(lines(c.want), Print(f.Options("mysqld"))); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
			if got := worst(f.Problems()) == Fatal; got != c.fatal {
				t.Errorf("fatal = %v, want %v: %v", got, c.fatal, f.Problems())
			}
			if string(f.Bytes()) != c.text() {
				t.Error("bytes are not kept")
			}
		})
	}
}

func parse(t testing.TB, text string) *File {
	t.Helper()
	f, err := Parse("my.cnf", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func worst(problems []Problem) Severity {
	s := Severity(-1)
	for _, p := range problems {
		s = max(s, p.Severity)
	}
	return s
}

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		line             int
		severity         Severity
	}{
		{"byte order mark", "\uFEFF[mysqld]\n", "byte order mark", 1, Fatal},
		{"option before group", "# c\na=1\n[mysqld]\n", "before the first [group]", 2, Fatal},
		{"header not closed", "[mysqld]\n[sst\n", "no \"]\"", 2, Fatal},
		{"include without argument", "[mysqld]\n!include\n", "no argument", 2, Fatal},
		{"NUL", "[mysqld]\na=\x001\n", "NUL byte", 2, Refuse},
		{"overlong comment", "[mysqld]\n#" + strings.Repeat("x", 5000) + "\n", "longer than", 2, Refuse},
		{"carriage return", "# old\r[mysqld]\ra=1\r", "carriage return", 1, Refuse},
		{"no name", "[mysqld]\n = 1\n", "no option name", 2, Refuse},
		{"curly quotes", "[mysqld]\nwsrep_provider_options=”socket.ssl_key=k;socket.ssl_cert=c.pem”\n", "curly quotes", 2, Refuse},
		{"single curly quotes", "[mysqld]\na=‘x’\n", "curly quotes", 2, Refuse},
		{"no-break space behind", "[mysqld]\na=1\u00A0\n", "no-break space", 2, Refuse},
		{"no-break space before", "[mysqld]\n\u00A0a=1\n", "no-break space", 2, Refuse},
		{"includedir with comment", "[mysqld]\n!includedir /etc/x # mine\n", "comment behind", 2, Refuse},
		{"include cut short", "[mysqld]\n!include /etc/x.cnf", "last character", 2, Refuse},
		{"header with blank", "[ mysqld]\na=1\n", "begins with a blank", 1, Refuse},
		{"header with option", "[mysqld]ssl-ca=/x\n", "ignores the text behind", 1, Warning},
		{"unknown directive", "[mysqld]\n!bogus\n", "unknown directive", 2, Warning},
		{"quoted include", "[mysqld]\n!include \"/etc/x.cnf\"\n", "part of the file's name", 2, Warning},
		{"colon", "[mysqld]\nssl_ca: /x\n", "blanks or a colon", 2, Warning},
		{"dashes", "[mysqld]\n--ssl-ca=/x\n", "begins with a dash", 2, Warning},
		{"open quote", "[mysqld]\na=\"x\n", "does not end it", 2, Warning},
		{"glued comment", "[mysqld]\na=x#y\n", "ends at \"#\"", 2, Warning},
		{"list cut at #", "[mysqld]\nwsrep_provider_options=socket.ssl_ca=/e/c#a.pem;socket.ssl=yes\n", "ends at \"#\"", 2, Refuse},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := parse(t, c.text).Problems()
			for _, p := range got {
				if p.Line == c.line && p.Severity == c.severity && strings.Contains(p.Text, c.want) {
					return
				}
			}
			t.Errorf("got %v, want %s at line %d: ...%s...", got, c.severity, c.line, c.want)
		})
	}
}

func TestAloneIsWithoutIncludes(t *testing.T) {
	f := parse(t, "[mysqld]\n !includedir /d\na=1\n[SST]\nb=2\n[sst]\nc=3\n[none]\n!include /x")
	if got := string(f.Alone()); got != "[mysqld]\n# !includedir /d\na=1\n[SST]\nb=2\n[sst]\nc=3\n[none]\n#!include /x" {
		t.Errorf("got %q", got)
	}
	if got := strings.Join(f.Groups(), " "); got != "mysqld SST" {
		t.Errorf("got the groups %s", got)
	}
}

func TestSoundFileHasNoProblems(t *testing.T) {
	text := "# “prose” is free\n[mysqld] # main\nssl-ca = /x # note\na='x#y' # z\n; it's\n!includedir /etc/mysql/conf.d/"
	if got := parse(t, text).Problems(); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}
