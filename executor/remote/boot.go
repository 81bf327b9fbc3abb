package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// boot is the command line that starts a clean sh, whatever the login shell
// is, and the words by which it is recognised.
type boot struct{ line, ready, prompt string }

// newBoot builds the line. It is quoted so that csh and fish read it like sh.
func newBoot(t Target, script string) boot {
	b := boot{ready: "lockstep-ready-" + nonce(), prompt: "lockstep-password-" + nonce() + ":"}
	// The sh that reports is the one that runs script: exec keeps its pid.
	inner := t.clean(`printf '\n%s %s\n' ` + b.ready + ` "$$"; umask 022; ` + script)
	if t.Become.Enabled {
		inner = t.become(b.prompt, inner)
	}
	b.line = "exec " + inner
	return b
}

// clean runs script in a sh with a small environment.
func (t Target) clean(script string) string {
	return `env -i PATH=` + shellescape.Quote(t.path) + ` LC_ALL=C HOME="$HOME" USER="$USER" LOGNAME="$USER" sh -c ` + shellescape.Quote(script)
}

// become runs line by sudo, or as it is when we are the wanted user already.
func (t Target) become(prompt, line string) string {
	user := shellescape.Quote(t.Become.User)
	sudo := "sudo -H -S -p " + prompt + " -u " + user + " -- sh -c " + shellescape.Quote("exec "+line)
	return t.clean(`[ "$(id -un)" = ` + user + ` ] && exec ` + line + `; exec ` + sudo)
}

// becomeProblem explains why the clean sh did not report, in sudo's own words.
func becomeProblem(ctx context.Context, t Target, said *tap, err error) error {
	words, asked := said.words()
	var exit *ssh.ExitError
	ended := errors.As(err, &exit)
	if !t.Become.Enabled {
		if !ended {
			return lost(ctx, t, err)
		}
		return &steps.Problem{
			What: fmt.Sprintf("%s: no sh comes up after the login", t.login()),
			Why:  orElse(words, "the login shell ended with code %d", exit.ExitStatus()),
			Do:   "give the user a shell that runs commands",
			Err:  steps.ErrRefused,
		}
	}
	if !ended && asked == 0 && words == "" {
		return lost(ctx, t, err)
	}
	problem := &steps.Problem{
		What: fmt.Sprintf("%s cannot become %s with sudo", t.login(), t.Become.User),
		Why:  orElse(words, "sudo ended without a word"),
		Err:  steps.ErrRefused,
	}
	problem.Why, problem.Do = sudoAdvice(t, words, asked, problem.Why)
	return problem
}

func sudoAdvice(t Target, words string, asked int, why string) (reason, do string) {
	line := fmt.Sprintf("%s ALL=(%s) NOPASSWD: ALL", t.User, t.Become.User)
	has := func(part string) bool { return strings.Contains(words, part) }
	switch {
	case has("sudo: not found"), has("sudo: No such file"):
		return why, "install sudo on the host, or log in as " + t.Become.User
	case has("must have a tty"):
		return why, fmt.Sprintf("add to sudoers: Defaults:%s !requiretty", t.User)
	case asked > 1, asked == 1 && t.Become.Password != "" && has("try again"), has("incorrect password"):
		return "sudo did not accept the password; it was tried once", "check the password given with -K and start again"
	case has("not in the sudoers"), has("may not run"), has("not allowed"):
		return why, "let somebody with root add to sudoers: " + line
	case asked == 1 && t.Become.Password == "", has("password is required"):
		return "sudo asks for a password and none was given", "give it with -K, or add to sudoers: " + line
	}
	return why, "try `sudo -v` there by hand; what is needed in sudoers: " + line
}

func orElse(text, format string, args ...any) string {
	if text != "" {
		return text
	}
	return fmt.Sprintf(format, args...)
}
