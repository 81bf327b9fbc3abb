package main

import (
	"context"
	"testing"

	"lockstep/internal/secret"
	"lockstep/inventory"
	"lockstep/plan"
)

// TestPasswordsOfConnectionsMayBeSecrets: each is read where it is needed, and
// reaches the connection.
func TestPasswordsOfConnectionsMayBeSecrets(t *testing.T) {
	file := write(t, "inventory.yml", `all:
  vars:
    ansible_password: !secret {env: LOGIN}
    ansible_become_password: "{{ sudo }}!"
    sudo: !secret {env: SUDO}
  hosts:
    db1: {ansible_become: false}
    db2:
    db3: {sudo: !secret {env: OTHER}}
    db4: {sudo: !secret {env: UNUSED}}
`)
	inv, err := inventory.Load(t.Context(), inventory.Options{}, file)
	must(t, err)
	f := newFleet(inv, nil)
	p := &plan.Plan{Become: true, Peers: []plan.Host{{Name: "db1"}, {Name: "db2"}, {Name: "db3"}}}
	a := &app{redactor: &secret.Redactor{}, console: console{getenv: func(string) string { return "" }}}
	asked := map[string]int{}
	read := func(_ context.Context, r secret.Ref) (string, error) {
		asked[r.Env]++
		return "word of " + r.Env, nil
	}
	must(t, f.unlock(t.Context(), a.needs(f, p), "", read, a.redactor.Add))
	if len(asked) != 3 || asked["UNUSED"] > 0 {
		t.Errorf("asked for %v, want LOGIN, SUDO and OTHER", asked)
	}
	for name, want := range map[string]string{"db1": "given", "db2": "word of SUDO!", "db3": "word of OTHER!"} {
		target, _, err := a.target(f, p, dial{Host: plan.Host{Name: name}}, "given")
		must(t, err)
		if target.Password != "word of LOGIN" || target.Become.Password != want {
			t.Errorf("%s: the passwords are %q and %q", name, target.Password, target.Become.Password)
		}
	}
	if got := a.redactor.String("word of SUDO!"); got != secret.Mask {
		t.Errorf("%q is not masked whole", got)
	}
}
