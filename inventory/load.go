package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/source"
)

// Load reads inventories from files, from folders of files, and from lists such
// as "db1,db2," with the variables under group_vars/ and host_vars/ beside each
// file. Later ones add to earlier ones. The error holds all problems of all
// files, each a *source.Error.
func Load(paths ...string) (*Inventory, error) {
	b := newBuilder()
	if len(paths) == 0 {
		b.fail(&source.Error{Pos: source.Pos{File: "-i"}, Msg: "no inventory is given", Hint: "name a file: -i inventory.yml"})
	}
	var folders []string
	for _, path := range paths {
		if folder := b.load(path); folder != "" && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	for _, folder := range folders {
		b.readVarsBeside(folder)
	}
	return b.finish()
}

// Parse reads one inventory file from memory, without the variables beside it.
// Only its errors and positions use name.
func Parse(name string, data []byte) (*Inventory, error) {
	b := newBuilder()
	b.read(name, data)
	return b.finish()
}

// load reads what path names and returns the folder in which to look for
// variables.
func (b *builder) load(path string) (folder string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(path, ","):
		b.readList(path)
		return ""
	case errors.Is(err, fs.ErrNotExist):
		b.failFile(path, fmt.Sprintf("for a list of hosts add a comma: -i %q", path+","), "there is no such inventory")
		return ""
	case err != nil:
		b.failFile(path, "", "the inventory cannot be read: %v", reason(err))
		return ""
	case info.IsDir():
		b.loadFolder(path)
		return filepath.Clean(path)
	}
	b.loadFile(path, info.Mode())
	return filepath.Dir(path)
}

// loadFolder reads the inventory files in a folder in the order of their names.
func (b *builder) loadFolder(folder string) {
	found := false
	for _, entry := range b.list(folder) {
		name, path := entry.Name(), filepath.Join(folder, entry.Name())
		if name == groupVars || name == hostVars || isLeftover(name) {
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			b.failFile(path, "", "the inventory cannot be read: %v", reason(err))
		case info.IsDir():
			b.failFile(path, "give it with an -i of its own", "a folder inside an inventory folder is not read")
		default:
			b.loadFile(path, info.Mode())
		}
		found = true
	}
	if !found {
		b.failFile(folder, "", "the folder holds no inventory file")
	}
}

func (b *builder) loadFile(path string, mode fs.FileMode) {
	if mode&0o111 != 0 && !isYAMLName(path) {
		b.failFile(path, "save what `ansible-inventory --list --yaml` prints, and give that file; or take the x bit off a file of text",
			"this is an executable inventory, which is not read yet")
		return
	}
	if data, ok := b.readFile(path); ok {
		b.read(path, data)
	}
}

// readList reads the comma form. Its hosts are in no group.
func (b *builder) readList(list string) {
	at := source.Value{Pos: source.Pos{File: "-i " + list}}
	for key := range strings.SplitSeq(list, ",") {
		if key = strings.TrimSpace(key); key != "" {
			b.hosts(key, at)
		}
	}
}

func (b *builder) readFile(path string) ([]byte, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		b.failFile(path, "", "the file cannot be read: %v", reason(err))
	}
	return data, err == nil
}

// list returns the entries of a folder sorted by name, none if it is not there.
func (b *builder) list(folder string) []os.DirEntry {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.failFile(folder, "", "the folder cannot be read: %v", reason(err))
	}
	return entries
}

func (b *builder) failFile(path, hint, format string, args ...any) {
	b.fail(&source.Error{Pos: source.Pos{File: path}, Hint: hint, Msg: fmt.Sprintf(format, args...)})
}

// reason is err without the path, which the position tells already.
func reason(err error) error {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// isLeftover tells of files that editors and tools leave behind.
func isLeftover(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") ||
		slices.Contains([]string{".orig", ".bak", ".retry", ".swp", ".pyc", ".pyo"}, filepath.Ext(name))
}
