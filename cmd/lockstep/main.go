// Command lockstep brings hosts into the state that a plan describes, over SSH,
// and shows before what it would change.
package main

import (
	"context"
	"io"
	"os"
	"runtime/debug"

	"lockstep/internal/secret"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // many hosts are much memory before they are much work
	}
	os.Exit(run(context.Background(), os.Args[1:], console{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
	}))
}

// console is what a command has of the world around it.
type console struct {
	stdin          *os.File
	stdout, stderr *os.File
	getenv         func(string) string
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, c console) int {
	a := &app{console: c, redactor: &secret.Redactor{}}
	root := a.command()
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	ctx, stop := a.interrupts(ctx)
	defer stop()
	err := root.ExecuteContext(ctx)
	return a.exit(err)
}

// masked is a writer to w that shows no secret.
func (a *app) masked(w io.Writer) io.Writer { return lineless{a.redactor, w} }

// lineless masks each write by itself, for sinks whose writes are whole lines.
type lineless struct {
	redactor *secret.Redactor
	to       io.Writer
}

// Write masks p and passes it on.
func (l lineless) Write(p []byte) (int, error) {
	_, err := io.WriteString(l.to, l.redactor.String(string(p)))
	return len(p), err
}
