package certs

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/stepstest"
)

const yaml = `{dir: certs, name: prod, key: ecdsa-p256}`

var day0 = time.Date(2027, 1, 10, 12, 0, 0, 0, time.UTC)

func at(w *stepstest.World, now time.Time) {
	w.Self.Answer(fmt.Sprintln(now.Unix()), "date", "+%s")
}

func empty(w *stepstest.World) {
	w.AddPeer("db1").SetAddress("10.0.0.1")
	w.AddPeer("db2").SetAddress("10.0.0.2")
	w.Self.PutDir("/plan")
	at(w, day0)
}

// run applies yaml to the world and returns what was to be done.
func run(t *testing.T, w *stepstest.World, yaml string) steps.Change {
	t.Helper()
	step := stepstest.Decode(t, Kind(), yaml)
	c, err := step.Probe(t.Context(), w.View())
	if err != nil {
		t.Fatalf("probe: %v", err)
	}
	if err := step.Apply(t.Context(), w.Self, c); err != nil {
		t.Fatalf("apply: %v", err)
	}
	return c
}

// made is a world with a set that was made on day 0.
func made(t *testing.T) func(w *stepstest.World) {
	first := stepstest.NewWorld(Kind())
	empty(first)
	run(t, first, yaml)
	files := map[string]string{}
	for _, p := range newStep().(*step).withDir("/plan/certs").Makes() {
		files[p] = first.Self.Content(p)
	}
	return func(w *stepstest.World) {
		empty(w)
		for p, content := range files {
			w.Self.PutFile(p, content)
			w.Self.Chown(p, "root", "root", *attrs(p).Mode)
		}
		w.Self.Chown("/plan/certs", "root", "root", dirMode)
	}
}

func (s *step) withDir(dir string) *step { s.dir = dir; return s }

func keyLines(content string) string {
	return strings.Split(content, "\n")[1]
}

func TestConformance(t *testing.T) {
	sound := made(t)
	w := stepstest.NewWorld(Kind())
	sound(w)
	secret := keyLines(w.Self.Content("/plan/certs/ca-key.pem"))
	late := func(w *stepstest.World) { sound(w); at(w, day0.Add(800*day)) }
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "all new", YAML: yaml, Build: empty},
		stepstest.Case{Name: "kept", YAML: yaml, Build: sound, Holds: true, Secrets: []string{secret}},
		stepstest.Case{Name: "renewed by horizon", YAML: yaml, Build: late, Secrets: []string{secret}},
		stepstest.Case{Name: "open key", YAML: yaml, Secrets: []string{secret},
			Build: func(w *stepstest.World) { sound(w); w.Self.Chown("/plan/certs/ca-key.pem", "root", "root", 0o644) }},
		stepstest.Case{Name: "deployed", YAML: strings.Replace(yaml, "}", ", deployed: [/etc/certs/ca.pem]}", 1), Holds: true,
			Build: func(w *stepstest.World) {
				sound(w)
				w.Peers[0].PutFile("/etc/certs/ca.pem", w.Self.Content("/plan/certs/ca.pem"))
			}},
		stepstest.Case{Name: "half a certificate", YAML: yaml,
			Build: func(w *stepstest.World) { sound(w); w.Self.Delete("/plan/certs/client-key.pem") }},
	)
}

