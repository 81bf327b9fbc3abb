package param_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
	"lockstep/steps/param"
)

type item struct {
	Name string
	Size int
}

type all struct {
	Text, Word, Path, Local string
	Flag                    bool
	Number                  int
	Time                    time.Duration
	Mode                    *fs.FileMode
	Texts, Paths            []string
	Raw                     source.Value
	Inner                   item
	Items                   []item
}

func (a *all) declare(s *param.Set) {
	s.String(&a.Text, "text", "any text")
	s.String(&a.Word, "word", "one of two", param.OneOf("present", "absent"))
	s.Path(&a.Path, "path", "on a host")
	s.ControlPath(&a.Local, "local", "on the control machine")
	s.Bool(&a.Flag, "flag", "yes or no")
	s.Int(&a.Number, "number", "how many")
	s.Duration(&a.Time, "time", "how long")
	s.Mode(&a.Mode, "mode", "who may")
	s.Strings(&a.Texts, "texts", "some", param.Check(func(text string) error {
		if text == "bad" {
			return errors.New("bad is not good")
		}
		return nil
	}))
	s.Paths(&a.Paths, "paths", "some paths")
	s.Raw(&a.Raw, "raw", "anything", "whatever it is")
	s.Object("inner", "a map", func(s *param.Set) {
		s.String(&a.Inner.Name, "name", "its name", param.Required())
		s.Int(&a.Inner.Size, "size", "its size")
	})
	param.List(s, &a.Items, "items", "maps", func(i *item, s *param.Set) {
		s.String(&i.Name, "name", "its name", param.Required())
		s.Int(&i.Size, "size", "its size")
	})
}

func decode(text string) (all, error) {
	v, err := source.ParseYAML("/plans/site/plan.yml", []byte(text))
	if err != nil {
		return all{}, err
	}
	var a all
	var s param.Set
	a.declare(&s)
	err = s.Decode(v)
	return a, err
}

func mode(m fs.FileMode) *fs.FileMode { return &m }

