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

// ownPrintf refuses a sh that calls a program for printf, such as mksh: what we
// send would stand in the argument list of that program.
const ownPrintf = `PATH=/ command -v printf >/dev/null 2>&1 || { echo "` + noPrintf + `" >&2; exit 93; }; `

const noPrintf = "this sh has no printf of its own"

// newBoot builds the line. It is quoted so that csh and fish read it like sh.
func newBoot(t Target, script string) boot {
	b := boot{ready: "lockstep-ready-" + nonce(), prompt: "lockstep-password-" + nonce() + ":"}
	// The sh that reports is the one that runs script: exec keeps its pid.
	report := ownPrintf + `printf '\n%s %s\n' ` + b.ready + ` "$$"; umask 022; ` + script
	if !t.Become.Enabled {
		b.line = "exec " + t.clean(`"$USER"`, report)
		return b
	}
	way := t.becomeWay()
	if way.prompt != "" {
		b.prompt = way.prompt
	}
	user := shellescape.Quote(t.Become.User)
	line := "exec " + t.clean(user, report)
	b.line = "exec " + t.clean(`"$USER"`, `[ "$(id -un)" = `+user+` ] && `+line+`; exec `+way.line(b.prompt, user, shellescape.Quote(line)))
	return b
}

// clean runs script in a sh with a small environment.
func (t Target) clean(user, script string) string {
	return `env -i PATH=` + shellescape.Quote(t.path) + ` LC_ALL=C HOME="$HOME" USER=` + user + ` LOGNAME=` + user + ` sh -c ` + shellescape.Quote(script)
}

// shProblem explains why the clean sh did not report.
func shProblem(ctx context.Context, t Target, said *tap, err error) error {
	words, asked := said.words()
	var exit *ssh.ExitError
	ended := errors.As(err, &exit)
	switch {
	case strings.Contains(words, noPrintf):
		return &steps.Problem{
			What: fmt.Sprintf("%s has a sh that is not fit for our work", t.login()),
			Why:  noPrintf + ", so that contents and secrets would be seen in its process list",
			Do:   "let sh be dash, bash, ksh93 or busybox there",
			Err:  steps.ErrRefused,
		}
	case t.Become.Enabled && (ended || asked > 0 || words != ""):
		return becomeProblem(t, words, asked)
	case t.Become.Enabled || !ended:
		return lost(ctx, t, err)
	}
	return &steps.Problem{
		What: fmt.Sprintf("%s: no sh comes up after the login", t.login()),
		Why:  orElse(words, "the login shell ended with code %d", exit.ExitStatus()),
		Do:   "give the user a shell that runs commands",
		Err:  steps.ErrRefused,
	}
}

func orElse(text, format string, args ...any) string {
	if text != "" {
		return text
	}
	return fmt.Sprintf(format, args...)
}
