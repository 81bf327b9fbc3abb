package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"lockstep/bench/harden"
	"lockstep/executor/remote"
	"lockstep/steps"
)

// held is how many hosts one process is to hold at once.
const held = 2000

// holding is what came of it.
type holding struct {
	Failed         int
	Why            string // of the first failure
	Connect, Query time.Duration
	CPU            time.Duration
	Memory         int64 // bytes, by which the process grew
}

func holdSection(ctx context.Context, w *world, _ options, out io.Writer) error {
	known := filepath.Join(w.dir, "known_hosts")
	if err := w.server.WriteKnown(known, held-1, w.server.Port); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, w.self, asHolder, strconv.Itoa(held), strconv.Itoa(w.server.Port), w.server.Key, known)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return err
	}
	var h holding
	if err := json.Unmarshal(text, &h); err != nil {
		return err
	}
	w.server.Drain()
	fmt.Fprint(out, "\n## Many hosts held at once by one process\n\n")
	t := table{head: []string{"hosts", "failed", "connect s", "a query on all s", "CPU ms a host", "KB a host"}}
	t.rows = [][]string{{
		fmt.Sprint(held), fmt.Sprint(h.Failed), fmt.Sprintf("%.1f", h.Connect.Seconds()), fmt.Sprintf("%.1f", h.Query.Seconds()),
		fmt.Sprintf("%.1f", float64(h.CPU.Microseconds())/1000/held), fmt.Sprint(h.Memory / held >> 10),
	}}
	t.write(out)
	if h.Failed > 0 {
		fmt.Fprintf(out, "\nThe first failure: %s\n", h.Why)
	}
	return nil
}

// runHolder is the process that holds them. Each connection has its sh.
func runHolder(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 4 {
		return fmt.Errorf("%s wants a number, a port, a key and a known_hosts file", asHolder)
	}
	n, err := strconv.Atoi(args[0])
	port, err2 := strconv.Atoi(args[1])
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	conns := make([]*remote.Conn, n)
	failed := make([]error, n)
	onAll := func(do func(i int) error) time.Duration {
		start := time.Now()
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				if failed[i] == nil {
					failed[i] = do(i)
				}
			})
		}
		all.Wait()
		return time.Since(start)
	}
	network := remote.NewNetwork(slog.New(slog.DiscardHandler))
	defer func() { _ = network.Close() }()
	before, spent := memoryOf(os.Getpid()), ownCPU()
	var h holding
	h.Connect = onAll(func(i int) (err error) {
		conns[i], err = network.Dial(ctx, remote.Target{
			Name: harden.Host(i), Address: harden.Address(i), Port: port, User: "root", Keys: []string{args[2]}, KnownHosts: []string{args[3]},
		})
		return err
	})
	h.Query = onAll(func(i int) error {
		command := steps.Command{Argv: []string{"true"}}
		out, err := conns[i].Query(ctx, command)
		return steps.Succeed(command, out, err)
	})
	h.Memory, h.CPU = memoryOf(os.Getpid())-before, ownCPU()-spent
	for i, err := range failed {
		if err != nil {
			h.Failed++
			h.Why = strings.TrimSpace(err.Error())
			continue
		}
		_ = conns[i].Close()
	}
	return json.NewEncoder(out).Encode(h)
}