func TestSetIsSound(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	empty(w)
	c := run(t, w, yaml)
	var subjects []string
	for _, e := range c.Edits {
		subjects = append(subjects, strings.TrimPrefix(e.Subject, "/plan/"))
		if e.After != nil && (!e.After.Unsettled || e.After.SHA256 != "" || len(e.After.Data) > 0) {
			t.Errorf("%s: the probe made content", e.Subject)
		}
	}
	want := "certs certs/ca-key.pem certs/ca.pem certs/server-key.pem certs/server-cert.pem certs/client-key.pem certs/client-cert.pem"
	if got := strings.Join(subjects, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	summary := c.Edits[4].Summary
	for _, part := range []string{`CN "prod server"`, "db1, 10.0.0.1, db2, 10.0.0.2, localhost", "825d", "ecdsa-p256"} {
		if !strings.Contains(summary, part) {
			t.Errorf("the summary %q does not tell %q", summary, part)
		}
	}
	read := func(name string) []byte { return []byte(w.Self.Content("/plan/certs/" + name)) }
	ca, err := pki.LoadPair(read(caCert), read(caKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range [][2]string{{serverCert, serverKey}, {clientCert, clientKey}} {
		pair, err := pki.LoadPair(read(l[0]), read(l[1]))
		if err != nil {
			t.Fatal(err)
		}
		if err := pair.Cert.CheckSignatureFrom(ca.Cert); err != nil {
			t.Errorf("%s: %v", l[0], err)
		}
	}
	for name, mode := range map[string]fs.FileMode{caKey: 0o600, serverKey: 0o600, caCert: 0o644, "": 0o700} {
		if s, err := w.Self.Stat(t.Context(), "/plan/certs/"+name); err != nil || s.Mode != mode {
			t.Errorf("%q: got mode %v, %v; want %v", name, s.Mode, err, mode)
		}
	}
}

func TestRenewal(t *testing.T) {
	sound := made(t)
	for _, row := range []struct {
		name, yaml string
		now        time.Time
		change     func(w *stepstest.World)
		files, why string
	}{
		{"a day before the horizon", yaml, day0.Add(794 * day), nil, "", ""},
		{"in the horizon", yaml, day0.Add(796 * day), nil, "server-key server-cert client-key client-cert", "in 29 days"},
		{"new host", yaml, day0, func(w *stepstest.World) { w.AddPeer("db3") }, "server-key server-cert", "new: db3"},
		{"host gone", yaml, day0, func(w *stepstest.World) { w.Peers = w.Peers[:1] }, "server-key server-cert", "gone: "},
		{"other key", strings.Replace(yaml, "ecdsa-p256", "rsa-2048", 1), day0, nil, "server-key server-cert client-key client-cert", "the key changed"},
		{"half", yaml, day0, func(w *stepstest.World) { w.Self.Delete("/plan/certs/server-key.pem") }, "server-key server-cert", "server-key.pem is missing"},
		{"cut off between key and certificate", yaml, day0, func(w *stepstest.World) {
			w.Self.PutFile("/plan/certs/server-key.pem", w.Self.Content("/plan/certs/client-key.pem"))
		}, "server-key server-cert", "does not belong"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			sound(w)
			at(w, row.now)
			if row.change != nil {
				row.change(w)
			}
			before := w.Self.Content("/plan/certs/ca.pem")
			c := run(t, w, row.yaml)
			var files []string
			for _, e := range c.Edits {
				name := strings.TrimSuffix(strings.TrimPrefix(e.Subject, "/plan/certs/"), ".pem")
				files = append(files, name)
				if !strings.Contains(e.Why, row.why) {
					t.Errorf("%s: why is %q, want %q", name, e.Why, row.why)
				}
			}
			if got := strings.Join(files, " "); got != row.files {
				t.Errorf("got %s, want %s", got, row.files)
			}
			if w.Self.Content("/plan/certs/ca.pem") != before {
				t.Error("the authority was replaced")
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	sound := made(t)
	drop := func(names ...string) func(w *stepstest.World) {
		return func(w *stepstest.World) {
			for _, n := range names {
				w.Self.Delete("/plan/certs/" + n)
			}
		}
	}
	put := func(name, content string) func(w *stepstest.World) {
		return func(w *stepstest.World) { w.Self.PutFile("/plan/certs/"+name, content) }
	}
	stranger, err := pki.NewCA(rand.Reader, day0, pki.CARequest{Name: "other", Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, want string
		change     func(w *stepstest.World)
	}{
		{"authority without key", "ca-key.pem is not", drop(caKey)},
		{"key without authority", "ca.pem is not", drop(caCert)},
		{"certificates without authority", "but no authority", drop(caKey, caCert)},
		{"authority that is none", "cannot be used", put(caCert, "nonsense")},
		{"key of another", "cannot be used", put(caCert, string(stranger.CertPEM()))},
		{"certificate that is none", "server-cert.pem cannot be read", put(serverCert, "nonsense")},
		{"authority near its end", "must be replaced", func(w *stepstest.World) { at(w, day0.Add(3640*day)) }},
		{"authority that ended", "must be replaced", func(w *stepstest.World) { at(w, day0.Add(4000*day)) }},
		{"dir is a file", "not a directory", func(w *stepstest.World) {
			w.Self.Delete("/plan/certs")
			w.Self.PutFile("/plan/certs", "")
		}},
		{"no folder", "does not exist on the control machine", func(w *stepstest.World) { w.Self.Delete("/plan") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			sound(w)
			row.change(w)
			before := w.Self.State()
			c, err := stepstest.Decode(t, Kind(), yaml).Probe(t.Context(), w.View())
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v (%d edits), want an error with %q", err, len(c.Edits), row.want)
			}
			if err != nil && strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("the error shows content: %v", err)
			}
			if w.Self.State() != before {
				t.Error("something was changed")
			}
		})
	}
}

// TestDeployedAuthority plays a control machine without the authority, or with
// another one, against hosts that trust one already.
func TestDeployedAuthority(t *testing.T) {
	const yaml = `{dir: certs, name: prod, key: ecdsa-p256, deployed: [/etc/certs/ca.pem, /etc/old/ca.pem]}`
	sound := made(t)
	stranger, err := pki.NewCA(rand.Reader, day0, pki.CARequest{Name: "other", Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	other := string(stranger.CertPEM())
	deploy := func(w *stepstest.World, host int, content string) {
		w.Peers[host].PutFile("/etc/certs/ca.pem", content)
	}
	own := func(w *stepstest.World) string { return w.Self.Content("/plan/certs/ca.pem") }
	for _, row := range []struct {
		name  string
		build func(w *stepstest.World)
		want  []string // none: no refusal
	}{
		{"nothing anywhere", empty, nil},
		{"nothing deployed yet", sound, nil},
		{"none here, one there", func(w *stepstest.World) { empty(w); deploy(w, 1, other) },
			[]string{"no authority in /plan/certs", "db2:/etc/certs/ca.pem", "key is not here", "put the ca.pem and ca-key.pem"}},
		{"none here, nonsense there", func(w *stepstest.World) { empty(w); deploy(w, 0, "?") }, []string{"db1:/etc/certs/ca.pem"}},
		{"the same", func(w *stepstest.World) { sound(w); deploy(w, 0, own(w)) }, nil},
		{"both, in a rotation", func(w *stepstest.World) { sound(w); deploy(w, 0, other+own(w)) }, nil},
		{"another", func(w *stepstest.World) { sound(w); deploy(w, 0, own(w)); deploy(w, 1, other) },
			[]string{"not the one that hosts trust: db2:/etc/certs/ca.pem", "rotation"}},
		{"nonsense", func(w *stepstest.World) { sound(w); deploy(w, 1, "?") }, []string{"db2:/etc/certs/ca.pem cannot be read"}},
		{"a directory", func(w *stepstest.World) { sound(w); w.Peers[1].PutDir("/etc/certs/ca.pem") }, []string{"db2: /etc/certs/ca.pem"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			row.build(w)
			_, err := stepstest.Decode(t, Kind(), yaml).Probe(t.Context(), w.View())
			if (err != nil) != (len(row.want) > 0) {
				t.Fatalf("got %v, want %q", err, row.want)
			}
			for _, part := range row.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, without %q", err, part)
				}
			}
		})
	}
}

func TestNoKeyInTheChange(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	made(t)(w)
	at(w, day0.Add(800*day))
	c := run(t, w, yaml)
	data, err := json.Marshal(c)
	if err != nil || strings.Contains(string(data), "PRIVATE KEY") {
		t.Errorf("the change shows a key (%v)", err)
	}
}

func TestPreviewIsUnsettled(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	empty(w)
	p := w.Self.Preview()
	step := stepstest.Decode(t, Kind(), yaml)
	c, err := step.Probe(t.Context(), w.ViewOf(p))
	if err != nil {
		t.Fatal(err)
	}
	if err := step.Apply(t.Context(), p, c); err != nil {
		t.Fatal(err)
	}
	if s, err := p.Stat(t.Context(), "/plan/certs/ca.pem"); err != nil || !s.Unsettled {
		t.Errorf("got %+v, %v; want unsettled content", s, err)
	}
}

const locked = `{dir: certs, name: prod, key: ecdsa-p256, ca_passphrase: correct horse}`

func TestAuthorityKeyIsEncrypted(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	made(t)(w)
	before := w.Self.Content("/plan/certs/ca.pem")
	if c := run(t, w, locked); len(c.Edits) != 1 || !slices.Contains(c.Secrets, "correct horse") {
		t.Errorf("got %d edits, want that of the key alone; secrets %d", len(c.Edits), len(c.Secrets))
	}
	key := w.Self.Content("/plan/certs/ca-key.pem")
	if !strings.HasPrefix(key, "-----BEGIN ENCRYPTED PRIVATE KEY") || w.Self.Content("/plan/certs/ca.pem") != before {
		t.Errorf("the key begins %.40q, or the authority changed", key)
	}
	if _, err := pki.OpenPair([]byte(before), []byte(key), "correct horse"); err != nil {
		t.Error(err)
	}
	if c := run(t, w, locked); !c.Empty() {
		t.Errorf("a second run has %d edits", len(c.Edits))
	}
	at(w, day0.Add(800*day))
	if c := run(t, w, locked); len(c.Edits) != 4 || w.Self.Content("/plan/certs/ca-key.pem") != key {
		t.Errorf("a renewal has %d edits, want 4 and none of the authority", len(c.Edits))
	}
	for yaml, want := range map[string]string{yaml: "is encrypted", strings.Replace(locked, "horse", "cow", 1): "does not open"} {
		_, err := stepstest.Decode(t, Kind(), yaml).Probe(t.Context(), w.View())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "horse") {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestIssueSome(t *testing.T) {
	for issue, want := range map[string]int{"[]": 3, "[server]": 5, "client": 5, "[client, server]": 7} {
		w := stepstest.NewWorld(Kind())
		empty(w)
		some := strings.Replace(yaml, "}", ", issue: "+issue+"}", 1)
		if c := run(t, w, some); len(c.Edits) != want {
			t.Errorf("issue: %s has %d edits, want %d", issue, len(c.Edits), want)
		}
		if got := stepstest.Decode(t, Kind(), some).(steps.Local).Makes(); len(got) != want-1 {
			t.Errorf("issue: %s makes %q", issue, got)
		}
	}
}

func TestMakes(t *testing.T) {
	local := stepstest.Decode(t, Kind(), yaml).(steps.Local)
	if got := local.Makes(); len(got) != 6 || !slices.Contains(got, "/plan/certs/server-cert.pem") || len(local.Needs()) != 0 {
		t.Errorf("makes %q, needs %q", got, local.Needs())
	}
}

func TestCheck(t *testing.T) {
	for yaml, want := range map[string]string{
		`{dir: a, name: ""}`:                                  "1 to 40 bytes",
		`{dir: a, name: b, ca_passphrase: abc}`:               "4 bytes or more",
		`{dir: a, name: b, issue: [servers]}`:                 "must be one of",
		`{dir: a, name: b, key: ed25519}`:                     "must be one of",
		`{dir: a, name: b, lifetime: 20w, ca_lifetime: 100d}`: "longer than ca_lifetime",
	} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", yaml, err, want)
		}
	}
}
