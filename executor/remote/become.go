package remote

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/steps"
)

// becomeWay is a program that makes us another user.
type becomeWay struct {
	// prompt is what it says when it wants a password; empty where it says what
	// line tells it to.
	prompt string
	// line runs a quoted script of sh as a quoted user.
	line func(prompt, user, script string) string
	// advise finds in its words why it did not, and what would help.
	advise func(t Target, words string, asked int) (why, do string)
}

// becomeWays are the known ones, by the word of ansible_become_method.
func becomeWays() map[string]becomeWay {
	return map[string]becomeWay{
		"sudo": {line: sudoLine, advise: sudoAdvice},
		"su":   {line: suLine, advise: suAdvice, prompt: "Password: "},
		"doas": {line: doasLine, advise: doasAdvice},
	}
}

// BecomeMethods are the programs that Become.Method may name.
func BecomeMethods() []string { return slices.Sorted(maps.Keys(becomeWays())) }

func (t Target) becomeWay() becomeWay { return becomeWays()[t.Become.Method] }

func sudoLine(prompt, user, script string) string {
	return "sudo -H -S -p " + prompt + " -u " + user + " -- sh -c " + script
}

// suLine leads the output around su itself, because busybox's prompts on
// stdout, where nobody looks for words.
func suLine(_, user, script string) string {
	return "su -s /bin/sh " + user + " -c " + `'exec >&3 3>&-; '` + script + " 3>&1 1>&2"
}

// doasLine asks for no password: doas takes one from a terminal only.
func doasLine(_, user, script string) string {
	return "doas -n -u " + user + " -- sh -c " + script
}

// becomeProblem explains why we did not become the wanted user, in the words of
// the program.
func becomeProblem(t Target, words string, asked int) error {
	why, do := t.becomeWay().advise(t, words, asked)
	return &steps.Problem{
		What: fmt.Sprintf("%s cannot become %s with %s", t.login(), t.Become.User, t.Become.Method),
		Why:  orElse(why, "%s ended without a word", t.Become.Method),
		Do:   do,
		Err:  steps.ErrRefused,
	}
}

func sudoAdvice(t Target, words string, asked int) (why, do string) {
	line := fmt.Sprintf("%s ALL=(%s) NOPASSWD: ALL", t.User, t.Become.User)
	has := func(part string) bool { return strings.Contains(words, part) }
	switch {
	case has("sudo: not found"), has("sudo: No such file"):
		return words, "install sudo on the host, or log in as " + t.Become.User
	case has("must have a tty"):
		return words, fmt.Sprintf("add to sudoers: Defaults:%s !requiretty", t.User)
	case asked > 1, asked == 1 && t.Become.Password != "" && has("try again"), has("incorrect password"):
		return "sudo did not accept the password; it was tried once", "check the password given with -K and start again"
	case has("not in the sudoers"), has("may not run"), has("not allowed"):
		return words, "let somebody with root add to sudoers: " + line
	case asked == 1 && t.Become.Password == "", has("password is required"):
		return "sudo asks for a password and none was given", "give it with -K, or add to sudoers: " + line
	}
	return words, "try `sudo -v` there by hand; what is needed in sudoers: " + line
}

func suAdvice(t Target, words string, asked int) (why, do string) {
	has := func(part string) bool { return strings.Contains(words, part) }
	switch {
	case has("su: not found"), has("su: No such file"):
		return words, "install su on the host, or log in as " + t.Become.User
	case asked > 0 && t.Become.Password == "":
		return "su asks for the password of " + t.Become.User + " and none was given", "give it with -K (su wants the password of the other user, not the own one)"
	case has("uthentication failure"), has("ncorrect password"):
		return "su did not accept the password; it was tried once", "check that -K was given the password of " + t.Become.User + ", which is the one su wants, and start again"
	case has("ermission denied"):
		return words, "PAM does not let " + t.User + " use su; often the user must be in the group wheel"
	}
	return words, "try `su " + t.Become.User + "` there by hand"
}

func doasAdvice(t Target, words string, _ int) (why, do string) {
	has := func(part string) bool { return strings.Contains(words, part) }
	line := fmt.Sprintf("permit nopass %s as %s", t.User, t.Become.User)
	switch {
	case has("doas: not found"), has("doas: No such file"):
		return words, "install doas on the host, or log in as " + t.Become.User
	case has("tty"), has("uthentication"), has("uthorization"):
		return "doas wants a password, which it takes from a terminal only", "let somebody with root add to /etc/doas.conf: " + line
	}
	return words, "let somebody with root add to /etc/doas.conf: " + line
}
