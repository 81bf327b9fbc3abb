// Command bench measures what it costs to bring many hosts into a state over
// SSH: lockstep, Ansible, and a floor in plain Go, in turn and in one run, with
// one real sshd for all hosts. See docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The first argument of the processes that the benchmark starts of itself.
const (
	asAlone    = "alone-in-a-network"
	asWatcher  = "watch-tool"
	asFloor    = "floor-tool"
	asHolder   = "hold-tool"
	asTransfer = "transfer-tool"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case asWatcher:
			return watcher(ctx, args[1:], out)
		case asFloor:
			return runFloor(ctx, args[1:])
		case asHolder:
			return runHolder(ctx, args[1:], out)
		case asTransfer:
			return runTransfer(ctx, args[1:])
		}
	}
	alone := len(args) > 0 && args[0] == asAlone
	if alone {
		args = args[1:]
	}
	o, err := readOptions(args)
	if err != nil {
		return err
	}
	if !alone {
		return inOwnNetwork(ctx, args, out)
	}
	w, err := newWorld(o)
	if err != nil {
		return err
	}
	defer w.close()
	for _, s := range sections() {
		if !slices.Contains(o.only, s.name) {
			continue
		}
		if err := s.run(ctx, w, o, out); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// section is one part of the benchmark.
type section struct {
	name string
	run  func(context.Context, *world, options, io.Writer) error
}

func sections() []section {
	return []section{{"harden", hardenSection}, {"steps", stepsSection}, {"hold", holdSection}, {"transfer", transferSection}}
}

// options are what the command line says.
type options struct {
	only   []string
	hosts  []int
	steps  []int
	rounds int
	full   bool
	bare   bool
}

func readOptions(args []string) (o options, err error) {
	var names []string
	for _, s := range sections() {
		names = append(names, s.name)
	}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := f.String("only", strings.Join(names, ","), "the `sections` to run")
	hosts := f.String("hosts", "1,10,50,200", "the `numbers` of hosts of the section harden")
	steps := f.String("steps", "10,100,1000", "the `numbers` of steps of the section steps")
	f.IntVar(&o.rounds, "rounds", 3, "how often each tool goes; figures are medians")
	f.BoolVar(&o.full, "full", false, "ask Ansible for 50 and 200 hosts too, which takes an hour")
	f.BoolVar(&o.bare, "bare", false, "leave Ansible out")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.only = strings.Split(*only, ",")
	for _, name := range o.only {
		if !slices.Contains(names, name) {
			return o, fmt.Errorf("there is no section %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	if o.hosts, err = numbers("hosts", *hosts); err != nil {
		return o, err
	}
	if o.steps, err = numbers("steps", *steps); err != nil {
		return o, err
	}
	if o.rounds < 1 || f.NArg() > 0 {
		return o, errors.New("usage: bench [-only SECTIONS] [-hosts NUMBERS] [-steps NUMBERS] [-rounds N] [-full] [-bare]")
	}
	return o, nil
}

func numbers(flag, text string) (out []int, err error) {
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-%s: %q is not a number above 0", flag, word)
		}
		out = append(out, n)
	}
	return out, nil
}
