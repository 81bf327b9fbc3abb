package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// run executes a program of the machine and returns what it printed. It dies
// with this process and, with all its children, when ctx ends.
func run(ctx context.Context, argv ...string) (string, error) {
	return runInput(ctx, nil, argv...)
}

func runInput(ctx context.Context, in io.Reader, argv ...string) (string, error) {
	var out, errText bytes.Buffer
	cmd := command(ctx, argv...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &errText
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return out.String(), fmt.Errorf("%s: %w%s", strings.Join(argv, " "), err, tail(errText.String()))
	}
	return out.String(), nil
}

// command is exec.CommandContext whose whole process group ends with ctx.
func command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd
}

// tail is the end of a program's complaint, fit to stand behind an error.
func tail(text string) string {
	const most = 600
	text = strings.TrimSpace(text)
	if len(text) > most {
		text = "..." + text[len(text)-most:]
	}
	if text == "" {
		return ""
	}
	return ": " + text
}

// poll asks until done says so, ctx ends, or limit has passed; then the error
// of the last question tells what was still missing.
func poll(ctx context.Context, limit, every time.Duration, what string, done func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := done(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %s: %w", what, limit, err)
		case <-time.After(every):
		}
	}
}

// writeFile replaces path in one move, with exactly this mode.
func writeFile(path string, data []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone after the rename
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
