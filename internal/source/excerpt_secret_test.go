package source

import "testing"

func TestExcerptsShowNoSecrets(t *testing.T) {
	e := &Error{Pos: Pos{"plan.yml", 3, 40}, Msg: "there is no parameter \"chdri\"", Line: `    command: {secret_env: {MYSQL_PWD: "correct horse"}, chdri: /}`}
	want := "plan.yml:3:40: there is no parameter \"chdri\"\n    3 |     command: {secret_env: <secret>}, chdri: /}"
	if got := e.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	e = &Error{Pos: Pos{"plan.yml", 3, 5}, Msg: "x", Line: `    pasword: {password: hunter22}`}
	want = "plan.yml:3:5: x\n    3 |     pasword: {password: <secret>}\n      |     ^"
	if got := e.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
