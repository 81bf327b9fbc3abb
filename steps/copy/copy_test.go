package copy

import (
	"io/fs"
	"strings"
	"testing"

	"lockstep/steps"
	"lockstep/steps/stepstest"
)

const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIBplantedsecret\n-----END RSA PRIVATE KEY-----\n"

func TestConformance(t *testing.T) {
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "new from plan", YAML: `{content: "a\n", dest: /etc/a, mode: "0644"}`,
			Build: func(w *stepstest.World) { w.Self.PutDir("/etc") }},
		stepstest.Case{Name: "empty", YAML: `{content: "", dest: /a}`},
		stepstest.Case{Name: "changed key", YAML: `{src: key.pem, dest: /etc/key.pem, owner: root, group: mysql, mode: "0640"}`,
			Secrets: []string{"MIIBplantedsecret", "MIIBold"},
			Build: func(w *stepstest.World) {
				w.Control.PutFile("/plan/key.pem", key)
				w.Self.PutFile("/etc/key.pem", strings.ReplaceAll(key, "MIIBplantedsecret", "MIIBold"))
			}},
		stepstest.Case{Name: "only the group", YAML: `{content: a, dest: /etc/a, group: mysql}`,
			Build: func(w *stepstest.World) { w.Self.PutFile("/etc/a", "a") }},
		stepstest.Case{Name: "through a link", YAML: `{content: new, dest: /etc/link}`,
			Build: func(w *stepstest.World) { w.Self.PutFile("/etc/a", "old"); w.Self.PutLink("/etc/link", "a") }},
		stepstest.Case{Name: "as wanted", YAML: `{content: a, dest: /etc/a}`, Holds: true,
			Build: func(w *stepstest.World) { w.Self.PutFile("/etc/a", "a") }},
		stepstest.Case{Name: "list", YAML: `{mode: "0644", files: [{src: a, dest: /a}, {src: /b, dest: /b, mode: "0600"}]}`,
			Build: func(w *stepstest.World) { w.Control.PutFile("/plan/a", "a"); w.Control.PutFile("/b", "b") }},
		stepstest.Case{Name: "over a big file", YAML: `{content: a, dest: /big}`,
			Build: func(w *stepstest.World) { w.Self.PutFile("/big", strings.Repeat("x", steps.MaxRead+1)) }},
		stepstest.Case{Name: "big and new", YAML: `{src: a, dest: /a}`,
			Build: func(w *stepstest.World) { w.Control.PutFile("/plan/a", big("x")) }},
		stepstest.Case{Name: "big and changed", YAML: `{src: a, dest: /a}`,
			Build: func(w *stepstest.World) { w.Control.PutFile("/plan/a", big("x")); w.Self.PutFile("/a", big("y")) }},
		stepstest.Case{Name: "big over small", YAML: `{src: a, dest: /a}`,
			Build: func(w *stepstest.World) { w.Control.PutFile("/plan/a", big("x")); w.Self.PutFile("/a", "y") }},
		stepstest.Case{Name: "big as wanted", YAML: `{src: a, dest: /a}`, Holds: true,
			Build: func(w *stepstest.World) { w.Control.PutFile("/plan/a", big("x")); w.Self.PutFile("/a", big("x")) }},
		stepstest.Case{Name: "not made yet", YAML: `{src: a, dest: /a}`,
			Build: func(w *stepstest.World) {
				w.Control.PutFile("/plan/a", "made in memory")
				w.Control.Edit("/plan/a", func(s *steps.Stat) { s.Unsettled = true })
			}},
	)
}

// big is content that is not taken into memory at once.
func big(s string) string { return strings.Repeat(s, steps.MaxRead+1) }

func TestUnsettledIsPassedOn(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	w.Control.PutFile("/plan/a", key)
	w.Control.Edit("/plan/a", func(s *steps.Stat) { s.Unsettled = true })
	c, err := stepstest.Decode(t, Kind(), `{src: a, dest: /a}`).Probe(t.Context(), w.View())
	if err != nil || len(c.Edits) != 1 || !c.Edits[0].After.Unsettled || c.Edits[0].After.SHA256 != "" {
		t.Errorf("got %+v, %v; want one edit with unsettled content", c, err)
	}
}

func TestKeysAreGuarded(t *testing.T) {
	for _, row := range []struct {
		name, params string
		found        fs.FileMode // mode of what is there, 0 for nothing
		refused      bool
	}{
		{"new without a mode", ``, 0, false},
		{"private", `, mode: "0400"`, 0, false},
		{"for a named group", `, group: mysql, mode: "0640"`, 0, false},
		{"for whatever group", `, mode: "0640"`, 0, true},
		{"group may write", `, group: mysql, mode: "0660"`, 0, true},
		{"for all", `, group: mysql, mode: "0644"`, 0, true},
		{"open already", ``, 0o644, true},
		{"closed already", ``, 0o600, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			w.Control.PutFile("/plan/k", key)
			if row.found != 0 {
				w.Self.PutFile("/k", "old")
				w.Self.Chown("/k", "root", "root", row.found)
			}
			_, err := stepstest.Decode(t, Kind(), `{src: k, dest: /k`+row.params+`}`).Probe(t.Context(), w.View())
			if (err != nil) != row.refused {
				t.Errorf("got %v, want refused %v", err, row.refused)
			}
			if err != nil && strings.Contains(err.Error(), "plantedsecret") {
				t.Error("the error shows the key")
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	for _, row := range []struct {
		name, yaml, want string
		build            func(w *stepstest.World)
	}{
		{"a directory", `{content: a, dest: /etc}`, "/etc is a directory", func(w *stepstest.World) { w.Self.PutDir("/etc") }},
		{"a socket", `{content: a, dest: /s}`, "socket", func(w *stepstest.World) { w.Self.PutSpecial("/s") }},
		{"no parent", `{content: a, dest: /etc/x/y}`, "the directory /etc/x does not exist", func(w *stepstest.World) { w.Self.PutDir("/etc") }},
		{"dangling link", `{content: a, dest: /l}`, "which does not exist", func(w *stepstest.World) { w.Self.PutLink("/l", "/none") }},
		{"no source", `{src: a, dest: /a}`, "/plan/a does not exist on the control machine", func(*stepstest.World) {}},
		{"source is a directory", `{src: a, dest: /a}`, "is a directory, not a file", func(w *stepstest.World) { w.Control.PutDir("/plan/a") }},
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

func TestCheck(t *testing.T) {
	for yaml, want := range map[string]string{
		`{src: a}`:                                          "dest is missing",
		`{src: a, content: b, dest: /a}`:                    "both src and content",
		`{dest: /a}`:                                        "neither src nor content",
		`{content: {a: b}, dest: /a}`:                       "content must be a text",
		`{src: a, files: [{src: a, dest: /a}]}`:             "not beside it",
		`{files: [{src: a, dest: /a}, {src: b, dest: /a}]}`: "/a twice",
	} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", yaml, err, want)
		}
	}
}

func TestNeeds(t *testing.T) {
	local := stepstest.Decode(t, Kind(), `{files: [{src: a, dest: /a}, {content: b, dest: /b}]}`).(steps.Local)
	if got := strings.Join(local.Needs(), " "); got != "/plan/a" {
		t.Errorf("got %q, want /plan/a", got)
	}
}
