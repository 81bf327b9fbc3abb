package command

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"

	"lockstep/steps"
	"lockstep/steps/stepstest"
)

var evalScript = []string{"/bin/sh", "-c", `eval "$(cat)" </dev/null`}

// makes scripts the command `make` to write /made, and asks by `made`.
func makes(w *stepstest.World) {
	w.Self.OnExec(func(f *stepstest.Fake, _ steps.Command) steps.Output {
		f.PutFile("/made", "x")
		return steps.Output{}
	}, "make")
	made := func(f *stepstest.Fake, _ steps.Command) steps.Output {
		if f.Content("/made") == "" {
			return steps.Output{Code: 1}
		}
		return steps.Output{}
	}
	w.Self.OnQuery(made, "made")
	w.Self.OnQuery(made, evalScript...)
}

func TestConformance(t *testing.T) {
	stepstest.Conform(t, Kind(),
		stepstest.Case{Name: "always", YAML: `{argv: [make]}`, Build: makes, Always: true, Unforeseen: true},
		stepstest.Case{Name: "secret", YAML: `{argv: [make], secret_env: {PW: plantedsecret}, check: [made]}`, Build: makes,
			Secrets: []string{"plantedsecret"}, Unforeseen: true},
		stepstest.Case{Name: "creates", YAML: `{argv: [make], creates: /made, writes: /made}`, Build: makes, Unforeseen: true},
		stepstest.Case{Name: "created", YAML: `{argv: [make], creates: /made}`, Holds: true,
			Build: func(w *stepstest.World) { w.Self.PutFile("/made", "x") }},
		stepstest.Case{Name: "removes", YAML: `{argv: [unmake], removes: /made}`, Unforeseen: true, Build: func(w *stepstest.World) {
			w.Self.PutFile("/made", "x")
			w.Self.OnExec(func(f *stepstest.Fake, _ steps.Command) steps.Output {
				f.Delete("/made")
				return steps.Output{}
			}, "unmake")
		}},
		stepstest.Case{Name: "unless", YAML: `{argv: [make], unless: [made]}`, Build: makes, Unforeseen: true},
		stepstest.Case{Name: "read only", YAML: `{argv: [ask], read_only: true, secret_env: {PW: plantedsecret}}`, Holds: true,
			Secrets: []string{"plantedsecret"}, Build: func(w *stepstest.World) {
				w.Self.OnQuery(func(*stepstest.Fake, steps.Command) steps.Output { return steps.Output{} }, "ask")
			}},
		stepstest.Case{Name: "check by script", YAML: `{argv: [make], check: "test -e /made"}`, Build: makes, Unforeseen: true},
	)
}

func TestDryRunSaysUnknown(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	w.Self.PutFile("/etc/a", "a")
	step := stepstest.Decode(t, Kind(), `{script: "set -eu\n# first\necho one\necho two"}`)
	c, err := step.Probe(t.Context(), w.View())
	if err != nil || c.Unknown != always || c.Edits[0].Summary != "echo one ..." {
		t.Errorf("got %+v, %v", c, err)
	}
	p := w.Self.Preview()
	if err := step.Apply(t.Context(), p, c); err != nil {
		t.Fatal(err)
	}
	_, err = p.ReadFile(t.Context(), "/etc/a")
	if _, ok := steps.IsUnforeseen(err); !ok {
		t.Errorf("after a command that may change anything: got %v, want Unforeseen", err)
	}
}

func TestCheckIsForeseenAndVerified(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	makes(w)
	step := stepstest.Decode(t, Kind(), `{argv: [make], check: [made], writes: /other}`)
	c, err := step.Probe(t.Context(), w.View())
	if err != nil {
		t.Fatal(err)
	}
	p := w.Self.Preview()
	if err := step.Apply(t.Context(), p, c); err != nil {
		t.Fatal(err)
	}
	if again, err := step.Probe(t.Context(), w.ViewOf(p)); err != nil || !again.Empty() {
		t.Errorf("probe after the foreseen command: got %+v, %v", again, err)
	}
	if err := step.(steps.Verifier).Verify(t.Context(), w.View()); err == nil {
		t.Error("verify agreed though nothing was made")
	}
}

