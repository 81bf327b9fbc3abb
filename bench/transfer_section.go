package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"lockstep/executor"
	"lockstep/executor/local"
	"lockstep/executor/remote"
)

// big is the size of the one large file.
const big = 200 << 20

// transferSection sends one large file over a long line. It measures how
// executor/remote commits a payload; scp is what people would use.
func transferSection(ctx context.Context, w *world, o options, out io.Writer) error {
	port, err := w.port(far)
	if err != nil {
		return err
	}
	source, target, known := filepath.Join(w.dir, "big"), filepath.Join(w.dir, "arrived"), filepath.Join(w.dir, "known_hosts")
	if err := errors.Join(os.WriteFile(source, make([]byte, big), 0o600), w.server.WriteKnown(known, 0, port)); err != nil {
		return err
	}
	defer func() { _ = os.Remove(source) }()
	ways := map[string][]string{
		"scp": {
			"/usr/bin/scp", "-q", "-P", strconv.Itoa(port), "-i", w.server.Key, "-o", "UserKnownHostsFile=" + known,
			source, "root@127.0.0.1:" + target,
		},
		"lockstep": {w.self, asTransfer, strconv.Itoa(port), w.server.Key, known, source, target},
	}
	runs := map[string][]usage{}
	for range o.rounds {
		for name, argv := range ways {
			u, err := measure(ctx, exec.CommandContext(ctx, argv[0], argv[1:]...))
			if err != nil {
				return err
			}
			if st, err := os.Stat(target); err != nil || st.Size() != big {
				return fmt.Errorf("%s left %v, %v", name, st, err)
			}
			if err := os.Remove(target); err != nil {
				return err
			}
			runs[name] = append(runs[name], u)
		}
	}
	fmt.Fprintf(out, "\n## One file of %d MB at %s\n\n", big>>20, far)
	t := table{head: []string{"tool", "against scp", "MB/s", "CPU s", "peak MB"}}
	for _, name := range []string{"lockstep", "scp"} {
		u := typical(runs[name])
		t.rows = append(t.rows, []string{
			name, fmt.Sprintf("%.2fx", ratio(typical(runs["scp"]).Wall, u.Wall)), fmt.Sprintf("%.0f", big/1e6/u.Wall.Seconds()),
			fmt.Sprintf("%.2f", u.CPU.Seconds()), fmt.Sprint(u.Peak >> 20),
		})
	}
	t.write(out)
	return nil
}

// runTransfer is the process that sends it.
func runTransfer(ctx context.Context, args []string) error {
	if len(args) != 5 {
		return fmt.Errorf("%s wants a port, a key, a known_hosts file, a source and a target", asTransfer)
	}
	port, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	content, err := local.Machine{}.Describe(ctx, args[3])
	if err != nil {
		return err
	}
	network := remote.NewNetwork(slog.New(slog.DiscardHandler))
	defer func() { _ = network.Close() }()
	conn, err := network.Dial(ctx, remote.Target{
		Name: "far", Address: "127.0.0.1", Port: port, User: "root", Keys: []string{args[1]}, KnownHosts: []string{args[2]}, Timeout: time.Minute,
	})
	if err != nil {
		return err
	}
	return errors.Join(conn.Commit(ctx, []executor.Write{{Op: executor.PutFile, Path: args[4], From: content}}), conn.Close())
}
