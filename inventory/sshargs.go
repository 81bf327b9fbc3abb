package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/source"
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
		if !slices.Contains([]string{"-o", "-i", "-p"}, flag) {
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
	case "stricthostkeychecking":
		if value != "yes" {
			r.fail(v.Errorf(hostKeyHint, "%s: %s=%s is refused, since host keys are always checked", name, key, value))
		}
	default:
		r.refuseArg(name, v, "-o "+key)
	}
}

func (r *connReader) refuseArg(name string, v source.Value, what string) {
	r.fail(v.Errorf("honoured here are -o UserKnownHostsFile=, -o ConnectTimeout=, -i and -p",
		"%s: the ssh option %s cannot be honoured yet, and leaving it out could reach another host than you mean", name, what))
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