func TestDecode(t *testing.T) {
	for text, want := range map[string]all{
		"":                              {},
		"text: yes":                     {Text: "yes"},
		"text: 007":                     {Text: "007"},
		"word: absent":                  {Word: "absent"},
		"path: /etc//x/../y/":           {Path: "/etc/y"},
		"local: files/a":                {Local: "/plans/site/files/a"},
		"local: ../a":                   {Local: "/plans/a"},
		"local: /a/./b":                 {Local: "/a/b"},
		"flag: true":                    {Flag: true},
		"number: -3":                    {Number: -3},
		"number: 2.0":                   {Number: 2},
		"time: 90d":                     {Time: 90 * 24 * time.Hour},
		"time: 1h30m":                   {Time: 90 * time.Minute},
		"mode: 0640":                    {Mode: mode(0o640)},
		"mode: 0o640":                   {Mode: mode(0o640)},
		"mode: \"640\"":                 {Mode: mode(0o640)},
		"mode: '4755'":                  {Mode: mode(0o4755)},
		"mode: 0":                       {Mode: mode(0)},
		"texts: one":                    {Texts: []string{"one"}},
		"texts: [a, 1, true]":           {Texts: []string{"a", "1", "true"}},
		"paths: [/a/, /b]":              {Paths: []string{"/a", "/b"}},
		"inner: {name: n, size: 1}":     {Inner: item{"n", 1}},
		"items: [{name: a}, {name: b}]": {Items: []item{{Name: "a"}, {Name: "b"}}},
	} {
		t.Run(text, func(t *testing.T) {
			got, err := decode(text)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Raw" }, cmp.Ignore())); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"[a]":                       "1:1: expected a map of parameters (text, word, path, local, flag, number, time, mode, texts, paths, raw, inner, items), but this is a list",
		"txet: x":                   `1:1: there is no parameter "txet" | did you mean "text"?`,
		"zzzzzzzz: x":               `1:1: there is no parameter "zzzzzzzz" | the parameters are text, word, path, local, flag, number, time, mode, texts, paths, raw, inner, items`,
		"text: [a]":                 "1:7: text must be text, but this is a list",
		"text:":                     "1:6: text must be text, but this is nothing",
		"word: presnt":              `1:7: word is "presnt", but it must be one of present, absent | did you mean "present"?`,
		"path: etc/x":               `1:7: the path "etc/x" is not absolute | write it from the root: /etc/...`,
		"path: \"/a\\nb\"":          `1:7: the path "/a\nb" holds a line break or a zero byte`,
		"local: ''":                 `1:8: local is "", which is not a path`,
		"flag: yes":                 `1:7: flag must be true or false, but this is "yes" | write true or false`,
		"flag: 'true'":              `1:7: flag must be true or false, but this is "true" | write true or false`,
		"flag: [true]":              "1:7: flag must be true or false, but this is a list",
		"number: 1.5":               `1:9: number must be a whole number, but this is "1.5"`,
		"number: '1'":               `1:9: number must be a whole number, but this is "1"`,
		"number:":                   "1:8: number must be number, but this is nothing",
		"time: 30":                  `1:7: time must be a duration, but this is "30" | write a number with its unit: 30s, 10m, 12h, 90d`,
		"time: {a: 1}":              "1:7: time must be duration, but this is a map",
		"mode: 644":                 `1:7: mode is the decimal number 644, which is not the mode it looks like | write "0644" or 0644`,
		"mode: u=rw":                `1:7: mode is "u=rw", which is not a mode | write three or four octal digits: "0640"`,
		"mode: \"0888\"":            `1:7: mode is "0888", which is not a mode | write three or four octal digits: "0640"`,
		"mode: '77777'":             `1:7: mode is "77777", which is not a mode | write three or four octal digits: "0640"`,
		"texts: [ok, bad]":          "1:13: bad is not good",
		"texts: [[a]]":              "1:9: texts must hold single values, but this is a list",
		"texts: {a: 1}":             "1:8: texts must be a list, but this is a map",
		"paths: [a, /b]":            `1:9: the path "a" is not absolute | write it from the root: /etc/...`,
		"inner: {size: 1}":          `1:8: the parameter "name" is missing: its name`,
		"inner: {name: n, siez: 1}": `1:18: there is no parameter "siez" | did you mean "size"?`,
		"items: {name: a}":          "1:8: items must be a list of maps, but this is a map",
		"items: [{name: a}, {size: x}]": "1:27: size must be a whole number, but this is \"x\"\n" +
			`1:20: the parameter "name" is missing: its name`,
		"txet: x\nflag: 1\nmode: 644": "1:1: there is no parameter \"txet\" | did you mean \"text\"?\n" +
			"2:7: flag must be true or false, but this is \"1\" | write true or false\n" +
			`3:7: mode is the decimal number 644, which is not the mode it looks like | write "0644" or 0644`,
	} {
		t.Run(text, func(t *testing.T) {
			_, err := decode(text)
			if got := short(t, err); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// short is each problem as LINE:COL: MESSAGE | HINT.
func short(t *testing.T, err error) string {
	t.Helper()
	var problems []string
	var list *multierror.Error
	if !errors.As(err, &list) {
		list = multierror.Append(nil, err)
	}
	for _, e := range list.Errors {
		var at *source.Error
		if !errors.As(e, &at) {
			t.Fatalf("a problem without a place: %v", e)
		}
		text := strings.TrimPrefix(at.Pos.String(), "/plans/site/plan.yml:") + ": " + at.Msg
		if at.Hint != "" {
			text += " | " + at.Hint
		}
		problems = append(problems, text)
	}
	return strings.Join(problems, "\n")
}

func TestFieldsDescribeThemselves(t *testing.T) {
	a := all{Text: "def", Flag: true, Number: 3, Time: 36 * time.Hour, Mode: mode(0o640), Texts: []string{"a", "b"}}
	var s param.Set
	a.declare(&s)
	got := map[string]string{}
	for _, f := range s.Fields() {
		got[f.Name] = f.Type + " = " + f.Default
		if f.Sub != nil {
			got[f.Name] += " of " + f.Sub.Fields()[0].Name
		}
	}
	want := map[string]string{
		"text": "text = def", "word": "text = ", "path": "path = ", "local": "local path = ", "flag": "true or false = true",
		"number": "number = 3", "time": "duration = 36h", "mode": "mode = 0640", "texts": "list of text = a, b",
		"paths": "list of paths = ", "raw": "anything = ", "inner": "map =  of name", "items": "list of maps =  of name",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "1.5s": 1500 * time.Millisecond, "90d": 90 * 24 * time.Hour,
		"2w": 14 * 24 * time.Hour, "0s": 0, "36500d": 36500 * 24 * time.Hour,
	} {
		got, err := param.ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
		if back, err := param.ParseDuration(param.FormatDuration(got)); got != 0 && (err != nil || back != got) {
			t.Errorf("%q: printed as %q", text, param.FormatDuration(got))
		}
	}
	for _, text := range []string{"", "0", "30", "-1s", "d", "-1d", "1.5d", "36501d", "99999999999999999999w", "1d12h", "soon"} {
		if got, err := param.ParseDuration(text); err == nil {
			t.Errorf("%q: got %s, want an error", text, got)
		}
	}
}
