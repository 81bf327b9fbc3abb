package remote

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// playSudo is a login shell that asks for a password by sudo's prompt before it
// runs the line, and counts how often it was answered.
func playSudo(t *testing.T) (sh, answers string) {
	t.Helper()
	answers = filepath.Join(t.TempDir(), "answers")
	return script(t, `prompt=$(printf '%s' "$2" | grep -o 'lockstep-password-[A-Z0-9]*:' | head -n 1)
for try in 1 2 3; do
printf %s "$prompt" >&2
read -r word || exit 1
echo "$word" >>`+answers+`
[ "$word" = hunter22 ] && exec /bin/sh -c "$2"
echo "Sorry, try again." >&2
done
echo "sudo: 3 incorrect password attempts" >&2; exit 1`), answers
}

func TestSudoPasswordIsGivenOnce(t *testing.T) {
	sh, answers := playSudo(t)
	_, target := serve(t, sshserver.Options{Sh: sh})
	target.Become = Become{Enabled: true, Password: "hunter22"}
	c := dial(t, target)
	out, err := c.Query(t.Context(), steps.Command{Argv: []string{"id", "-u"}})
	if err != nil || string(out.Stdout) != "0\n" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	if given, _ := os.ReadFile(answers); string(given) != "hunter22\n" {
		t.Errorf("sudo was given %q", given)
	}
}

func TestWrongSudoPasswordIsNotTriedAgain(t *testing.T) {
	sh, answers := playSudo(t)
	_, target := serve(t, sshserver.Options{Sh: sh})
	target.Become = Become{Enabled: true, Password: "wrong"}
	refusal(t, target, steps.ErrRefused, "did not accept the password", "-K")
	if given, _ := os.ReadFile(answers); string(given) != "wrong\n" {
		t.Errorf("sudo was given %q", given)
	}
}

func TestSudoPasswordMissingIsSaid(t *testing.T) {
	sh, _ := playSudo(t)
	_, target := serve(t, sshserver.Options{Sh: sh})
	target.Become.Enabled = true
	refusal(t, target, steps.ErrRefused, "none was given", "-K", "root ALL=(root) NOPASSWD: ALL")
}

func TestSudoAdvice(t *testing.T) {
	for _, row := range []struct{ said, want string }{
		{"sh: 1: exec: sudo: not found", "install sudo"},
		{"sudo: sorry, you must have a tty to run sudo", "Defaults:dba !requiretty"},
		{"dba is not in the sudoers file.", "dba ALL=(mysql) NOPASSWD: ALL"},
		{"Sorry, user dba may not run sudo on db1.", "dba ALL=(mysql) NOPASSWD: ALL"},
		{"sudo: a password is required", "-K"},
		{"", "sudo -v"},
	} {
		t.Run(row.said, func(t *testing.T) {
			target := Target{User: "dba", Become: Become{Enabled: true, User: "mysql"}}
			if _, do := sudoAdvice(target, row.said, 0); !strings.Contains(do, row.want) {
				t.Errorf("got %q, want %q in it", do, row.want)
			}
		})
	}
}

func TestBecomeAnotherUserWithSudo(t *testing.T) {
	if os.Getuid() != 0 {
		missing(t, "only root becomes daemon without a password")
	}
	if _, err := os.Stat("/usr/bin/sudo"); err != nil {
		missing(t, "sudo is not installed here")
	}
	_, target := serve(t, sshserver.Options{})
	target.Become = Become{Enabled: true, User: "daemon"}
	c := dial(t, target)
	out, err := c.Query(t.Context(), steps.Command{Argv: []string{"id", "-un"}})
	if err != nil || string(out.Stdout) != "daemon\n" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
	// It has no place under /run, so its results are under /tmp.
	out, err = c.Run(t.Context(), steps.Command{Argv: []string{"sh", "-c", "id -un; exit 7"}})
	if err != nil || string(out.Stdout) != "daemon\n" || out.Code != 7 {
		t.Errorf("got %q %d, %v", out.Stdout, out.Code, err)
	}
}
