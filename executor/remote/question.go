package remote

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"lockstep/steps"
)

// answers answers what the host asks: the password once and for nothing else,
// all other questions by a person, and none by a guess.
func (p *proof) answers(_, instruction string, questions []string, echos []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for i, text := range questions {
		if !echos[i] && asksPassword(text) {
			if err := p.password(text); err != nil {
				return nil, p.fail(err)
			}
			answers[i] = p.target.Password
			continue
		}
		answer, err := p.person(Question{Login: p.target.login(), Instruction: instruction, Text: text, Hidden: !echos[i]})
		if err != nil {
			return nil, p.fail(err)
		}
		answers[i] = answer
	}
	return answers, nil
}

func (p *proof) password(text string) error {
	problem := &steps.Problem{
		What: fmt.Sprintf("ssh to %s: the host does not accept our keys or password", p.target.login()),
		Why:  strings.Join(append([]string{fmt.Sprintf("it asks %q, and ansible_password is not set", strings.TrimSpace(text))}, p.notOffered()...), "; "),
		Do:   "check the user name and that its authorized_keys has one of our keys",
		Err:  steps.ErrRefused,
	}
	switch {
	case p.target.Password == "":
		return problem
	case p.passwordGiven:
		problem.Why = "it asks for the password again"
		return problem
	}
	p.passwordGiven = true
	return nil
}

func (p *proof) person(q Question) (string, error) {
	if p.target.Answer == nil {
		return "", &steps.Problem{
			What: fmt.Sprintf("ssh to %s: the host asks %q", q.Login, strings.TrimSpace(q.Text)),
			Why:  "there is no terminal where somebody could answer",
			Do:   "start at a terminal, or let the host take a key alone",
			Err:  steps.ErrRefused,
		}
	}
	answered := p.clock.asking()
	defer answered()
	answer, err := p.target.Answer(q)
	if err == nil && q.Hidden && p.target.Secrets != nil {
		p.target.Secrets.Add(answer)
	}
	return answer, err
}

// asksPassword tells the question for the login password from those for a
// one-time password or a new one.
func asksPassword(question string) bool {
	words := strings.FieldsFunc(strings.ToLower(question), func(r rune) bool { return !unicode.IsLetter(r) })
	other := []string{"one", "time", "otp", "code", "token", "new", "old", "current", "change", "retype", "again", "verification", "pin"}
	return slices.Contains(words, "password") && !slices.ContainsFunc(words, func(w string) bool { return slices.Contains(other, w) })
}
