package steps_test

import (
	"slices"
	"testing"

	"lockstep/steps"
	"lockstep/steps/stepstest"
)

func TestFollow(t *testing.T) {
	f := stepstest.NewFake("db1")
	f.PutFile("/etc/mysql/mariadb.cnf", "x")
	f.PutLink("/etc/alternatives/my.cnf", "/etc/mysql/mariadb.cnf")
	f.PutLink("/etc/mysql/my.cnf", "/etc/alternatives/my.cnf")
	f.PutLink("/etc/near", "mysql/mariadb.cnf")
	f.PutLink("/etc/up", "../etc/mysql")
	f.PutLink("/etc/gone", "/nowhere")
	f.PutLink("/etc/loop", "loop")
	for _, row := range []struct {
		path, want string
		fails      bool
	}{
		{"/etc/mysql/mariadb.cnf", "/etc/mysql/mariadb.cnf", false},
		{"/etc/mysql/my.cnf", "/etc/mysql/mariadb.cnf", false},
		{"/etc/near", "/etc/mysql/mariadb.cnf", false},
		{"/etc/absent", "/etc/absent", false},
		{"/etc/up", "", true},
		{"/etc/gone", "", true},
		{"/etc/loop", "", true},
	} {
		t.Run(row.path, func(t *testing.T) {
			got, _, err := steps.Follow(t.Context(), f, row.path)
			if (err != nil) != row.fails || err == nil && got != row.want {
				t.Errorf("got %q, %v; want %q, fails %v", got, err, row.want, row.fails)
			}
		})
	}
}

func TestMissingParents(t *testing.T) {
	f := stepstest.NewFake("db1")
	f.PutDir("/srv/real")
	f.PutLink("/srv/link", "/srv/real")
	f.PutFile("/srv/file", "x")
	got, err := steps.MissingParents(t.Context(), f, "/srv/link/a/b/c")
	if want := []string{"/srv/link/a", "/srv/link/a/b"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if _, err := steps.MissingParents(t.Context(), f, "/srv/file/a"); err == nil {
		t.Error("a file in the way was passed over")
	}
}
