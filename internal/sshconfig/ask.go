package sshconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ask lets `ssh -G` resolve a host. What it prints that holds for every host
// without any file is taken for not set.
func (c *Config) ask(ctx context.Context, q Query) (raw, error) {
	args := []string{"-G"}
	if file := c.file(); file != "" {
		args = append(args, "-F", file)
	}
	if q.User != "" {
		args = append(args, "-l", q.User)
	}
	if q.Port != 0 {
		args = append(args, "-p", strconv.Itoa(q.Port))
	}
	base, err := c.base()
	if err != nil {
		return raw{}, err
	}
	r, err := c.run(ctx, append(args, "--", q.Alias)...)
	if err != nil {
		return raw{}, err
	}
	for key, value := range base.one {
		if r.one[key] == value && key != "hostname" {
			delete(r.one, key)
		}
	}
	for key, values := range base.many {
		if slices.Equal(r.many[key], values) {
			delete(r.many, key)
		}
	}
	return r, nil
}

// file is what ssh must be told to read. It takes the home directory from the
// user database and not from $HOME; where these differ, $HOME counts.
func (c *Config) file() string {
	if c.options.File != "" {
		return c.options.File
	}
	if u, err := user.Current(); err == nil && u.HomeDir == c.options.Home {
		return ""
	}
	name := filepath.Join(c.options.Home, ".ssh", "config")
	if _, err := os.Stat(name); err != nil {
		return ""
	}
	return name
}

func (c *Config) bare() (raw, error) {
	return c.run(context.Background(), "-G", "-F", os.DevNull, "--", "host")
}

func (c *Config) run(ctx context.Context, args ...string) (raw, error) {
	select {
	case c.asking <- struct{}{}:
	case <-ctx.Done():
		return raw{}, ctx.Err()
	}
	defer func() { <-c.asking }()
	cmd := exec.CommandContext(ctx, c.options.Program, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return raw{}, ctx.Err()
	}
	if err != nil {
		return raw{}, fmt.Errorf("%s %s: %w", c.options.Program, strings.Join(args, " "),
			errors.Join(err, errors.New(strings.TrimSpace(said.String()))))
	}
	return parseDump(string(out)), nil
}

// parseDump reads the lines of ssh -G that are heeded.
func parseDump(text string) raw {
	r := newRaw()
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		switch key = strings.ToLower(key); {
		case !heeded(key) || key == "canonicalizehostname":
		case key == "identityfile", key == "certificatefile":
			r.many[key] = append(r.many[key], value)
		case key == "userknownhostsfile", key == "globalknownhostsfile":
			r.many[key] = strings.Fields(value)
		default:
			r.one[key] = value
		}
	}
	return r
}
