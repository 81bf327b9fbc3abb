package lab

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed scripts/enter.sh
var enterScript string

// spawn starts a container of its own session in its own cgroup. The process
// is born inside the unified group, so that a lab killed at this very moment
// still finds it; the script then joins the other trees.
func (l *Lab) spawn(ctx context.Context, cgroup string, argv []string, attach func(*exec.Cmd)) (*exec.Cmd, error) {
	groups, err := makeCgroup(cgroup)
	if err != nil {
		return nil, err
	}
	dir, err := os.Open(groups[0])
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	sh := []string{"/bin/sh", "-c", enterScript, "enter", strings.Join(groups, " ")}
	cmd := exec.CommandContext(ctx, sh[0], append(sh[1:], argv...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	attach(cmd)
	return cmd, cmd.Start()
}

func (l *Lab) nspawn(machine, root string, more ...string) []string {
	return append([]string{"systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no",
		"--link-journal=no", "--resolv-conf=off", "--timezone=off", "--console=pipe",
		"--machine=" + l.names.prefix + "-" + machine, "--directory=" + root}, more...)
}

// script runs a shell script in a root that is not booted: /dev, /proc and a
// network namespace, nothing else.
func (l *Lab) script(ctx context.Context, root, name string, more []string, text, in string) error {
	group := l.names.prefix + "/" + name
	argv := append(l.nspawn(name, root, more...), "--as-pid2", "/bin/sh", "-c", text)
	var errText strings.Builder
	cmd, err := l.spawn(ctx, group, argv, func(c *exec.Cmd) {
		c.Stdin, c.Stdout, c.Stderr = strings.NewReader(in), &errText, &errText
	})
	if err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("script %s: %w%s", name, err, tail(errText.String()))
	}
	return removeCgroup(ctx, group)
}

// boot starts the host's own systemd. It outlives this process; its console
// goes to a file of the state directory.
func (n *Node) boot() error {
	if err := raiseInotify(inotifyPath, n.lab.inotifySaved()); err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	console, err := os.OpenFile(n.lab.Path(filepath.Join("nodes", n.name, "console.log")), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = console.Close() }()
	argv := n.lab.nspawn(n.name, n.root(), "--hostname="+n.name,
		"--network-namespace-path="+filepath.Join(netnsDir, n.lab.names.netns(n.index)),
		"--capability=CAP_NET_ADMIN,CAP_NET_RAW,CAP_IPC_LOCK", "--boot", "systemd.unit=multi-user.target")
	cmd, err := n.lab.spawn(context.Background(), n.lab.names.cgroup(n.index), argv, func(c *exec.Cmd) {
		c.Stdout, c.Stderr = console, console
	})
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	go func() { _ = cmd.Wait() }() // no zombie while this process lives; nobody asks how it ended
	return nil
}

// leader is the pid, on this machine, of the host's pid 1.
func (n *Node) leader() (int, error) {
	for _, pid := range cgroupPIDs(n.lab.names.cgroup(n.index)) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err == nil && isLeader(string(status)) {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("%s is not running; `lockstep-lab reset` starts the lab again", n.name)
}

// isLeader says whether a process is pid 1 of a namespace right below ours.
func isLeader(status string) bool {
	for line := range strings.Lines(status) {
		if ids, ok := strings.CutPrefix(line, "NSpid:"); ok {
			f := strings.Fields(ids)
			return len(f) == 2 && f[1] == "1"
		}
	}
	return false
}

// Running says whether the host has power.
func (n *Node) Running() bool {
	_, err := n.leader()
	return err == nil
}

// waitReachable returns when sshd answers and users other than root may enter.
func (n *Node) waitReachable(ctx context.Context) error {
	return poll(ctx, 3*time.Minute, 100*time.Millisecond, n.name+": waiting for sshd", func(ctx context.Context) error {
		if err := n.greeting(ctx); err != nil {
			return err
		}
		_, err := n.Run(ctx, "systemctl", "is-active", "--quiet", "systemd-user-sessions.service")
		return err
	})
}

func (n *Node) greeting(ctx context.Context) error {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(n.addr.String(), "22"))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	hello := make([]byte, 4)
	if _, err := c.Read(hello); err != nil {
		return err
	}
	if string(hello) != "SSH-" {
		return errors.New("something other than sshd answers on port 22")
	}
	return nil
}
