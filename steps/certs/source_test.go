package certs

import (
	"cmp"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/stepstest"
)

const byCommand = `{dir: certs, name: prod, key: ecdsa-p256, source: command, command: [sign, --role, db], secret_env: ["TOKEN=s.abcdef"]}`

// elsewhere is an authority whose key is not in dir.
type elsewhere struct {
	t    *testing.T
	pair *pki.Pair
	now  time.Time
	life time.Duration
	role pki.Role

	serversOnly bool // as public authorities sign
}

func newElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	ca, err := pki.NewCA(rand.Reader, day0, pki.CARequest{Name: "vault", Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	return &elsewhere{t: t, pair: ca, now: day0, life: 90 * day, role: pki.RoleServer}
}

// sign answers as a program would.
func (e *elsewhere) sign(_ *stepstest.Fake, c steps.Command) steps.Output {
	r, err := pki.ParseRequest(c.Stdin)
	if err != nil {
		return steps.Output{Code: 1, Stderr: []byte(err.Error())}
	}
	if len(c.Env) != 1 || c.Env[0] != "TOKEN=s.abcdef" {
		return steps.Output{Code: 1, Stderr: []byte("no token")}
	}
	var names []string
	names = append(names, r.DNSNames...)
	for _, ip := range r.IPAddresses {
		names = append(names, ip.String())
	}
	cn := cmp.Or(r.Subject.CommonName, "of the names")
	cert, err := e.pair.IssueFor(rand.Reader, e.now, r.PublicKey, pki.LeafRequest{CommonName: cn, Names: append(names, "extra.example"), Role: e.role, Lifetime: e.life})
	if err == nil && e.serversOnly {
		cert, err = e.forServers(cert)
	}
	if err != nil {
		return steps.Output{Code: 1, Stderr: []byte(err.Error())}
	}
	return steps.Output{Stdout: append(pki.EncodeCert(cert), e.pair.CertPEM()...)}
}

// forServers signs the same without clientAuth.
func (e *elsewhere) forServers(c *x509.Certificate) (*x509.Certificate, error) {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, c, e.pair.Cert, c.PublicKey, e.pair.Key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func (e *elsewhere) build(w *stepstest.World) {
	empty(w)
	w.Self.PutDir("/plan/certs")
	w.Self.PutFile("/plan/certs/ca.pem", string(e.pair.CertPEM()))
	w.Self.OnExec(e.sign, "sign", "--role", "db")
}

func TestConformanceOfCommand(t *testing.T) {
	e := newElsewhere(t)
	stepstest.Conform(t, Kind(), stepstest.Case{Name: "by command", YAML: byCommand, Build: e.build, Secrets: []string{"s.abcdef"}})
}

func TestCommandRenews(t *testing.T) {
	e, w := newElsewhere(t), stepstest.NewWorld(Kind())
	e.build(w)
	if c := run(t, w, byCommand); len(c.Edits) != 5 {
		t.Errorf("%d edits at first, want the directory's mode and four files: %v", len(c.Edits), c.Edits)
	}
	if w.Self.Content("/plan/certs/ca.pem") != string(e.pair.CertPEM()) {
		t.Error("ca.pem was changed")
	}
	if c := run(t, w, byCommand); !c.Empty() {
		t.Errorf("a second run does %v", c.Edits)
	}
	e.now = day0.Add(59 * day)
	at(w, e.now)
	if c := run(t, w, byCommand); !c.Empty() {
		t.Errorf("a day before the horizon it does %v", c.Edits)
	}
	e.now = day0.Add(61 * day)
	at(w, e.now)
	if c := run(t, w, byCommand); len(c.Edits) != 4 || !strings.Contains(c.Edits[0].Why, "in 29 days") {
		t.Errorf("in the horizon it does %v", c.Edits)
	}
	w.AddPeer("db3")
	if c := run(t, w, byCommand); len(c.Edits) != 2 || !strings.Contains(c.Edits[0].Why, "does not name db3") {
		t.Errorf("for a new host it does %v", c.Edits)
	}
}

func TestCommandAnswersBadly(t *testing.T) {
	for _, row := range []struct {
		name, want string
		change     func(e *elsewhere, w *stepstest.World)
	}{
		{"for clients only", "may not be used as sslserver", func(e *elsewhere, _ *stepstest.World) { e.role = pki.RoleClient }},
		{"of another authority", "the chain does not verify", func(e *elsewhere, _ *stepstest.World) { e.pair = newElsewhere(e.t).pair }},
		{"nothing", "no certificate in it", func(_ *elsewhere, w *stepstest.World) {
			w.Self.OnExec(func(*stepstest.Fake, steps.Command) steps.Output { return steps.Output{} }, "sign", "--role", "db")
		}},
		{"an old certificate", "none of the certificates is for the key", func(e *elsewhere, w *stepstest.World) {
			w.Self.OnExec(func(*stepstest.Fake, steps.Command) steps.Output { return steps.Output{Stdout: e.pair.CertPEM()} }, "sign", "--role", "db")
		}},
		{"an error", "permission denied", func(_ *elsewhere, w *stepstest.World) {
			w.Self.OnExec(func(*stepstest.Fake, steps.Command) steps.Output {
				return steps.Output{Code: 2, Stderr: []byte("permission denied")}
			}, "sign", "--role", "db")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			e, w := newElsewhere(t), stepstest.NewWorld(Kind())
			e.build(w)
			row.change(e, w)
			step := stepstest.Decode(t, Kind(), byCommand)
			c, err := step.Probe(t.Context(), w.View())
			if err != nil {
				t.Fatal(err)
			}
			err = step.Apply(t.Context(), w.Self, c)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
			if s, _ := w.Self.Stat(t.Context(), "/plan/certs/server-cert.pem"); s.Kind != steps.Absent {
				t.Error("something was written")
			}
		})
	}
}

func TestSourceRefuses(t *testing.T) {
	const byFiles = `{dir: certs, name: prod, names: [localhost], source: files}`
	sound := made(t)
	for _, row := range []struct {
		name, yaml, want string
		change           func(w *stepstest.World)
	}{
		{"no ca.pem", byCommand, "ca.pem is missing", func(w *stepstest.World) { w.Self.Delete("/plan/certs/ca.pem") }},
		{"nonsense for ca.pem", byCommand, "ca.pem cannot be read", func(w *stepstest.World) { w.Self.PutFile("/plan/certs/ca.pem", "?") }},
		{"files are sound", byFiles, "", func(*stepstest.World) {}},
		{"files, no key of the authority", byFiles, "", func(w *stepstest.World) { w.Self.Delete("/plan/certs/ca-key.pem") }},
		{"files, one is missing", byFiles, "server-key.pem is missing", func(w *stepstest.World) { w.Self.Delete("/plan/certs/server-key.pem") }},
		{"files, near their end", byFiles, "server-cert.pem must be replaced", func(w *stepstest.World) { at(w, day0.Add(800*day)) }},
		{"files, another authority is deployed", strings.Replace(byFiles, "}", ", deployed: [/etc/ca.pem]}", 1), "not the one that hosts trust",
			func(w *stepstest.World) { w.Peers[0].PutFile("/etc/ca.pem", string(newElsewhere(t).pair.CertPEM())) }},
		{"files, without a new name", strings.Replace(byFiles, "localhost", "db9", 1), "does not name db9", func(*stepstest.World) {}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := stepstest.NewWorld(Kind())
			sound(w)
			row.change(w)
			c, err := stepstest.Decode(t, Kind(), row.yaml).Probe(t.Context(), w.View())
			if row.want == "" && (err != nil || !c.Empty()) || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("got %v, %v, want an error with %q", c.Edits, err, row.want)
			}
		})
	}
	for yaml, want := range map[string]string{
		`{dir: a, name: b, source: command}`:                                      "needs command",
		`{dir: a, name: b, command: [x]}`:                                         "goes with source: command",
		`{dir: a, name: b, source: files, ca_passphrase: abcdef}`:                 "authority of our own",
		`{dir: a, name: b, source: command, command: [x], secret_env: [geheim1]}`: "NAME=value",
	} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim1") {
			t.Errorf("%s: got %v, want an error with %q", yaml, err, want)
		}
	}
}
