package certs

import (
	"slices"
	"strings"
	"testing"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/stepstest"
)

const byACME = `{dir: certs, name: prod, key: ecdsa-p256, source: acme, issue: [server], names: [db1.example.net, db2.example.net],
 secret_env: ["DNS_TOKEN=t.abcdef"], acme: {directory: "https://ca:9000/acme/db/directory", ca: ca-of-ca.pem, contact: dba@example.net, agree_terms: true,
 profile: nodes, eab_kid: kid-1, eab_key: c2VjcmV0LWtleQ, dns: [/usr/bin/hook, --zone, example.net], http: ":80"}}`

func acmeArgv() []string {
	return []string{"lockstep", "certs", "acme", "--directory=https://ca:9000/acme/db/directory", "--account=/plan/certs/acme-account-key.pem",
		"--ca-cert=/plan/ca-of-ca.pem", "--contact=dba@example.net", "--profile=nodes", "--eab-kid=kid-1", "--http=:80",
		"--dns=/usr/bin/hook", "--dns=--zone", "--dns=example.net", "--agree-terms"}
}

// buildACME is a world whose ACME server signs with e.
func (e *elsewhere) buildACME(w *stepstest.World) {
	empty(w)
	w.Self.PutDir("/plan/certs")
	w.Self.PutFile("/plan/certs/ca.pem", string(e.pair.CertPEM()))
	w.Self.Answer("/usr/bin/lockstep\n", "sh", "-c", "command -v lockstep")
	w.Self.OnExec(func(f *stepstest.Fake, c steps.Command) steps.Output {
		if !slices.Equal(c.Env, []string{"DNS_TOKEN=t.abcdef", "LOCKSTEP_ACME_EAB_KEY=c2VjcmV0LWtleQ"}) {
			return steps.Output{Code: 1, Stderr: []byte("the environment lacks something")}
		}
		r, err := pki.ParseRequest(c.Stdin)
		if err != nil || r.Subject.CommonName != "" || strings.Join(r.DNSNames, " ") != "db1.example.net db2.example.net" {
			return steps.Output{Code: 1, Stderr: []byte("the request cannot be signed")}
		}
		c.Env = []string{"TOKEN=s.abcdef"}
		return e.sign(f, c)
	}, acmeArgv()...)
}

func TestConformanceOfACME(t *testing.T) {
	e := newElsewhere(t)
	stepstest.Conform(t, Kind(), stepstest.Case{Name: "by ACME", YAML: byACME, Build: e.buildACME, Secrets: []string{"t.abcdef", "c2VjcmV0LWtleQ"}})
}

func TestACMERenews(t *testing.T) {
	e, w := newElsewhere(t), stepstest.NewWorld(Kind())
	e.buildACME(w)
	if c := run(t, w, byACME); len(c.Edits) != 3 || !strings.Contains(c.Edits[2].Summary, "for db1.example.net, db2.example.net, by https://ca:9000/") {
		t.Errorf("at first it does %v", c.Edits)
	}
	e.now = day0.Add(59 * day)
	at(w, e.now)
	if c := run(t, w, byACME); !c.Empty() {
		t.Errorf("a day before the horizon it does %v", c.Edits)
	}
	e.now = day0.Add(61 * day)
	at(w, e.now)
	if c := run(t, w, byACME); len(c.Edits) != 2 || !strings.Contains(c.Edits[0].Why, "in 29 days") {
		t.Errorf("in the horizon it does %v", c.Edits)
	}
}

// Public authorities leave clientAuth out.
func TestACMEForServersOnly(t *testing.T) {
	e, w := newElsewhere(t), stepstest.NewWorld(Kind())
	e.serversOnly = true
	e.buildACME(w)
	step := stepstest.Decode(t, Kind(), byACME)
	c, err := step.Probe(t.Context(), w.View())
	if err != nil {
		t.Fatal(err)
	}
	err = step.Apply(t.Context(), w.Self, c)
	if err == nil || !strings.Contains(err.Error(), "may not be used as sslclient") || !strings.Contains(err.Error(), "leaves out clientAuth") {
		t.Errorf("got %v", err)
	}
	if s, _ := w.Self.Stat(t.Context(), "/plan/certs/server-cert.pem"); s.Kind != steps.Absent {
		t.Error("something was written")
	}
}

func TestACMENeedsTheProgram(t *testing.T) {
	e, w := newElsewhere(t), stepstest.NewWorld(Kind())
	e.buildACME(w)
	w.Self.AnswerWith(steps.Output{Code: 1}, "sh", "-c", "command -v lockstep")
	_, err := stepstest.Decode(t, Kind(), byACME).Probe(t.Context(), w.View())
	if err == nil || !strings.Contains(err.Error(), "no lockstep in PATH") {
		t.Errorf("got %v", err)
	}
}

func TestACMERefuses(t *testing.T) {
	const server = `acme: {directory: "https://ca/dir", http: ":80"}`
	for yaml, want := range map[string]string{
		`{dir: a, name: b, ` + server + `}`:                                                                                                     "acme goes with source: acme",
		`{dir: a, name: b, source: acme}`:                                                                                                       "needs acme",
		`{dir: a, name: b, source: acme, acme: {http: ":80"}}`:                                                                                  "directory",
		`{dir: a, name: b, source: acme, acme: {directory: "http://ca/dir", http: ":80"}}`:                                                      "no URL such as https://",
		`{dir: a, name: b, source: acme, acme: {directory: "https://ca/dir"}}`:                                                                  "needs dns or http",
		`{dir: a, name: b, source: acme, acme: {directory: "https://ca/dir", dns: [./hook]}}`:                                                   "absolute path",
		`{dir: a, name: b, source: acme, acme: {directory: "https://ca/dir", http: ":80", eab_kid: x}}`:                                         "go together",
		`{dir: a, name: b, source: acme, ` + server + `}`:                                                                                       "needs names",
		`{dir: a, name: b, source: acme, names: [db1], ` + server + `}`:                                                                         "issue: [server]",
		`{dir: a, name: b, source: acme, names: [db1], issue: [server], command: [x], ` + server + `}`:                                          "goes with source: command",
		`{dir: a, name: b, source: acme, names: [db1], issue: [server], ca_passphrase: abcdef, ` + server + `}`:                                 "authority of our own",
		`{dir: a, name: b, source: files, secret_env: [A=b]}`:                                                                                   "secret_env goes with",
		`{dir: a, name: b, source: acme, names: [db1], issue: [server], acme: {directory: "https://ca/dir", dns: [hook], http: ":80", x: "1"}}`: "x",
	} {
		if _, err := stepstest.TryDecode(Kind(), yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", yaml, err, want)
		}
	}
}
