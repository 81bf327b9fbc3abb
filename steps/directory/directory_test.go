package directory

import (
	"strings"
	"testing"

	"lockstep/steps/stepstest"
)

func TestConformance(t *testing.T) {
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "new", YAML: `{path: /etc/certs, owner: root, group: mysql, mode: "0750"}`,
			Build: func(w *stepstest.World) { w.Self.PutDir("/etc") }},
		stepstest.Case{Name: "new below new", YAML: `{path: /srv/a/b, parents: true}`,
			Build: func(w *stepstest.World) { w.Self.PutDir("/srv") }},
		stepstest.Case{Name: "below a link", YAML: `{path: /srv/link/a}`,
			Build: func(w *stepstest.World) { w.Self.PutDir("/srv/real"); w.Self.PutLink("/srv/link", "real") }},
		stepstest.Case{Name: "other mode", YAML: `{path: /srv, mode: "0711"}`,
			Build: func(w *stepstest.World) { w.Self.PutDir("/srv") }},
		stepstest.Case{Name: "as wanted", YAML: `{path: /srv, mode: "0755"}`, Holds: true,
			Build: func(w *stepstest.World) { w.Self.PutDir("/srv") }},
	)
}

func TestRefuses(t *testing.T) {
	for _, row := range []struct {
		name, yaml, want string
		build            func(f *stepstest.Fake)
	}{
		{"a file", `{path: /srv/a}`, "/srv/a is a file, not a directory", func(f *stepstest.Fake) { f.PutFile("/srv/a", "") }},
		{"a link", `{path: /srv/a}`, "/srv/a is a link to /b", func(f *stepstest.Fake) { f.PutLink("/srv/a", "/b") }},
		{"no parent", `{path: /srv/a/b}`, "/srv/a does not exist", func(f *stepstest.Fake) { f.PutDir("/srv") }},
		{"a file above", `{path: /srv/a/b, parents: true}`, "/srv/a is a file", func(f *stepstest.Fake) { f.PutFile("/srv/a", "") }},
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

func TestParentsAreShownOneByOne(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	c, err := stepstest.Decode(t, Kind(), `{path: /a/b/c, parents: true}`).Probe(t.Context(), w.View())
	if err != nil || len(c.Edits) != 3 || c.Edits[0].Subject != "/a" || c.Edits[2].Subject != "/a/b/c" {
		t.Errorf("got %+v, %v; want /a, /a/b and /a/b/c", c.Edits, err)
	}
}
