package lab

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

//go:embed scripts/base.sh
var baseScript string

// keptTop are the folders of the machine's / that a host shares. Everything
// else at the top is the machine's own business and is not shown to hosts.
func keptTop() []string {
	return []string{"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr", "var"}
}

// emptied are folders a fresh host has, without the machine's contents.
func emptied() []string {
	return []string{
		"home", "media", "mnt", "opt", "root", "run", "srv", "tmp",
		"etc/cron.d", "etc/cron.daily", "etc/cron.hourly", "etc/cron.weekly",
		"etc/mysql/conf.d", "etc/mysql/mariadb.conf.d",
		"etc/ssh/sshd_config.d", "etc/sudoers.d", "etc/systemd/network", "etc/systemd/system",
		"usr/local", "var/backups", "var/cache", "var/lib/apt", "var/lib/machines", "var/lib/mysql",
		"var/lib/postgresql", "var/lib/private", "var/lib/systemd", "var/log", "var/spool", "var/tmp",
	}
}

// makeBase builds the layer all hosts share: the machine's own folders
// hidden, users, sudo rules, a quiet systemd.
func (l *Lab) makeBase(ctx context.Context) error {
	if err := oneFileSystem("/usr", "/etc", "/var"); err != nil {
		return err
	}
	at := l.mnt("base")
	upper := filepath.Join(at, "upper")
	if err := os.MkdirAll(upper, 0o755); err != nil {
		return err
	}
	if err := hide(upper, l.dir); err != nil {
		return fmt.Errorf("base layer: %w", err)
	}
	root, err := mountOverlay(at, "/")
	if err != nil {
		return err
	}
	key, err := os.ReadFile(l.Path("id_ed25519.pub"))
	if err != nil {
		return err
	}
	password, err := os.ReadFile(l.Path("dba.password"))
	if err != nil {
		return err
	}
	in := fmt.Sprintf("%s\n%s\n", strings.TrimSpace(string(key)), strings.TrimSpace(string(password)))
	if err := l.script(ctx, root, "base", nil, baseScript, in); err != nil {
		return fmt.Errorf("base layer: %w", err)
	}
	return unmount(root)
}

// oneFileSystem refuses a machine whose folders are mounts of their own: an
// overlay shows what is below a mount point, not what is mounted there.
func oneFileSystem(dirs ...string) error {
	var root, st unix.Stat_t
	if err := unix.Stat("/", &root); err != nil {
		return err
	}
	for _, d := range dirs {
		if err := unix.Stat(d, &st); err != nil {
			return fmt.Errorf("%s: %w", d, err)
		}
		if st.Dev != root.Dev {
			return fmt.Errorf("%s is a file system of its own on this machine; hosts borrow / by an overlay, which needs %s on the same one", d, strings.Join(dirs, ", "))
		}
	}
	return nil
}

// hide writes the overlay's own marks for "nothing below this" into upper.
func hide(upper, dir string) error {
	top, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, e := range top {
		if slices.Contains(keptTop(), e.Name()) || slices.Contains(emptied(), e.Name()) {
			continue
		}
		if err := whiteout(filepath.Join(upper, e.Name())); err != nil {
			return err
		}
	}
	for _, d := range emptied() {
		if err := emptyDir(upper, d); err != nil {
			return err
		}
	}
	keys, _ := filepath.Glob("/etc/ssh/ssh_host_*") // the pattern is constant and valid
	for _, f := range append(keys, "/usr/sbin/policy-rc.d", "/var/lib/lockstep", dir) {
		if err := hideFile(upper, f); err != nil {
			return err
		}
	}
	return nil
}

// hideFile hides one file unless a folder above it is hidden already. What is not
// there may come while the lab is up.
func hideFile(upper, path string) error {
	top := strings.Split(path, "/")[1]
	if !slices.Contains(keptTop(), top) {
		return nil
	}
	if err := mkdirLike(upper, filepath.Dir(path)[1:]); err != nil {
		return err
	}
	return whiteout(filepath.Join(upper, path))
}

func whiteout(path string) error {
	if err := unix.Mknod(path, unix.S_IFCHR, 0); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("whiteout %s: %w", path, err)
	}
	return nil
}

func emptyDir(upper, dir string) error {
	if err := mkdirLike(upper, dir); err != nil {
		return err
	}
	path := filepath.Join(upper, dir)
	if err := unix.Lsetxattr(path, "trusted.overlay.opaque", []byte("y"), 0); err != nil {
		return fmt.Errorf("opaque mark on %s: %w", path, err)
	}
	return nil
}

// mkdirLike makes dir and its parents below upper with the owners and modes
// they have on the machine.
func mkdirLike(upper, dir string) error {
	if dir == "." || dir == "" {
		return nil
	}
	if err := mkdirLike(upper, filepath.Dir(dir)); err != nil {
		return err
	}
	path := filepath.Join(upper, dir)
	if err := os.Mkdir(path, 0o755); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	var st syscall.Stat_t
	if err := syscall.Stat("/"+dir, &st); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := os.Lchown(path, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	return syscall.Chmod(path, st.Mode&0o7777)
}
