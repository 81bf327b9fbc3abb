package certs

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/rotation"
	"lockstep/steps/stepstest"
)

const rotating = `{dir: certs, name: prod, key: ecdsa-p256, deployed: [/etc/certs/ca.pem], ca_since: 2027-03-01}`

// files are those of dir, by path.
func files(t *testing.T, w *stepstest.World) map[string]string {
	t.Helper()
	names, err := w.Self.ReadDir(t.Context(), "/plan/certs")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, name := range names {
		found["/plan/certs/"+name] = w.Self.Content("/plan/certs/" + name)
	}
	return found
}

// consistent fails the test unless all files of dir belong to one authority.
func consistent(t *testing.T, w *stepstest.World) *pki.Pair {
	t.Helper()
	read := func(name string) []byte { return []byte(w.Self.Content("/plan/certs/" + name)) }
	ca, err := pki.LoadPair(read(caCert), read(caKey))
	if err != nil {
		t.Fatalf("the authority: %v", err)
	}
	for _, l := range [][2]string{{serverCert, serverKey}, {clientCert, clientKey}} {
		p, err := pki.LoadPair(read(l[0]), read(l[1]))
		if err != nil {
			t.Fatalf("%s: %v", l[0], err)
		}
		if err := p.Cert.CheckSignatureFrom(ca.Cert); err != nil {
			t.Errorf("%s is not of the authority: %v", l[0], err)
		}
	}
	return ca
}

// inUse is a set of day 0 whose authority two hosts trust, on day 60.
func inUse(t *testing.T) func(*stepstest.World) {
	sound := made(t)
	return func(w *stepstest.World) {
		sound(w)
		for _, p := range w.Peers {
			p.PutFile("/etc/certs/ca.pem", w.Self.Content("/plan/certs/ca.pem"))
		}
		at(w, day0.Add(60*day))
	}
}

func TestRotationConforms(t *testing.T) {
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "made before the day", YAML: rotating, Build: inUse(t)},
		stepstest.Case{Name: "made since", YAML: strings.Replace(rotating, "2027-03-01", "2027-01-10T12:00:00Z", 1), Build: inUse(t), Holds: true},
		stepstest.Case{Name: "ends far from now", YAML: `{dir: certs, name: prod, key: ecdsa-p256, ca_renew_before: 180d}`, Build: inUse(t), Holds: true},
		stepstest.Case{Name: "ends soon", YAML: `{dir: certs, name: prod, key: ecdsa-p256, ca_renew_before: 180d}`,
			Build: func(w *stepstest.World) { inUse(t)(w); at(w, day0.Add(3500*day)) }},
		stepstest.Case{Name: "expired", YAML: `{dir: certs, name: prod, key: ecdsa-p256, ca_renew_before: 180d}`,
			Build: func(w *stepstest.World) { inUse(t)(w); at(w, day0.Add(3700*day)) }},
	)
}

// TestTheFormerAuthorityIsKept also runs twice, and lets hosts hold either.
func TestTheFormerAuthorityIsKept(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	inUse(t)(w)
	was := files(t, w)
	old := consistent(t, w)
	run(t, w, rotating)
	fresh := consistent(t, w)
	if fresh.Cert.Equal(old.Cert) {
		t.Fatal("the authority was not replaced")
	}
	certName, keyName := rotation.FormerFiles(old.Cert)
	if !strings.HasPrefix(certName, "ca-20270110-") {
		t.Errorf("the name %s does not tell the generation", certName)
	}
	for name, of := range map[string]string{certName: caCert, keyName: caKey} {
		if got := w.Self.Content("/plan/certs/" + name); got != was["/plan/certs/"+of] {
			t.Errorf("%s: got %q, want the former %s", name, got, of)
		}
	}
	if s, err := w.Self.Stat(t.Context(), "/plan/certs/"+keyName); err != nil || s.Mode != keyMode {
		t.Errorf("%s: got mode %s, %v; want %s", keyName, steps.FormatMode(s.Mode), err, steps.FormatMode(keyMode))
	}
	if c := run(t, w, rotating); !c.Empty() {
		t.Errorf("a second run: got %+v, want nothing to do", c.Edits)
	}
	w.Peers[1].PutFile("/etc/certs/ca.pem", w.Self.Content("/plan/certs/ca.pem")) // one is through, the other is not
	if c := run(t, w, rotating); !c.Empty() {
		t.Errorf("in the middle of a rotation: got %+v, want nothing to do", c.Edits)
	}
}

// TestACutOffReplacementGoesOn stops between any two files of the ten.
func TestACutOffReplacementGoesOn(t *testing.T) {
	build := inUse(t)
	before := stepstest.NewWorld(Kind())
	build(before)
	was := files(t, before)
	old := consistent(t, before)
	step := stepstest.Decode(t, Kind(), rotating)
	c, err := step.Probe(t.Context(), before.View())
	if err != nil {
		t.Fatal(err)
	}
	if err := step.Apply(t.Context(), before.Self, c); err != nil {
		t.Fatal(err)
	}
	for n := range len(c.Edits) + 1 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			build(w)
			for _, e := range c.Edits[:n] {
				w.Self.PutFile(e.Subject, before.Self.Content(e.Subject))
			}
			run(t, w, rotating)
			if consistent(t, w).Cert.Equal(old.Cert) {
				t.Error("the former authority is still there")
			}
			_, keyName := rotation.FormerFiles(old.Cert)
			if got := w.Self.Content("/plan/certs/" + keyName); got != was["/plan/certs/"+caKey] {
				t.Errorf("the former key: got %q, want it kept", got)
			}
			if c := run(t, w, rotating); !c.Empty() {
				t.Errorf("a second run: got %+v, want nothing to do", c.Edits)
			}
		})
	}
}

func TestRotationRefuses(t *testing.T) {
	plain := `{dir: certs, name: prod, key: ecdsa-p256, deployed: [/etc/certs/ca.pem]}`
	for _, row := range []struct {
		name, yaml, want string
		build            func(w *stepstest.World)
	}{
		{"a day that is to come", strings.Replace(rotating, "2027-03-01", "2027-04-01", 1), "lies ahead", nil},
		{"hosts of a stranger", rotating, "not the one that hosts trust", func(w *stepstest.World) {
			stranger := stepstest.NewWorld(Kind())
			made(t)(stranger)
			w.Peers[0].PutFile("/etc/certs/ca.pem", stranger.Self.Content("/plan/certs/ca.pem"))
		}},
		{"a plan that does not rotate, while hosts hold the former one", plain, "run the plan that rotates", func(w *stepstest.World) { run(t, w, rotating) }},
		{"a plan that does not rotate, near the end", plain, "run a plan that rotates", func(w *stepstest.World) { at(w, day0.Add(3640*day)) }},
		{"a kept file that cannot be read", rotating, "ca-x.pem cannot be read", func(w *stepstest.World) { w.Self.PutFile("/plan/certs/ca-x.pem", "x") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			inUse(t)(w)
			if row.build != nil {
				row.build(w)
			}
			_, err := stepstest.Decode(t, Kind(), row.yaml).Probe(t.Context(), w.View())
			var p *steps.Problem
			if !errors.As(err, &p) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want a problem with %q", err, row.want)
			}
		})
	}
	for _, yaml := range []string{strings.Replace(rotating, "2027-03-01", "soon", 1), strings.Replace(rotating, "key:", "source: files, key:", 1)} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil {
			t.Errorf("%s was taken", yaml)
		}
	}
}
