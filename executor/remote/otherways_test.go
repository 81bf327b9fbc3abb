package remote

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/executor"
	"lockstep/internal/secret"
	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// playSu is a directory with an su that asks as the real one does, on stderr or,
// like busybox, on stdout. It takes one password.
func playSu(t *testing.T, asksOn string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	text := "#!/bin/sh\n" + `printf 'Password: ' >&` + asksOn + `
read -r word || exit 1
[ "$word" = hunter22 ] || { echo "su: Authentication failure" >&2; exit 1; }
[ "$1 $2 $3 $4" = "-s /bin/sh daemon -c" ] || { echo "su: wrong arguments: $*" >&2; exit 1; }
id() { :; }
exec /bin/sh -c "$5"
`
	if err := os.WriteFile(filepath.Join(dir, "su"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func suTarget(t *testing.T, asksOn, password string) Target {
	t.Helper()
	_, target := serve(t, sshserver.Options{})
	target.path = playSu(t, asksOn) + ":" + searchPath
	target.Become = Become{Enabled: true, Method: "su", User: "daemon", Password: password}
	return target
}

func TestSuIsGivenThePasswordOnce(t *testing.T) {
	for name, asksOn := range map[string]string{"on stderr": "2", "on stdout": "1"} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, suTarget(t, asksOn, "hunter22"))
			out, err := c.Query(t.Context(), steps.Command{Argv: []string{"sh", "-c", "cat; echo $USER; echo words >&2"}, Stdin: everyByte()})
			if err != nil || string(out.Stdout) != string(everyByte())+"daemon\n" || string(out.Stderr) != "words\n" {
				t.Errorf("got %q %q, %v", out.Stdout, out.Stderr, err)
			}
		})
	}
}

func TestSuThatRefusesIsExplained(t *testing.T) {
	refusal(t, suTarget(t, "2", "wrong"), steps.ErrRefused, "did not accept the password; it was tried once", "the password of daemon")
	refusal(t, suTarget(t, "1", ""), steps.ErrRefused, "none was given", "-K")
}

func TestOtherAdvice(t *testing.T) {
	for _, row := range []struct{ method, said, want string }{
		{"su", "sh: 1: exec: su: not found", "install su"},
		{"su", "su: Permission denied", "wheel"},
		{"su", "su: user daemon does not exist", "by hand"},
		{"doas", "sh: 1: exec: doas: not found", "install doas"},
		{"doas", "doas: Operation not permitted", "permit nopass dba as root"},
		{"doas", "doas: a tty is required", "permit nopass dba as root"},
		{"doas", "doas: Authentication required", "permit nopass dba as root"},
	} {
		t.Run(row.said, func(t *testing.T) {
			target := Target{User: "dba", Become: Become{Enabled: true, Method: row.method, User: "root"}}
			if err := becomeProblem(target, row.said, 0); !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %q, want %q in it", err, row.want)
			}
		})
	}
}

func TestUnknownBecomeMethod(t *testing.T) {
	_, err := network(t).Dial(t.Context(), Target{Name: "db1", Become: Become{Enabled: true, Method: "pbrun"}})
	if err == nil || !strings.Contains(err.Error(), "there are doas, su, sudo") {
		t.Errorf("got %v", err)
	}
}

// TestLabBecomesByOtherMeans uses the real programs: su with the password of
// the user that is wanted, doas by a rule that is made for the test.
func TestLabBecomesByOtherMeans(t *testing.T) {
	root := dial(t, labHost(t, "root"))
	const rules = "/etc/doas.conf"
	err := root.Commit(t.Context(), []executor.Write{{Op: executor.PutFile, Path: rules, Data: []byte("permit nopass nosudo as root\n"), Attrs: steps.Attrs{Mode: mode(0o600)}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = root.Commit(t.Context(), []executor.Write{{Op: executor.PutGone, Path: rules}})
	})
	t.Run("doas", func(t *testing.T) {
		target := labHost(t, "nosudo")
		target.Become = Become{Enabled: true, Method: "doas"}
		asRoot(t, dial(t, target))
	})
	t.Run("doas without a rule", func(t *testing.T) {
		target := labHost(t, "deploy")
		target.Become = Become{Enabled: true, Method: "doas"}
		refusal(t, target, steps.ErrRefused, "cannot become root with doas", "permit nopass deploy as root")
	})
	t.Run("su", func(t *testing.T) {
		target := labHost(t, "nosudo")
		target.Become = Become{Enabled: true, Method: "su", User: "dba", Password: labPassword(t)}
		out, err := dial(t, target).Query(t.Context(), steps.Command{Argv: []string{"sh", "-c", "id -un; echo $HOME $USER; cat"}, Stdin: everyByte()})
		if err != nil || string(out.Stdout) != "dba\n/home/dba dba\n"+string(everyByte()) {
			t.Errorf("got %q %q, %v", out.Stdout, out.Stderr, err)
		}
	})
	t.Run("su with a wrong password", func(t *testing.T) {
		target := labHost(t, "nosudo")
		target.Become = Become{Enabled: true, Method: "su", User: "dba", Password: "not it"}
		refusal(t, target, steps.ErrRefused, "it was tried once")
	})
}

func TestShWithoutPrintfIsRefused(t *testing.T) {
	program, err := exec.LookPath("mksh")
	if err != nil {
		missing(t, "mksh is not installed here")
	}
	_, target := serve(t, sshserver.Options{})
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "sh")); err != nil {
		t.Fatal(err)
	}
	target.path = dir + ":" + searchPath
	refusal(t, target, steps.ErrRefused, "no printf of its own", "dash, bash")
}

// TestLoginShells has login shells that are not sh, and one that talks.
func TestLoginShells(t *testing.T) {
	talks := script(t, `echo "Welcome! Last login: never"; echo "mail waiting" >&2; exec /bin/sh "$@"`)
	for _, shell := range []string{"fish", "tcsh", "bash", "ksh", "mksh", talks} {
		t.Run(filepath.Base(shell), func(t *testing.T) {
			program, err := exec.LookPath(shell)
			if err != nil {
				missing(t, shell+" is not installed here")
			}
			_, target := serve(t, sshserver.Options{Sh: program})
			target.Secrets = &secret.Redactor{}
			c := dial(t, target)
			for _, size := range []int{5, 200 << 10} {
				file := filepath.Join(t.TempDir(), "it's $HOME; `id`")
				data := []byte(strings.Repeat("%s\\n\x00'", size/5))
				err := c.Commit(t.Context(), []executor.Write{{Op: executor.PutFile, Path: file, Data: data}})
				if err != nil {
					t.Fatal(err)
				}
				if got, err := c.ReadFile(t.Context(), file); err != nil || string(got) != string(data) {
					t.Errorf("%d of %d bytes came back, %v", len(got), len(data), err)
				}
			}
			out, err := c.Run(t.Context(), steps.Command{Argv: []string{"sh", "-c", "cat; exit 3"}, Stdin: everyByte()})
			if err != nil || string(out.Stdout) != string(everyByte()) || out.Code != 3 {
				t.Errorf("got %q %d, %v", out.Stdout, out.Code, err)
			}
		})
	}
}
