package file

import (
	"strings"
	"testing"

	"lockstep/steps/stepstest"
)

const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIBplantedsecret\n-----END RSA PRIVATE KEY-----\n"

func TestConformance(t *testing.T) {
	file := func(w *stepstest.World) { w.Self.PutFile("/etc/key.pem", key) }
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "attributes", YAML: `{path: /etc/key.pem, group: mysql, mode: "0640"}`, Build: file},
		stepstest.Case{Name: "as wanted", YAML: `{path: /etc/key.pem, owner: root, mode: "0644"}`, Build: file, Holds: true},
		stepstest.Case{Name: "remove a file", YAML: `{path: /etc/key.pem, state: absent}`, Build: file, Secrets: []string{"MIIBplantedsecret"}},
		stepstest.Case{Name: "remove a link", YAML: `{path: /etc/link, state: absent}`,
			Build: func(w *stepstest.World) { w.Self.PutLink("/etc/link", "/etc/key.pem") }},
		stepstest.Case{Name: "remove an empty directory", YAML: `{path: /etc/empty, state: absent}`,
			Build: func(w *stepstest.World) { w.Self.PutDir("/etc/empty") }},
		stepstest.Case{Name: "nothing to remove", YAML: `{path: /etc/none, state: absent}`, Holds: true},
	)
}

func TestRefuses(t *testing.T) {
	for _, row := range []struct {
		name, yaml, want string
		build            func(f *stepstest.Fake)
	}{
		{"what is not there", `{path: /a, mode: "0600"}`, "/a does not exist", func(*stepstest.Fake) {}},
		{"a link", `{path: /a, mode: "0600"}`, "/a is a link to /b", func(f *stepstest.Fake) { f.PutLink("/a", "/b") }},
		{"a full directory", `{path: /a, state: absent}`, "holds 2 entries (b, c)", func(f *stepstest.Fake) {
			f.PutFile("/a/b", "")
			f.PutFile("/a/c", "")
		}},
		{"a socket", `{path: /a, state: absent}`, "socket", func(f *stepstest.Fake) { f.PutSpecial("/a") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			row.build(w.Self)
			_, err := stepstest.Decode(t, Kind(), row.yaml).Probe(t.Context(), w.View())
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for yaml, want := range map[string]string{
		`{path: /a}`: "nothing to keep",
		`{path: /a, state: absent, mode: "0600"}`: "leave them out",
		`{path: /, state: absent}`:                "root directory",
		`{path: /a, state: gone}`:                 "must be one of",
	} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", yaml, err, want)
		}
	}
}
