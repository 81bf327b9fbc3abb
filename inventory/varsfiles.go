package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/source"
	"lockstep/internal/spell"
)

// The folders beside an inventory file.
const (
	groupVars = "group_vars"
	hostVars  = "host_vars"
)

// readVarsBeside reads the variables of groups and hosts in the folder of an
// inventory file or plan: group_vars/NAME and host_vars/NAME, each a file or a
// folder.
func (b *builder) readVarsBeside(folder string, in place) {
	groups := make([]string, len(b.inv.groups))
	for i, g := range b.inv.groups {
		groups[i] = g.Name
	}
	hosts := make([]string, len(b.inv.hosts))
	for i, h := range b.inv.hosts {
		hosts[i] = h.Name
	}
	g := varsFolder{filepath.Join(folder, groupVars), "group", groups, "host", hosts}
	b.readVarsOf(g, func(name string, vars source.Value) { b.setGroup(b.inv.groupOf[name], vars, in) })
	h := varsFolder{filepath.Join(folder, hostVars), "host", hosts, "group", groups}
	b.readVarsOf(h, func(name string, vars source.Value) { b.setHost(b.inv.hostOf[name], vars, in) })
}

// varsFolder is a folder with files that have the names of groups or of hosts.
type varsFolder struct {
	path, what string
	names      []string
	other      string // what else a name can be by mistake
	others     []string
}

func (b *builder) readVarsOf(f varsFolder, set func(name string, vars source.Value)) {
	left := map[string]bool{}
	for _, entry := range b.list(f.path) {
		left[entry.Name()] = !isLeftover(entry.Name())
	}
	if len(left) == 0 {
		return
	}
	for _, name := range f.names {
		var found []string
		for _, ext := range append([]string{""}, yamlExtensions()...) {
			if left[name+ext] {
				found = append(found, filepath.Join(f.path, name+ext))
				delete(left, name+ext)
			}
		}
		if len(found) > 1 {
			b.failFile(found[1], "join them into one, or put both into the folder "+filepath.Join(f.path, name),
				"%s %q already has its variables in %s; Ansible reads only that one", f.what, name, found[0])
		}
		if len(found) > 0 {
			b.readVars(found[0], nil, func(vars source.Value) { set(name, vars) })
		}
	}
	for _, file := range sortedTrue(left) {
		b.warnStrayVars(f, file)
	}
}

// warnStrayVars tells of a file whose name is nearly that of a group or host.
// Others are taken to belong to another inventory in the same folder.
func (b *builder) warnStrayVars(f varsFolder, file string) {
	stem, ext := strings.TrimSuffix(file, filepath.Ext(file)), filepath.Ext(file)
	name := file
	if slices.Contains(yamlExtensions(), ext) {
		name = stem
	}
	warn := func(hint, why string) {
		b.warn(&source.Error{Pos: source.Pos{File: filepath.Join(f.path, file)}, Msg: "the variables are not used: " + why, Hint: hint})
	}
	switch near := spell.Nearest(name, f.names); {
	case name == file && slices.Contains(f.names, stem):
		warn(suffixHint, "no file that ends in "+ext+" is read")
	case slices.Contains(f.others, name):
		warn(fmt.Sprintf("move it to %s_vars/", f.other), fmt.Sprintf("%q is a %s, and no %s", name, f.other, f.what))
	case near != "":
		warn(fmt.Sprintf("did you mean %q?", near), fmt.Sprintf("there is no %s of this name", f.what))
	}
}

const suffixHint = "as in Ansible, a file of variables ends in .yml, .yaml or .json, or has no suffix"

func sortedTrue(set map[string]bool) []string {
	var names []string
	for name, in := range set {
		if in {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// readVars reads one file of variables, or all files in a folder in the order
// of their names, as deep as they go.
func (b *builder) readVars(path string, above ancestors, set func(source.Value)) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		b.failFile(path, "", "the variables cannot be read: %v", reason(err))
	case info.IsDir():
		b.readVarsFolder(path, above, set)
	case b.isFile(path, info):
		b.readVarsFile(path, set)
	}
}

func (b *builder) readVarsFolder(path string, above ancestors, set func(source.Value)) {
	above, ok := b.enter(path, above)
	if !ok {
		return
	}
	for _, entry := range b.list(path) {
		inner, ext := filepath.Join(path, entry.Name()), filepath.Ext(entry.Name())
		info, err := os.Stat(inner)
		isFolder := err == nil && info.IsDir()
		switch {
		case isLeftover(entry.Name()), slices.Contains([]string{".md", ".txt", ".rst"}, ext):
		case ext == "" || !isFolder && slices.Contains(yamlExtensions(), ext):
			b.readVars(inner, above, set)
		case isFolder:
			b.warn(&source.Error{Pos: source.Pos{File: inner}, Msg: "the folder is not read: its name has a suffix", Hint: "as in Ansible, a folder of variables has none"})
		default:
			b.warn(&source.Error{Pos: source.Pos{File: inner}, Msg: "the variables are not used: no file that ends in " + ext + " is read", Hint: suffixHint})
		}
	}
}

func (b *builder) readVarsFile(path string, set func(source.Value)) {
	data, ok := b.readFile(path)
	if !ok {
		return
	}
	b.unlocked(path, data, func(plain []byte) {
		if root, ok := b.parse(path, plain); ok && b.isVars(root, "the file") {
			set(root)
		}
	})
}
