package inventory

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
)

// connReader reads the ansible_* variables of one host.
type connReader struct {
	vars     map[string]source.Value
	over     map[string]source.Value // of the command line
	conn     Connection
	problems *multierror.Error
}

func (r *connReader) fail(err error) {
	if err != nil {
		r.problems = multierror.Append(r.problems, discreet(err, false))
	}
}

// text returns the value of a variable that has several names.
func (r *connReader) text(names ...string) (source.Value, bool) {
	v, as := r.value(names...)
	if v.Tag == source.SecretTag {
		r.fail(v.Errorf("passwords can be secrets; another value can come with -e", "%s cannot be a secret: it is needed before secrets are read", as))
		return v, false
	}
	return v, as != ""
}

// password is text for a value that may be a secret, which is empty until it is
// read.
func (r *connReader) password(names ...string) string {
	v, _ := r.value(names...)
	return v.Text
}

// value returns the value of a variable that has several names, and the one it
// stands under. What the command line sets hides the inventory's. Null and empty
// text mean that it is not set; names that disagree are a problem, since which of
// them Ansible takes is not what the closest one would be.
func (r *connReader) value(names ...string) (found source.Value, as string) {
	vars := r.vars
	if slices.ContainsFunc(names, func(name string) bool { _, ok := r.over[name]; return ok }) {
		vars = r.over
	}
	for _, name := range names {
		v, ok := vars[name]
		sealed := v.Tag == source.SecretTag
		switch {
		case !ok || !sealed && (v.Shape == source.Null || v.Shape == source.Scalar && v.Text == ""):
		case !sealed && v.Shape != source.Scalar:
			r.fail(v.Errorf("", "%s must be a single value, but this is %s", name, v.Shape))
		case as != "" && (found.Text != v.Text || found.Tag != v.Tag):
			r.fail(v.Errorf("keep one of the two", "%s and %s (%s) mean the same and differ", name, as, found.Pos))
		default:
			found, as = v, name
		}
	}
	return found, as
}

func (r *connReader) readTarget() {
	r.readWays()
	if v, ok := r.text("ansible_host", "ansible_ssh_host"); ok {
		if err := checkHostName(v.Text); err != nil {
			r.fail(v.Errorf("write a DNS name or an address", "ansible_host: %v", err))
		}
		r.conn.Address = v.Text
	}
	if v, ok := r.text("ansible_port", "ansible_ssh_port"); ok {
		r.setPort("ansible_port", v, v.Text)
	}
	if v, ok := r.text("ansible_timeout", "ansible_ssh_timeout"); ok {
		r.setTimeout("ansible_timeout", v, v.Text)
	}
	if v, ok := r.text(RunDirVar); ok {
		if !plainPath(v.Text) {
			r.fail(v.Errorf("write a directory such as /run/lockstep, of letters, digits, dots, _ and -", "%s is %q, which is not a plain absolute path", RunDirVar, v.Text))
		}
		r.conn.RunDir = v.Text
	}
}

// readWays refuses every way to a host but ssh to a POSIX shell, and every wish
// not to check its key.
func (r *connReader) readWays() {
	if v, ok := r.text("ansible_connection"); ok && v.Text != "ssh" && v.Text != "smart" {
		hint := ""
		if v.Text == "local" {
			hint = "run sshd on this machine and take ansible_connection out, or leave the host out"
		}
		r.fail(v.Errorf(hint, "ansible_connection is %q, but only ssh is understood yet", v.Text))
	}
	if v, ok := r.text("ansible_shell_type"); ok && v.Text != "sh" {
		r.fail(v.Errorf("", "ansible_shell_type is %q, but only sh is understood", v.Text))
	}
	for _, name := range []string{"ansible_host_key_checking", "ansible_ssh_host_key_checking"} {
		if v, ok := r.text(name); ok {
			if check, err := parseBool(v.Text); err != nil || !check {
				r.fail(v.Errorf(hostKeyHint, "%s is %q, but host keys are always checked", name, v.Text))
			}
		}
	}
}

const hostKeyHint = "compare the hosts' fingerprints once and accept their keys with `lockstep hostkeys accept`"

func (r *connReader) readIdentity() {
	if v, ok := r.text("ansible_user", "ansible_ssh_user"); ok {
		r.fail(checkUser("ansible_user", v))
		r.conn.User = v.Text
	}
	r.conn.Password = r.password(LoginPasswords()...)
	if v, ok := r.text("ansible_ssh_private_key_file", "ansible_private_key_file"); ok {
		r.addIdentity("ansible_ssh_private_key_file", v, v.Text)
	}
}

func (r *connReader) readBecome() {
	if v, ok := r.text("ansible_become"); ok {
		become, err := parseBool(v.Text)
		if err != nil {
			r.fail(v.Errorf("write true or false", "ansible_become is %q, which is neither true nor false", v.Text))
		}
		r.conn.Become, r.conn.BecomeGiven = become, true
	}
	if v, ok := r.text("ansible_become_method"); ok {
		if methods := BecomeMethods(); !slices.Contains(methods, v.Text) {
			r.fail(v.Errorf("leave it out for sudo", "ansible_become_method is %q, but there are only %s", v.Text, strings.Join(methods, ", ")))
		}
		r.conn.BecomeMethod = v.Text
	}
	if v, ok := r.text("ansible_become_user"); ok {
		r.fail(checkUser("ansible_become_user", v))
		r.conn.BecomeUser = v.Text
	}
	r.conn.BecomePassword = r.password(BecomePasswords()...)
}

// parseBool takes the words that Ansible takes for a truth value.
func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "y", "on", "t", "1":
		return true, nil
	case "false", "no", "n", "off", "f", "0":
		return false, nil
	}
	return false, errors.New("neither true nor false")
}

// checkUser refuses what sudo or ssh could take for an option or for more than
// one word.
func checkUser(name string, v source.Value) error {
	if strings.HasPrefix(v.Text, "-") || strings.ContainsFunc(v.Text, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return v.Errorf("", "%s is %q, which is not the name of a user", name, v.Text)
	}
	return nil
}

func (r *connReader) setPort(name string, v source.Value, text string) {
	port, err := parsePort(text)
	switch {
	case err != nil:
		r.fail(v.Errorf("", "%s: %v", name, err))
	case r.conn.Port != 0 && r.conn.Port != port:
		r.fail(v.Errorf("keep one of the two", "%s asks for port %d, but the host already has port %d", name, port, r.conn.Port))
	default:
		r.conn.Port = port
	}
}

func (r *connReader) setTimeout(name string, v source.Value, text string) {
	seconds, err := strconv.ParseUint(text, 10, 16)
	timeout := time.Duration(seconds) * time.Second
	switch {
	case err != nil || seconds == 0:
		r.fail(v.Errorf("", "%s: %q is not a number of seconds from 1 to 65535", name, text))
	case r.conn.ConnectTimeout != 0 && r.conn.ConnectTimeout != timeout:
		r.fail(v.Errorf("keep one of the two", "%s asks for a timeout of %s, but the host already has %s", name, timeout, r.conn.ConnectTimeout))
	default:
		r.conn.ConnectTimeout = timeout
	}
}

// plainPath reports whether name is an absolute path, clean and without any
// character that a shell takes for its own.
func plainPath(name string) bool {
	plain := func(c rune) bool {
		return c == '/' || c == '.' || c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	return path.IsAbs(name) && path.Clean(name) == name && name != "/" && !strings.ContainsFunc(name, func(c rune) bool { return !plain(c) })
}
