package serverfiles

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"lockstep/steps"
)

// ofUnits reads how the server would be started from its units: the words of its
// command line with the variables of its environment in their place, as
// MYSQLD_OPTS has them.
func ofUnits(ctx context.Context, r steps.Reader, units string) (Started, error) {
	for block := range strings.SplitSeq(units, "\n\n") {
		u := parseUnit(block)
		if !u.loaded {
			continue
		}
		for _, file := range u.files {
			text, err := r.ReadFile(ctx, file)
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
				return Started{}, err
			}
			for line := range strings.Lines(string(text)) {
				u.assign(strings.TrimSpace(line))
			}
		}
		return u.started(), nil
	}
	return Started{}, nil
}

// serverUnit is what `systemctl show` tells.
type serverUnit struct {
	loaded bool
	exec   string
	files  []string
	env    map[string]string
}

func parseUnit(block string) serverUnit {
	u := serverUnit{env: map[string]string{}}
	for line := range strings.Lines(block) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "LoadState":
			u.loaded = value == "loaded"
		case "ExecStart":
			u.exec += value + "\n"
		case "EnvironmentFiles":
			file, _, _ := strings.Cut(value, " (")
			u.files = append(u.files, file)
		case "Environment":
			for _, m := range regexp.MustCompile(`"((?:[^"\\]|\\.)*)"|\S+`).FindAllStringSubmatch(value, -1) {
				u.assign(m[0])
			}
		}
	}
	return u
}

// assign takes NAME=value, in quotes as a whole or in its value.
func (u serverUnit) assign(text string) {
	name, value, ok := strings.Cut(strings.Trim(text, `"`), "=")
	if ok {
		u.env[name] = strings.Trim(value, `"'`)
	}
}

func (u serverUnit) started() Started {
	var s Started
	words := os.Expand(u.exec, func(name string) string { return u.env[name] })
	for _, m := range regexp.MustCompile(`--defaults[-_](file|group[-_]suffix)=([^\s;"']+)`).FindAllStringSubmatch(words, -1) {
		if m[1] == "file" {
			s.Main = m[2]
		} else {
			s.Suffix = m[2]
		}
	}
	return s.with(u.env[suffixVariable])
}
