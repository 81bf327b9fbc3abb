package remote

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// relayed is the target behind a proxy command that first says its own pid.
func relayed(t *testing.T, target Target) (Target, string) {
	t.Helper()
	pid := filepath.Join(t.TempDir(), "pid")
	script := namedScript(t, "relay", "echo $$ >"+pid+`; exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/$0; cat <&3 & cat >&3; kill $!' "$1"`)
	target.ProxyCommand = script + " " + strconv.Itoa(target.Port)
	target.Port = 1 // nobody must need it
	return target, pid
}

func pidIn(t *testing.T, file string) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(readAll(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestProxyCommandCarriesTheConnectionAndEndsWithIt(t *testing.T) {
	_, target := serve(t, sshserver.Options{})
	put(t, target.KnownHosts[0], strings.ReplaceAll(readAll(t, target.KnownHosts[0]), ":"+strconv.Itoa(target.Port), ":1"))
	target, file := relayed(t, target)
	c := dial(t, target)
	echoes(t, c)
	pid := pidIn(t, file)
	_ = c.Close()
	awaitEmptyGroup(t, pid)
}

// awaitEmptyGroup wants that no process of the group is left. Who ended in it
// as an orphan is waited for by init, which takes a moment.
func awaitEmptyGroup(t *testing.T, pid int) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if errors.Is(syscall.Kill(-pid, 0), syscall.ESRCH) {
			return
		}
	}
	t.Errorf("the group of process %d is still there", pid)
}

func TestProxyCommandThatFailsIsQuoted(t *testing.T) {
	_, target := serve(t, sshserver.Options{})
	target.ProxyCommand = "echo no route to the moon >&2; exit 1"
	refusal(t, target, steps.ErrUnreachable, "no route to the moon", "the proxy command echo said")
}

// TestStubbornProxyCommandIsKilled: it heeds no TERM.
func TestStubbornProxyCommandIsKilled(t *testing.T) {
	_, target := serve(t, sshserver.Options{})
	ready, _ := holdingFifo(t)
	target.ProxyCommand = namedScript(t, "stubborn", "trap '' TERM; echo $$ >"+ready+"; while :; do sleep 1000; done")
	ctx, cancel := context.WithCancel(t.Context())
	pid := make(chan int, 1)
	go func() {
		pid <- pidIn(t, ready)
		cancel()
	}()
	if _, err := network(t).Dial(ctx, target); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	awaitEmptyGroup(t, <-pid)
}
