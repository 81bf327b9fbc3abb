package template

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/stepstest"
)

const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIBplantedsecret\n-----END RSA PRIVATE KEY-----\n"

func TestConformance(t *testing.T) {
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "new from plan", YAML: `{content: "a={{ a }}\n", vars: {a: 1}, dest: /etc/a, mode: "0644"}`,
			Build: func(w *stepstest.World) { w.Self.PutDir("/etc") }},
		stepstest.Case{Name: "from a file with an include", YAML: `{src: t.j2, dest: /a, vars: {db_password: planted-secret}}`,
			Secrets: []string{"planted-secret"},
			Build: func(w *stepstest.World) {
				w.Control.PutFile("/plan/t.j2", "{% include 'parts/p.j2' %}")
				w.Control.PutFile("/plan/parts/p.j2", "p={{ db_password }}")
				w.Self.PutFile("/a", "p=old")
			}},
		stepstest.Case{Name: "as wanted", YAML: `{content: "{{ 'a' }}", dest: /etc/a}`, Holds: true,
			Build: func(w *stepstest.World) { w.Self.PutFile("/etc/a", "a") }},
		stepstest.Case{Name: "only the group", YAML: `{content: a, dest: /etc/a, group: mysql}`,
			Build: func(w *stepstest.World) { w.Self.PutFile("/etc/a", "a") }},
		stepstest.Case{Name: "through a link", YAML: `{content: new, dest: /etc/link}`,
			Build: func(w *stepstest.World) { w.Self.PutFile("/etc/a", "old"); w.Self.PutLink("/etc/link", "a") }},
		stepstest.Case{Name: "a key", YAML: `{content: "{{ k }}", vars: {k: "-----BEGIN RSA PRIVATE KEY-----\nMIIBplantedsecret\n-----END RSA PRIVATE KEY-----\n"}, dest: /k, mode: "0600"}`,
			Secrets: []string{"MIIBplantedsecret"}},
		stepstest.Case{Name: "template not made yet", YAML: `{src: a, dest: /a}`,
			Build: func(w *stepstest.World) {
				w.Control.PutFile("/plan/a", "{% broken")
				w.Control.Edit("/plan/a", func(s *steps.Stat) { s.Unsettled = true })
			}},
	)
}

func TestCheck(t *testing.T) {
	for yaml, want := range map[string]string{
		`{src: a}`:                                 "dest",
		`{src: a, content: b, dest: /a}`:           "both src and content",
		`{dest: /a}`:                               "neither src nor content",
		`{content: [a], dest: /a}`:                 "content must be a text",
		`{content: a, vars: [b], dest: /a}`:        "vars must be a map",
		`{content: "a\n{{ b | nope }}", dest: /a}`: "/plan/plan.yml:1:11 (content):2:8: there is no filter \"nope\"",
	} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", yaml, err, want)
		}
	}
}

