package main

import (
	"errors"
	"strings"
	"sync"

	"lockstep/executor/remote"
)

// errMidRun is the answer for a key that nobody was asked about while the hosts
// were dialled.
var errMidRun = errors.New("nobody is asked in the middle of a run; load the key with ssh-add and start again")

// passphrases asks for the passphrase of each key file at most once, one file
// after another, and remembers the answer for all hosts and for connections
// that are made again. A failure to ask is remembered too.
type passphrases struct {
	ask func(prompt string) (string, error)

	mu    sync.Mutex
	known map[string]passphrase
	ended bool
}

type passphrase struct {
	text string
	err  error
}

// of answers from what is known, or asks. Hosts that want the same file wait for
// the one answer.
func (p *passphrases) of(file string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer, ok := p.known[file]
	if ok {
		return answer.text, answer.err
	}
	if p.ended {
		return "", errMidRun
	}
	answer.text, answer.err = p.ask("Passphrase of " + file + ": ")
	if p.known == nil {
		p.known = map[string]passphrase{}
	}
	p.known[file] = answer
	return answer.text, answer.err
}

// end lets of answer only from what is known: a connection that is made again
// must not put a question between the lines of a run.
func (p *passphrases) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
}

// errMidRunQuestion is the same for a question of a host.
var errMidRunQuestion = errors.New("nobody is asked in the middle of a run; start again")

// answer asks what a host asks, one question after another.
func (p *passphrases) answer(q remote.Question) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return "", errMidRunQuestion
	}
	return p.ask(strings.TrimSpace(q.Login+" asks: "+strings.TrimSpace(q.Instruction+" "+q.Text)) + " ")
}
