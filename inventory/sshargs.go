package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/source"
	"lockstep/internal/sshconfig"
)

// readArgs takes from a variable that holds ssh's own arguments what can be
// honoured, and refuses everything else by name: an option that is dropped
// could be the jump host.
func (r *connReader) readArgs(name string, v source.Value) {
	args, err := words(v.Text)
	if err != nil {
		r.fail(v.Errorf("", "%s: %v", name, err))
		return
	}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		flag, value := arg, ""
		if len(arg) > 2 && arg[0] == '-' {
			flag, value = arg[:2], arg[2:]
		}
		if !slices.Contains([]string{"-o", "-i", "-p", "-J", "-F"}, flag) {
			r.refuseArg(name, v, flag)
			if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
				args = args[1:] // the value of the refused flag
			}
			continue
		}
		if value == "" {
			if len(args) == 0 {
				r.fail(v.Errorf("", "%s: the option %s has no value", name, flag))
				return
			}
			value, args = args[0], args[1:]
		}
		r.readArg(name, v, flag, value)
	}
}

func (r *connReader) readArg(name string, v source.Value, flag, value string) {
	switch flag {
	case "-i":
		r.addIdentity(name, v, value)
	case "-p":
		r.setPort(name, v, value)
	case "-J":
		r.setJump(name, v, value)
	case "-F":
		r.setConfig(name, v, value)
	case "-o":
		at := strings.IndexAny(value, "= \t")
		if at < 0 {
			r.fail(v.Errorf("write -o KEY=VALUE", "%s: the option -o %s has no value", name, value))
			return
		}
		r.readOption(name, v, value[:at], strings.TrimLeft(value[at:], "= \t"))
	}
}

// readOption handles one -o KEY=VALUE. ssh does not mind the case of keys.
func (r *connReader) readOption(name string, v source.Value, key, value string) {
	switch strings.ToLower(key) {
	case "userknownhostsfile":
		r.setKnownHosts(name, v, value)
	case "connecttimeout":
		r.setTimeout(name, v, value)
	case "proxyjump":
		r.setJump(name, v, value)
	case "proxycommand":
		r.setOnce(name, v, "ProxyCommand", &r.conn.ProxyCommand, value)
	case "identitiesonly":
		r.setIdentitiesOnly(name, v, value)
	case "serveraliveinterval":
		r.setAlive(name, v, value)
	case "stricthostkeychecking":
		if value != "yes" {
			r.fail(v.Errorf(hostKeyHint, "%s: %s=%s is refused, since host keys are always checked", name, key, value))
		}
	default:
		r.refuseArg(name, v, "-o "+key)
	}
}

func (r *connReader) refuseArg(name string, v source.Value, what string) {
	r.fail(v.Errorf("honoured here are -i, -p, -J, -F and -o with ProxyJump, ProxyCommand, UserKnownHostsFile, IdentitiesOnly, ConnectTimeout and ServerAliveInterval; write others into ssh_config",
		"%s: the ssh option %s cannot be honoured, and leaving it out could reach another host than you mean", name, what))
}

func (r *connReader) setJump(name string, v source.Value, value string) {
	if _, err := sshconfig.Jumps(value); err != nil {
		r.fail(v.Errorf("write [USER@]HOST[:PORT], with commas between", "%s: %v", name, err))
		return
	}
	r.setOnce(name, v, "ProxyJump", &r.conn.ProxyJump, value)
}

// setOnce sets what must not be set to two values, and no way to a host when
// there is another.
func (r *connReader) setOnce(name string, v source.Value, option string, to *string, value string) {
	if *to != "" && *to != value {
		r.fail(v.Errorf("keep one of the two", "%s: %s is already set to another value", name, option))
		return
	}
	*to = value
	if r.conn.ProxyJump != "" && r.conn.ProxyCommand != "" {
		r.fail(v.Errorf("keep one of the two", "%s: ProxyJump and ProxyCommand are two ways to the host", name))
	}
}

func (r *connReader) setConfig(name string, v source.Value, value string) {
	path := value
	if value != "none" {
		var err error
		if path, err = localPath(v.Pos, value); err != nil {
			r.fail(v.Errorf("", "%s: %v", name, err))
			return
		}
	}
	r.setOnce(name, v, "-F", &r.conn.ConfigFile, path)
}

func (r *connReader) setIdentitiesOnly(name string, v source.Value, value string) {
	only, err := parseBool(value)
	if err != nil || !only {
		r.fail(v.Errorf("write yes, or take it out", "%s: IdentitiesOnly=%s cannot be honoured", name, value))
		return
	}
	r.conn.IdentitiesOnly = true
}

func (r *connReader) setAlive(name string, v source.Value, value string) {
	seconds, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		r.fail(v.Errorf("", "%s: ServerAliveInterval: %q is not a number of seconds", name, value))
		return
	}
	r.conn.AliveInterval = time.Duration(seconds) * time.Second
}

func (r *connReader) setKnownHosts(name string, v source.Value, value string) {
	files, err := words(value)
	if err != nil || len(files) == 0 {
		r.fail(v.Errorf("", "%s: UserKnownHostsFile does not name a file", name))
		return
	}
	var paths []string
	for _, file := range files {
		if file == os.DevNull || file == "none" {
			r.fail(v.Errorf(hostKeyHint, "%s: UserKnownHostsFile=%s is refused, since host keys are always checked", name, file))
			return
		}
		path, err := localPath(v.Pos, file)
		if err != nil {
			r.fail(v.Errorf("", "%s: %v", name, err))
			return
		}
		paths = append(paths, path)
	}
	if r.conn.KnownHosts != nil && !slices.Equal(r.conn.KnownHosts, paths) {
		r.fail(v.Errorf("keep one of the two", "%s: UserKnownHostsFile is already set to %s", name, strings.Join(r.conn.KnownHosts, " ")))
		return
	}
	r.conn.KnownHosts = paths
}

func (r *connReader) addIdentity(name string, v source.Value, file string) {
	path, err := localPath(v.Pos, file)
	if err != nil {
		r.fail(v.Errorf("", "%s: %v", name, err))
		return
	}
	if !slices.Contains(r.conn.IdentityFiles, path) {
		r.conn.IdentityFiles = append(r.conn.IdentityFiles, path)
	}
}

// localPath makes a path on this machine of what a user wrote at pos.
func localPath(pos source.Pos, path string) (string, error) {
	switch {
	case path == "" || strings.ContainsAny(path, "\x00\n"):
		return "", fmt.Errorf("%q is not a path", path)
	case strings.Contains(path, "%") || strings.Contains(path, "${"):
		return "", fmt.Errorf("the path %q holds a token of ssh (%%h, ${HOME}), which is not understood", path)
	case path == "~" || strings.HasPrefix(path, "~/"):
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("the path %q needs a home directory: %w", path, err)
		}
		return filepath.Join(home, path[1:]), nil
	case path[0] == '~':
		return "", fmt.Errorf("the path %q is below another user's home, which is not understood; write it out", path)
	case filepath.IsAbs(path):
		return filepath.Clean(path), nil
	}
	return filepath.Join(Folder(pos.File), path), nil
}

// Folder is the folder from which the relative paths in a user's file count: its
// own, and for what stands below group_vars/ or host_vars/ the one that these
// stand in.
func Folder(file string) string {
	folder := filepath.Dir(file)
	for at := folder; at != filepath.Dir(at); at = filepath.Dir(at) {
		if name := filepath.Base(at); name == groupVars || name == hostVars {
			return filepath.Dir(at)
		}
	}
	return folder
}
