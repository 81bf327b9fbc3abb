package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/source"
)

// Load reads inventories from files, executables and folders of these, and from
// lists such as "db1,db2,", with the variables under group_vars/ and host_vars/
// beside each and beside the plan. Later ones add to earlier ones. The error
// holds all problems of all files, each a *source.Error. The end of ctx ends
// the programs that are being run.
func Load(ctx context.Context, o Options, paths ...string) (*Inventory, error) {
	b := newBuilder(ctx, o)
	if len(paths) == 0 {
		b.fail(&source.Error{Pos: source.Pos{File: "-i"}, Msg: "no inventory is given", Hint: "name a file: -i inventory.yml"})
	}
	var folders []string
	for _, path := range paths {
		if folder := b.load(path); folder != "" && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	for i, folder := range folders {
		b.readVarsBeside(folder, place{besideInventory, i})
	}
	if o.PlanFolder != "" && !containsFolder(folders, o.PlanFolder) {
		b.readVarsBeside(filepath.Clean(o.PlanFolder), place{besidePlan, 0})
	}
	return b.finish()
}

// containsFolder compares folders however their paths are written.
func containsFolder(folders []string, folder string) bool {
	want, err := os.Stat(folder)
	return err == nil && slices.ContainsFunc(folders, func(f string) bool {
		info, err := os.Stat(f)
		return err == nil && os.SameFile(info, want)
	})
}

// Parse reads one inventory file from memory, without the variables beside it
// and without opening what is encrypted. Only its errors and positions use name.
func Parse(name string, data []byte) (*Inventory, error) {
	return newBuilder(context.Background(), Options{}).parseFile(name, data)
}

func (b *builder) parseFile(name string, data []byte) (*Inventory, error) {
	b.unlocked(name, data, func(plain []byte) { b.read(name, plain) })
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
		if !b.loadFolder(path, nil) {
			b.failFile(path, "", "the folder holds no inventory file")
		}
		return filepath.Clean(path)
	}
	b.loadFile(path, info.Mode()) // here it may be a pipe, as <(...) gives one
	return filepath.Dir(path)
}

// loadFolder reads the inventories in a folder and the folders below it, in the
// byte order of their names, as Ansible does. It tells whether there were any.
func (b *builder) loadFolder(folder string, above ancestors) (found bool) {
	above, ok := b.enter(folder, above)
	if !ok {
		return true
	}
	for _, entry := range b.list(folder) {
		name, path := entry.Name(), filepath.Join(folder, entry.Name())
		if b.passedOver(path, name) {
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			b.failFile(path, "", "the inventory cannot be read: %v", reason(err))
		case info.IsDir():
			found = b.loadFolder(path, above) || found
			continue
		case b.isFile(path, info):
			b.loadFile(path, info.Mode())
		}
		found = true
	}
	return found
}

// passedOver tells what is no inventory in a folder of inventories. Ansible
// passes over .ini and .cfg files too, which is worth a warning.
func (b *builder) passedOver(path, name string) bool {
	switch ext := filepath.Ext(name); {
	case strings.HasPrefix(name, "."), strings.HasSuffix(name, "~"), name == groupVars, name == hostVars, name == "vars_plugins", name == "ansible.cfg", name == "known_hosts":
		return true
	case ext == ".ini" || ext == ".cfg":
		b.warn(&source.Error{Pos: source.Pos{File: path}, Msg: "the file is passed over, as Ansible does with " + ext + " files in a folder of inventories",
			Hint: "if it is an inventory, take the suffix off, or give it with an -i of its own"})
		return true
	default:
		return slices.Contains([]string{".pyc", ".pyo", ".swp", ".bak", ".rpm", ".md", ".txt", ".rst", ".orig", ".retry"}, ext)
	}
}

func (b *builder) loadFile(path string, mode fs.FileMode) {
	data, ok := b.readFile(path)
	switch {
	case !ok:
	case isProgram(data):
		b.readScript(path, mode)
	default:
		b.unlocked(path, data, func(plain []byte) { b.read(path, plain) })
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
