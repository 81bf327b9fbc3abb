package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

const (
	guardPath = "/usr/sbin/policy-rc.d"
	guardText = "#!/bin/sh\n# lockstep-lab: no daemon of this machine starts while packages install\nexit 101\n"
)

func wantedPackages(database bool) []string {
	p := []string{"systemd", "systemd-sysv", "systemd-container", "dbus", "openssh-server", "openssh-client", "sudo", "iproute2", "util-linux"}
	if database {
		p = append(p, "mariadb-server", "mariadb-client", "mariadb-backup", "galera-4", "socat")
	}
	return p
}

// installPackages adds to the machine what the hosts borrow from it.
func (l *Lab) installPackages(ctx context.Context) error {
	wanted := wantedPackages(!l.opts.NoDatabase)
	out, _ := run(ctx, append([]string{"dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"}, wanted...)...) // absent ones make it fail
	missing := missingPackages(wanted, out)
	if len(missing) == 0 {
		return nil
	}
	l.log.Info("installing packages", "missing", strings.Join(missing, " "))
	if err := placeGuard(guardPath); err != nil {
		return err
	}
	err := aptInstall(ctx, missing)
	if err != nil { // the lists of a fresh machine may be old or empty
		if _, uerr := run(ctx, "apt-get", "update", "--quiet"); uerr == nil {
			err = aptInstall(ctx, missing)
		}
	}
	return errors.Join(err, removeGuard(guardPath))
}

func aptInstall(ctx context.Context, packages []string) error {
	argv := []string{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--quiet", "--no-install-recommends"}
	_, err := run(ctx, append(argv, packages...)...)
	return err
}

// missingPackages compares with dpkg-query's "name status" lines.
func missingPackages(wanted []string, listed string) []string {
	have := map[string]bool{}
	for line := range strings.Lines(listed) {
		name, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		have[name] = status == "installed"
	}
	var missing []string
	for _, p := range wanted {
		if !have[p] {
			missing = append(missing, p)
		}
	}
	return missing
}

// placeGuard keeps apt from starting daemons; a guard that was there stays.
func placeGuard(path string) error {
	_, err := os.Stat(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeFile(path, []byte(guardText), 0o755)
}

// removeGuard removes our own guard only, also one that a crash left.
func removeGuard(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && string(data) != guardText {
		return nil
	}
	if err != nil {
		return fmt.Errorf("guard of package installation: %w", err)
	}
	return os.Remove(path)
}