func TestKeysAreGuarded(t *testing.T) {
	for _, row := range []struct {
		params  string
		found   fs.FileMode
		refused bool
	}{
		{``, 0, false}, {`, mode: "0400"`, 0, false}, {`, group: mysql, mode: "0640"`, 0, false},
		{`, mode: "0640"`, 0, true}, {`, mode: "0644"`, 0, true}, {``, 0o644, true}, {``, 0o600, false},
	} {
		w := stepstest.NewWorld(Kind())
		w.Control.PutFile("/plan/k", key)
		if row.found != 0 {
			w.Self.PutFile("/k", "old")
			w.Self.Chown("/k", "root", "root", row.found)
		}
		_, err := stepstest.Decode(t, Kind(), `{src: k, dest: /k`+row.params+`}`).Probe(t.Context(), w.View())
		if (err != nil) != row.refused || err != nil && strings.Contains(err.Error(), "plantedsecret") {
			t.Errorf("%q over %o: got %v, want refused %v", row.params, row.found, err, row.refused)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, row := range []struct {
		name, yaml, want string
		build            func(w *stepstest.World)
	}{
		{"a directory", `{content: a, dest: /etc}`, "/etc is a directory", func(w *stepstest.World) { w.Self.PutDir("/etc") }},
		{"a socket", `{content: a, dest: /s}`, "socket", func(w *stepstest.World) { w.Self.PutSpecial("/s") }},
		{"no parent", `{content: a, dest: /x/y}`, "the directory /x does not exist", func(*stepstest.World) {}},
		{"no source", `{src: a, dest: /a}`, "/plan/a does not exist on the control machine", func(*stepstest.World) {}},
		{"source is a directory", `{src: a, dest: /a}`, "is a directory, not a file", func(w *stepstest.World) { w.Control.PutDir("/plan/a") }},
		{"include through a link", `{src: a, dest: /a}`, "is a link", func(w *stepstest.World) {
			w.Control.PutFile("/plan/a", "{% include 'l/passwd' %}")
			w.Control.PutFile("/etc/passwd", "root")
			w.Control.PutLink("/plan/l", "/etc")
		}},
		{"include of a directory", `{src: a, dest: /a}`, "is a directory", func(w *stepstest.World) {
			w.Control.PutFile("/plan/a", "{% include 'd' %}")
			w.Control.PutDir("/plan/d")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			row.build(w)
			_, err := stepstest.Decode(t, Kind(), row.yaml).Probe(t.Context(), w.View())
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
		})
	}
}

// onDisk makes a step whose template is a real file.
func onDisk(t *testing.T, files map[string]string) (*step, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src := filepath.Join(dir, "t.j2")
	return stepstest.Decode(t, Kind(), `{src: "`+src+`", dest: /a, vars: {own: 1}}`).(*step), dir
}

func TestUses(t *testing.T) {
	s, dir := onDisk(t, map[string]string{"t.j2": "{{ own }}{{ prot }}\n{{ x | default(1) }}{% include 'i.j2' %}", "i.j2": "\n{{ host }}"})
	uses, err := s.Uses()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range uses {
		got = append(got, u.Name+map[bool]string{true: "?"}[u.Optional])
	}
	if want := "prot x? host"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	want := filepath.Join(dir, "t.j2") + ":1:13: the variable \"prot\" is not defined\n    1 | {{ own }}{{ prot }}\n      |             ^\n  hint: did you mean \"port\"?"
	if err := uses[0].Missing([]string{"host", "port"}); err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	if err := uses[2].Missing(nil); !strings.HasPrefix(err.Error(), filepath.Join(dir, "i.j2")+":2:4: ") {
		t.Errorf("an included template: got %v", err)
	}
	if needs := s.Needs(); !slices.Equal(needs, []string{filepath.Join(dir, "t.j2"), filepath.Join(dir, "i.j2")}) {
		t.Errorf("needs: got %q", needs)
	}
}

func TestUsesOfWhatIsNotThereYet(t *testing.T) {
	s, _ := onDisk(t, nil)
	if uses, err := s.Uses(); err != nil || len(uses) != 0 {
		t.Errorf("got %v, %v; want nothing", uses, err)
	}
}

func TestIncludeDoesNotLeaveTheFolder(t *testing.T) {
	for _, name := range []string{"/etc/hostname", "../secret", "a/../../secret", "./t.j2", "link", "dir/secret"} {
		s, dir := onDisk(t, map[string]string{"t.j2": "{% include '" + name + "' %}"})
		outside := t.TempDir()
		if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("{{ leaked }}"), 0o600); err != nil {
			t.Fatal(err)
		}
		for link, to := range map[string]string{"link": filepath.Join(outside, "secret"), "dir": outside} {
			if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		uses, err := s.Uses()
		if err == nil || len(uses) > 0 || strings.Contains(err.Error(), "leaked") {
			t.Errorf("include of %s: got %v, %v; want it refused", name, uses, err)
		}
	}
}

func TestHostVarsAndSecrets(t *testing.T) {
	yaml := `{content: "{{ port }} {{ name }} {{ vault }} {{ db.password }}", vars: {name: own}, dest: /a}`
	s := stepstest.Decode(t, Kind(), yaml).(*step)
	v, err := source.ParseYAML("vars.yml", []byte(`{port: 3306, name: theirs, vault: sealed-value, db: {password: hunter22, host: db1}}`))
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]source.Value{}
	for _, f := range v.Fields {
		vars[f.Key] = f.Value
	}
	vars["vault"] = vars["vault"].Seal()
	s.SetVars(vars)
	w := stepstest.NewWorld(Kind())
	c, err := s.Probe(t.Context(), w.View())
	if err != nil {
		t.Fatal(err)
	}
	if got := string(c.Edits[0].After.Data); got != "3306 own sealed-value hunter22" {
		t.Errorf("got %q", got)
	}
	if want := []string{"hunter22", "sealed-value"}; !slices.Equal(c.Secrets, want) {
		t.Errorf("secrets: got %q, want %q", c.Secrets, want)
	}
}
