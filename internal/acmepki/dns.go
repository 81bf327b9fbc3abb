package acmepki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/acme"
)

// DNS shows names by dns-01: a program of the user's puts a TXT record into the
// zone. It is called as
//
//	PROGRAM ARG... present _acme-challenge.db1.example.net. VALUE
//	PROGRAM ARG... cleanup _acme-challenge.db1.example.net. VALUE
//
// and ends "present" when the zone's servers answer with the record. Neither
// name nor value is secret. The environment is that of the caller.
type DNS struct{ Argv []string }

// Type is dns-01.
func (DNS) Type() string { return "dns-01" }

// Show runs the program. What it put in is taken away also when it failed, since
// it may have got halfway.
func (d DNS) Show(ctx context.Context, c *acme.Client, name, token string) (func(context.Context) error, error) {
	value, err := c.DNS01ChallengeRecord(token)
	if err != nil {
		return nil, err
	}
	record := "_acme-challenge." + strings.TrimPrefix(name, "*.") + "."
	remove := func(ctx context.Context) error { return d.run(ctx, "cleanup", record, value) }
	return remove, d.run(ctx, "present", record, value)
}

// Doubt reminds of what the program has to wait for.
func (DNS) Doubt(string) string {
	return "the program must end only when all servers of the zone answer with the record"
}

// patience is how long a program that has ended may keep its output open.
const patience = 2 * time.Second

func (d DNS) run(ctx context.Context, words ...string) error {
	argv := append(append([]string{}, d.Argv...), words...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = patience
	err := cmd.Run()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil { // a child of it may live on
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return fmt.Errorf("%s %s: %w%s", d.Argv[0], words[0], err, last(said.String()))
}

// last is the end of what a program said.
func last(text string) string {
	const limit = 500
	text = strings.TrimSpace(text)
	if len(text) > limit {
		text = "…" + strings.ToValidUTF8(text[len(text)-limit:], "")
	}
	if text == "" {
		return ""
	}
	return ": " + text
}
