package inventory

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/source"
)

// format is what a file is written in.
type format int

const (
	formatYAML format = iota
	formatINI
	formatTOML
	formatScript
)

// read reads one inventory file in whatever format it is in.
func (b *builder) read(file string, data []byte) {
	switch formatOf(file, data) {
	case formatScript:
		b.failFile(file, "give its path", "this is a program: an executable inventory is read where it can be run")
	case formatINI:
		b.readINI(file, data)
	case formatTOML:
		b.fail(&source.Error{Pos: source.Pos{File: file, Line: 1}, Msg: "this is a TOML inventory, which is not read",
			Hint: "`ansible-inventory -i FILE --list --yaml` prints it as YAML; save that"})
	default:
		b.readYAML(file, data)
	}
}

// formatOf goes by the file's name where that says enough, and else by the
// first line that says something.
func formatOf(file string, data []byte) format {
	ext := strings.ToLower(filepath.Ext(file))
	switch {
	case isProgram(data):
		return formatScript
	case isYAMLName(file):
		return formatYAML
	case ext == ".ini" || ext == ".cfg":
		return formatINI
	case ext == ".toml":
		return formatTOML
	case looksLikeINI(data):
		return formatINI
	}
	return formatYAML
}

func isYAMLName(file string) bool {
	return slices.Contains(yamlExtensions(), strings.ToLower(filepath.Ext(file)))
}

// yamlExtensions are those that Ansible reads; JSON is YAML too.
func yamlExtensions() []string { return []string{".yml", ".yaml", ".json"} }

var yamlStart = regexp.MustCompile(`^(---|%YAML|\{|['"]?[^\s:=\[]+['"]?\s*:(\s|$))`)

// looksLikeINI tells whether the first line that is not blank or a comment is
// one of INI: a section, or a host with or without variables.
func looksLikeINI(data []byte) bool {
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\uFEFF"))
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, ";"):
			return true
		default:
			return !yamlStart.MatchString(line)
		}
	}
	return false
}
