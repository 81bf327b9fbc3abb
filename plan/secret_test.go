package plan_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"lockstep/internal/secret"
	"lockstep/internal/source"
	"lockstep/plan"
)

func sealed(t *testing.T, text string) *plan.Plan {
	t.Helper()
	v, err := source.ParseYAML("hosts.yml", []byte(threeHosts))
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile("dir/plan.yml", []byte(text), hosts{v}, registry(t), plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSecretsAreReadOnceAllIsValid(t *testing.T) {
	p := sealed(t, `
hosts: all
vars: {password: !secret {file: db.txt}}
steps:
  - put: {text: "{{ password }} of {{ host }}", count: 3}
  - put: {text: "{{ password }}"}
`)
	task := p.Stages[0].Tasks[0]
	if _, err := task.Step("db1"); err == nil {
		t.Error("a step was made without its secret")
	}
	var asked []secret.Ref
	var learned []string
	err := p.Unlock(t.Context(), "/home/me", func(_ context.Context, r secret.Ref) (string, error) {
		asked = append(asked, r)
		return "hunter22", nil
	}, func(s string) { learned = append(learned, s) })
	if err != nil || len(asked) != 1 || asked[0].File != "dir/db.txt" || fmt.Sprint(learned) != "[hunter22]" {
		t.Fatalf("asked %+v, learned %q, %v", asked, learned, err)
	}
	step, err := task.Step("db2")
	if err != nil || step.(interface{ values() *set }).values().text != "hunter22 of db2" {
		t.Errorf("got %v, %v", step, err)
	}
}

// What an expression makes of a secret is one too, but not what only stands
// beside it.
func TestWhatIsMadeOfSecretsIsTold(t *testing.T) {
	p := sealed(t, `
hosts: all
vars:
  db: {user: replica, password: !secret {env: P}}
  loud: "{{ upper(db.password) }}"
  who: "{{ db.user + '@' + host }}"
steps:
  - put: {text: "{{ loud }} {{ who }} {{ db.password != '' ? 'there' : 'missing' }} {{ to_json(split(db.password, 'r2')) }}"}
  - {tell: {text: x}, register: out}
  - put: {text: "{{ out.rc == 0 ? b64encode('x' + db.password) : '' }}"}
`)
	var told []string
	err := p.Unlock(t.Context(), "", func(context.Context, secret.Ref) (string, error) { return "hunter22", nil }, func(s string) { told = append(told, s) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stages[0].Tasks[2].StepWith("db1", plan.Values{"out": {Value: map[string]any{"rc": 0}}}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(told, " "); got != `hunter22 HUNTER22 ["hunte","2"] eGh1bnRlcjIy` {
		t.Errorf("told %s", got)
	}
}

// A step may rest on a secret and on what a run knows, both.
func TestSecretsBesideWhatOnlyARunKnows(t *testing.T) {
	p := sealed(t, `
hosts: all
vars: {password: !secret {env: P}}
steps:
  - {tell: {text: x}, register: out}
  - put: {text: "{{ password }} and {{ out.rc }}"}
  - put: {text: "{{ out.rc }}", src: "{{ password }}"}
  - put: {text: "{{ out.rc + len(password) }}"}
  - assert: out.rc == len(password)
`)
	read := func(context.Context, secret.Ref) (string, error) { return "hunter22", nil }
	if err := p.Unlock(t.Context(), "", read, func(string) {}); err != nil {
		t.Fatal(err)
	}
	known := plan.Values{"out": {Value: map[string]any{"rc": 8, "skipped": false}}}
	for i, want := range []string{"hunter22 and 8", "8", "16"} {
		task := p.Stages[0].Tasks[i+1]
		step, err := task.StepWith("db1", known)
		if err != nil || !task.Later() || step.(interface{ values() *set }).values().text != want {
			t.Errorf("%d: %v, %v", i, step, err)
		}
	}
}

func TestSecretsThatCannotBeUsed(t *testing.T) {
	p := sealed(t, "hosts: all\nvars: {n: !secret {env: N}}\nsteps:\n  - put: {count: \"{{ n }}\"}\n")
	read := func(context.Context, secret.Ref) (string, error) { return "not a number", nil }
	if err := p.Unlock(t.Context(), "", read, func(string) {}); err == nil || !strings.Contains(err.Error(), "count must be a whole number") {
		t.Errorf("got %v", err)
	}
	p = sealed(t, "hosts: all\nvars: {n: !secret {env: N}}\nsteps:\n  - put: {count: \"{{ n }}\"}\n")
	read = func(context.Context, secret.Ref) (string, error) { return "", errors.New("N is not set") }
	if err := p.Unlock(t.Context(), "", read, func(string) {}); err == nil || !strings.Contains(err.Error(), "dir/plan.yml:2:11: the secret cannot be read: N is not set") {
		t.Errorf("got %v", err)
	}
}

// TestAllSecretsOfATextAreRead: those behind the first, and with what a run
// knows before them.
func TestAllSecretsOfATextAreRead(t *testing.T) {
	v, err := source.ParseYAML("hosts.yml", []byte("db1: {a: !secret {env: A}, z: !secret {env: Z}, m: !secret {env: M}}"), source.SecretTag)
	if err != nil {
		t.Fatal(err)
	}
	text := "hosts: all\nsteps:\n  - put: {}\n    register: n\n  - put: {text: \"{{ a }} {{ z }}\"}\n  - put: {text: \"{{ string(n.changed) + z + m }}\"}\n"
	p, err := plan.Compile("plan.yml", []byte(text), hosts{v}, registry(t), plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	read := func(_ context.Context, r secret.Ref) (string, error) { return "of-" + r.Env, nil }
	var learned []string
	if err := p.Unlock(t.Context(), "", read, func(s string) { learned = append(learned, s) }); err != nil || len(learned) != 3 {
		t.Errorf("learned %q, %v", learned, err)
	}
	step, err := p.Stages[0].Tasks[1].Step("db1")
	if err != nil || step.(interface{ values() *set }).values().text != "of-A of-Z" {
		t.Errorf("got %v, %v", step, err)
	}
}
