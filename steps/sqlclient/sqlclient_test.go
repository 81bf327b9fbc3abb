package sqlclient

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/steps"
)

// TestScriptChoosesTheClient runs the script against programs that print how
// they were called.
func TestScriptChoosesTheClient(t *testing.T) {
	const mariadbAsMysql = `case $1 in --version) echo "mysql Ver 15.1 Distrib 10.3-MariaDB";; *) echo mysql "$@";; esac`
	const mysql = `case $1 in --version) echo "mysql Ver 8.0.40";; *) echo mysql "$@";; esac`
	for _, tt := range []struct {
		name     string
		programs map[string]string
		login    Login
		want     string
	}{
		{"mariadb", map[string]string{"mariadb": `echo mariadb "$@"`, "mysql": mysql}, Login{}, "mariadb --skip-ssl --protocol=socket"},
		{"mariadb's mysql", map[string]string{"mysql": mariadbAsMysql}, Login{}, "mysql --skip-ssl --protocol=socket"},
		{"mysql", map[string]string{"mysql": mysql}, Login{}, "mysql --ssl-mode=DISABLED --protocol=socket"},
		{"login", map[string]string{"mysql": mysql}, Login{File: "/root/my cnf", Socket: "/s"},
			"mysql --defaults-extra-file=/root/my cnf --ssl-mode=DISABLED --protocol=socket --connect-timeout=10 --batch --skip-column-names --socket=/s --execute=SELECT 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, body := range tt.programs {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			grep, err := exec.LookPath("grep")
			if err != nil {
				t.Skip("there is no grep")
			}
			if err := os.Symlink(grep, filepath.Join(dir, "grep")); err != nil {
				t.Fatal(err)
			}
			argv := tt.login.Query("SELECT 1").Argv
			cmd := exec.Command("/bin/sh", argv[1:]...)
			cmd.Env = []string{"PATH=" + dir}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), tt.want) {
				t.Errorf("got %q, %v; want %q", out, err, tt.want)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	failed := func(text string) steps.Output { return steps.Output{Code: 1, Stderr: []byte(text)} }
	for _, tt := range []struct {
		name string
		out  steps.Output
		want string // of the error; empty: none
	}{
		{"an answer", steps.Output{Stdout: []byte("1\n")}, ""},
		{"stopped", Stopped(), "no server answers"},
		{"really stopped", failed("ERROR 2002 (HY000): Can't connect to local server through socket '/run/x.sock' (2)"), "no server answers"},
		{"login", failed("ERROR 1045 (28000): Access denied for user 'root'@'localhost'"), "login_file"},
		{"no client", steps.Output{Code: 127}, "no client program"},
		{"syntax", failed("ERROR 1064 (42000): You have an error"), "ended with code 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Answer(tt.out)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
