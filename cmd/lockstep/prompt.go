package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"lockstep/cmd/lockstep/view"
)

// ask reads a secret: from the terminal without showing it, or a line of stdin.
// When ctx ends first, the error is that of ctx.
func (a *app) ask(ctx context.Context, prompt string) (string, error) {
	if term.IsTerminal(int(a.stdin.Fd())) {
		return a.askTerminal(ctx, prompt)
	}
	line, err := a.readLine(ctx)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case line == "" && err != nil:
		return "", fmt.Errorf("%sstdin gave none: %w", prompt, err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// askTerminal leaves the terminal as it was, also when ctx ends. Nothing is shown
// from before the question on: who answers at once is not seen, and no reader
// that is left behind changes the terminal again.
func (a *app) askTerminal(ctx context.Context, prompt string) (string, error) {
	loud, err := hush(int(a.stdin.Fd()))
	if err != nil {
		return "", fmt.Errorf("%sthe terminal cannot hide the answer: %w", prompt, err)
	}
	defer a.say("")
	defer loud()
	a.sayPart(prompt)
	line, err := a.readLine(ctx)
	if err != nil && (line == "" || ctx.Err() != nil) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// readLine reads a line of stdin.
func (a *app) readLine(ctx context.Context) (string, error) {
	return await(ctx, func() (string, error) { return bufio.NewReader(a.stdin).ReadString('\n') })
}

// await returns what read returns, or earlier when ctx ends. Nothing ends a read
// from a person but the end of the program: until then it is left behind.
func await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	if ctx.Err() == nil {
		go func() {
			value, err := read()
			answered <- answer{value, err}
		}()
	}
	select {
	case a := <-answered:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// sayPart writes to stderr without ending the line.
func (a *app) sayPart(text string) {
	_, _ = io.WriteString(a.masked(a.stderr), view.Printable(text)) // nowhere else to complain
}
