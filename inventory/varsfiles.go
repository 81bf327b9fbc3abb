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
	b.readVarsOf(filepath.Join(folder, groupVars), "group", groups, func(name string, vars source.Value) {
		b.setGroup(b.inv.groupOf[name], vars, in)
	})
	hosts := make([]string, len(b.inv.hosts))
	for i, h := range b.inv.hosts {
		hosts[i] = h.Name
	}
	b.readVarsOf(filepath.Join(folder, hostVars), "host", hosts, func(name string, vars source.Value) {
		b.setHost(b.inv.hostOf[name], vars, in)
	})
}

func (b *builder) readVarsOf(folder, what string, names []string, set func(name string, vars source.Value)) {
	left := map[string]bool{}
	for _, entry := range b.list(folder) {
		left[entry.Name()] = !isLeftover(entry.Name())
	}
	if len(left) == 0 {
		return
	}
	for _, name := range names {
		var found []string
		for _, ext := range append([]string{""}, yamlExtensions()...) {
			if left[name+ext] {
				found = append(found, filepath.Join(folder, name+ext))
				delete(left, name+ext)
			}
		}
		if len(found) > 1 {
			b.failFile(found[1], "join them into one, or put both into the folder "+filepath.Join(folder, name),
				"%s %q already has its variables in %s; Ansible reads only that one", what, name, found[0])
		}
		if len(found) > 0 {
			b.readVars(found[0], nil, func(vars source.Value) { set(name, vars) })
		}
	}
	b.warnStrayVars(folder, what, names, left)
}

// warnStrayVars tells of files whose name is nearly that of a group or host.
// Others are taken to belong to another inventory in the same folder.
func (b *builder) warnStrayVars(folder, what string, names []string, left map[string]bool) {
	for _, file := range sortedTrue(left) {
		ext := filepath.Ext(file)
		if !slices.Contains(yamlExtensions(), ext) {
			ext = ""
		}
		if near := spell.Nearest(strings.TrimSuffix(file, ext), names); near != "" {
			b.warn(&source.Error{Pos: source.Pos{File: filepath.Join(folder, file)}, Hint: fmt.Sprintf("did you mean %q?", near),
				Msg: fmt.Sprintf("the variables are not used: there is no %s of this name", what)})
		}
	}
}

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
		if ext := filepath.Ext(entry.Name()); !isLeftover(entry.Name()) && (ext == "" || isYAMLName(ext)) {
			b.readVars(filepath.Join(path, entry.Name()), above, set)
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
