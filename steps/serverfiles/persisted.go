package serverfiles

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"lockstep/internal/optionfile"
	"lockstep/steps"
)

// DataDir is where a server keeps its data when its files do not say.
const DataDir = "/var/lib/mysql"

// PersistedIn is the file of SET PERSIST in a data directory.
func PersistedIn(dir string) string { return path.Join(dir, "mysqld-auto.cnf") }

// Persisted returns what SET PERSIST has kept: MySQL takes it after all option
// files (MySQL Reference Manual, "Persisted System Variables"). MariaDB has
// nothing of the kind. The options have no line and no group.
func (f *Files) Persisted(ctx context.Context, r steps.Reader, groups []string) ([]optionfile.Option, error) {
	if all := f.Find("persisted-globals-load", groups...); len(all) > 0 && slices.Contains([]string{"0", "off", "OFF", "false"}, all[len(all)-1].Value) {
		return nil, nil
	}
	dir := DataDir
	if all := f.Find("datadir", groups...); len(all) > 0 && path.IsAbs(all[len(all)-1].Value) {
		dir = all[len(all)-1].Value
	}
	data, err := r.ReadFile(ctx, PersistedIn(dir))
	if _, ok := steps.IsUnforeseen(err); ok {
		data, err = afterStart(ctx, r, PersistedIn(dir))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return parsePersisted(PersistedIn(dir), data)
}

// afterStart reads what SET PERSIST has kept although a dry run foresees a start
// of the server, which may write much below its data directory but not this:
// only SET PERSIST and RESET PERSIST do.
func afterStart(ctx context.Context, r steps.Reader, file string) ([]byte, error) {
	c := afterStartQuery(file)
	out, err := r.Query(ctx, c)
	if err == nil && out.Code == 3 {
		return nil, fs.ErrNotExist
	}
	return out.Stdout, steps.Succeed(c, out, err)
}

func afterStartQuery(file string) steps.Command {
	const script = `# what SET PERSIST has kept
if [ -e "$1" ]; then cat -- "$1"; else exit 3; fi`
	return steps.Command{Argv: []string{"sh", "-c", script, "lockstep", file}, Reads: []string{"SET PERSIST"}}
}

// parsePersisted reads the JSON of any version: whatever has a Value is a
// variable, however deep it stands.
func parsePersisted(name string, data []byte) ([]optionfile.Option, error) {
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, fmt.Errorf("%s is not what SET PERSIST writes: %w", name, err)
	}
	var out []optionfile.Option
	var walk func(node map[string]any)
	walk = func(node map[string]any) {
		for key, v := range node {
			child, ok := v.(map[string]any)
			if !ok {
				continue
			}
			if value, ok := child["Value"].(string); ok {
				out = append(out, optionfile.Option{File: name, Key: key, Value: value})
				continue
			}
			walk(child)
		}
	}
	walk(tree)
	slices.SortFunc(out, func(a, b optionfile.Option) int { return cmp.Compare(a.Key, b.Key) })
	return out, nil
}
