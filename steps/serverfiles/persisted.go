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
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return parsePersisted(PersistedIn(dir), data)
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