// A step that may run makes what it writes unknown to the steps after it.
func TestMayRunAfterAnUnknownCommand(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	makes(w)
	p := w.Self.Preview()
	if _, err := p.Exec(t.Context(), steps.Command{Argv: []string{"other"}, Writes: []string{"/other"}}); err != nil {
		t.Fatal(err)
	}
	step := stepstest.Decode(t, Kind(), `{argv: [make], check: [made], writes: /made}`)
	c, err := step.Probe(t.Context(), w.ViewOf(p))
	if err != nil || len(c.Edits) != 1 || !strings.Contains(c.Unknown, "whether it runs is not known") {
		t.Fatalf("got %+v, %v; want a run that is unknown", c, err)
	}
	if err := step.Apply(t.Context(), p, c); err != nil {
		t.Fatal(err)
	}
	_, err = p.Stat(t.Context(), "/made")
	if _, ok := steps.IsUnforeseen(err); !ok {
		t.Errorf("what it may write: got %v, want Unforeseen", err)
	}
}

func TestCommandLine(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	w.Self.OnExec(nil, evalScript...)
	step := stepstest.Decode(t, Kind(), `{script: "echo $A", env: {A: 1}, secret_env: {B: two words}, chdir: /srv, writes: [/srv, "service:x"]}`)
	if err := step.Apply(t.Context(), w.Self, steps.Change{Edits: []steps.Edit{{Summary: "x"}}}); err != nil {
		t.Fatal(err)
	}
	c := w.Self.Execs()[0]
	if strings.Join(c.Env, "|") != "A=1|B=two words" || c.Dir != "/srv" || string(c.Stdin) != "echo $A" || !c.Long || len(c.Writes) != 2 {
		t.Errorf("got %+v", c)
	}
}

// The real shell must read a script as a whole, leave it an empty standard
// input, and give back its exit code.
func TestScriptsInARealShell(t *testing.T) {
	for script, want := range map[string]string{
		"read x || echo empty\necho after": "empty\nafter\n",
		"cat <<'E'\na  $b\nE\n":            "a  $b\n",
		"set -e\nfalse\necho no":           "",
	} {
		cmd := exec.Command(evalScript[0], evalScript[1:]...)
		cmd.Stdin = strings.NewReader(script)
		var out bytes.Buffer
		cmd.Stdout = &out
		err := cmd.Run()
		if out.String() != want || (err != nil) != strings.Contains(script, "false") {
			t.Errorf("%q: got %q, %v; want %q", script, out.String(), err, want)
		}
	}
}

func TestQuestionThatCannotBeAsked(t *testing.T) {
	w := stepstest.NewWorld(Kind())
	w.Self.AnswerWith(steps.Output{Code: 127, Stderr: []byte("not found")}, "mispelt")
	if _, err := stepstest.Decode(t, Kind(), `{argv: [x], unless: [mispelt]}`).Probe(t.Context(), w.View()); err == nil {
		t.Error("a question that could not be asked was taken for a no")
	}
}

func TestCheckRefuses(t *testing.T) {
	for yaml, want := range map[string]string{
		`{}`:                                        "nothing to run",
		`{argv: [a], script: b}`:                    "keep one",
		`{argv: "ls -l /"}`:                         "no shell will split",
		`{script: a, stdin: b}`:                     "none of its own",
		`{argv: [a], creates: /a, unless: [b]}`:     "exclude each other",
		`{argv: [a], unless: {a: b}}`:               "must be a list or a text",
		`{argv: [a], check: []}`:                    "names no program",
		`{argv: [a], env: [A=1]}`:                   "must be a map",
		`{argv: [a], secret_env: {"A B": planted}}`: "not the name of a variable",
		`{argv: [a], writes: etc}`:                  "neither an absolute path",
	} {
		_, err := stepstest.TryDecode(Kind(), yaml)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", yaml, err, want)
		}
	}
}

// A command that was cut off, or never asked for, has no code of its own: 0
// would be taken for success where its failure is ignored.
func TestNoCodeWithoutAnEnd(t *testing.T) {
	for _, yaml := range []string{`{argv: [make]}`, `{argv: [make], check: [nowhere]}`} {
		w := stepstest.NewWorld(Kind())
		w.Self.OnQuery(func(*stepstest.Fake, steps.Command) steps.Output { return steps.Output{Code: 127} }, "nowhere")
		step := stepstest.Decode(t, Kind(), yaml)
		ctx, cancel := context.WithCancel(t.Context())
		c, err := step.Probe(ctx, w.View())
		cancel()
		if err == nil {
			err = step.Apply(ctx, w.Self, c)
		}
		if rc := step.(steps.Reporter).Report()["rc"]; err == nil || rc != -1 {
			t.Errorf("%s: got %v with code %v", yaml, err, rc)
		}
	}
}
