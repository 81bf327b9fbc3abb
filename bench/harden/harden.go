// Package harden is the job that the benchmark gives to every tool: bring
// certificates and the settings that name them to a database host, restart, and
// look whether the settings are there. Many hosts are many directories.
package harden

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Group owns what the job brings, a system group that every Debian has.
const Group = "mail"

// File is a PEM file of the job.
type File struct {
	Name string
	Data []byte
	Mode fs.FileMode
}

// Sum is the file's SHA-256 in hex.
func (f File) Sum() string { return fmt.Sprintf("%x", sha256.Sum256(f.Data)) }

// Option is one line that the job wants in my.cnf.
type Option struct{ Section, Name, Value string }

// Job is one job for many hosts.
type Job struct {
	Root  string // has the directory of each host
	Files []File
	old   []File
}

// New makes the job with fresh certificates: some that the hosts have, and some
// that they are to get.
func New(root string) (*Job, error) {
	j := &Job{Root: root}
	var err error
	if j.old, err = generation("old"); err == nil {
		j.Files, err = generation("new")
	}
	return j, err
}

// Host is the name of host i.
func Host(i int) string { return fmt.Sprintf("h%04d", i) }

// Dir is the directory that stands for host i.
func (j *Job) Dir(i int) string { return filepath.Join(j.Root, Host(i)) }

// Options are what my.cnf of a host is to hold.
func Options(dir string) []Option {
	pem := func(name string) string { return dir + "/certs/" + name }
	return []Option{
		{"mysqld", "ssl-ca", pem("ca.pem")},
		{"mysqld", "ssl-cert", pem("server-cert.pem")},
		{"mysqld", "ssl-key", pem("server-key.pem")},
		{"mysqld", "require_secure_transport", "ON"},
		{"mysqld", "tls_version", "TLSv1.2,TLSv1.3"},
		{"mysqld", "max_connections", "500"},
		{"client", "ssl-ca", pem("ca.pem")},
		{"client", "ssl-cert", pem("client-cert.pem")},
		{"client", "ssl-key", pem("client-key.pem")},
		{"sst", "tca", pem("ca.pem")},
		{"sst", "tcert", pem("server-cert.pem")},
		{"sst", "tkey", pem("server-key.pem")},
	}
}

// Reset brings the first n hosts into the state before the job.
func (j *Job) Reset(n int) error {
	for i := range n {
		dir := j.Dir(i)
		err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir+"/certs", 0o755),
			os.WriteFile(dir+"/my.cnf", []byte(oldSettings(dir)), 0o644))
		for _, f := range j.old {
			err = errors.Join(err, os.WriteFile(dir+"/certs/"+f.Name, f.Data, f.Mode))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// oldSettings has each option with another value, and comments that are to stay.
func oldSettings(dir string) string {
	var b strings.Builder
	b.WriteString("# settings of the database\n")
	options := Options(dir)
	for i, o := range options {
		if i == 0 || options[i-1].Section != o.Section {
			fmt.Fprintf(&b, "\n[%s]\n# what stands here is read when the server starts\nport = 3306\n", o.Section)
		}
		fmt.Fprintf(&b, "%s = old\n", o.Name)
		if i+1 == len(options) || options[i+1].Section != o.Section {
			fmt.Fprintf(&b, "# end of %s\n", o.Section)
		}
	}
	return b.String()
}

// Edit returns the my.cnf of a host as the job wants it.
func Edit(text, dir string) string {
	for _, o := range Options(dir) {
		head, rest, found := strings.Cut(text, "["+o.Section+"]\n")
		body, tail, last := strings.Cut(rest, "\n[")
		lines := strings.Split(body, "\n")
		for i, line := range lines {
			if strings.HasPrefix(line, o.Name+" = ") {
				lines[i] = o.Name + " = " + o.Value
			}
		}
		if body = strings.Join(lines, "\n"); last {
			body += "\n["
		}
		if found {
			text = head + "[" + o.Section + "]\n" + body + tail
		}
	}
	return text
}

// Check makes sure that a tool did all of the job on the first n hosts, and
// restarted each once.
func (j *Job) Check(n int) error {
	for i := range n {
		if err := j.check(j.Dir(i)); err != nil {
			return err
		}
	}
	return nil
}

// CheckUntouched makes sure that a dry run changed nothing.
func (j *Job) CheckUntouched(n int) error {
	for i := range n {
		dir := j.Dir(i)
		text, err := os.ReadFile(dir + "/my.cnf")
		_, restarted := os.Stat(dir + "/restarts")
		if err != nil || string(text) != oldSettings(dir) || restarted == nil {
			return fmt.Errorf("%s was changed in a dry run: %v", dir, err)
		}
	}
	return nil
}

func (j *Job) check(dir string) error {
	if st, err := os.Stat(dir + "/certs"); err != nil || st.Mode().Perm() != 0o750 {
		return fmt.Errorf("%s/certs does not have mode 0750: %v", dir, err)
	}
	for _, f := range j.Files {
		file := dir + "/certs/" + f.Name
		data, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(data, f.Data) {
			return fmt.Errorf("%s is not as wanted: %d bytes, %v", file, len(data), err)
		}
		if st, err := os.Stat(file); err != nil || st.Mode().Perm() != f.Mode {
			return fmt.Errorf("%s does not have mode %#o: %v", file, f.Mode, err)
		}
	}
	text, err := os.ReadFile(dir + "/my.cnf")
	if err != nil || string(text) != Edit(oldSettings(dir), dir) {
		return fmt.Errorf("%s/my.cnf is not as wanted: %v\n%s", dir, err, text)
	}
	text, err = os.ReadFile(dir + "/restarts")
	if err != nil || string(text) != "restart\n" {
		return fmt.Errorf("%s was not restarted once: %q, %v", dir, text, err)
	}
	return nil
}
