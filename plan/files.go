package plan

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// maxDepth is how many step files may include each other.
const maxDepth = 20

// varsFiles reads the plan's files of variables.
func (c *compiler) varsFiles(root source.Value, files []string) []source.Value {
	f, _ := root.Get("vars_files")
	items := f.Value.Items
	if f.Value.Shape == source.Scalar {
		items = []source.Value{f.Value}
	}
	var out []source.Value
	for i, name := range files {
		v, err := c.readYAML(items[i], beside(root, name))
		if err == nil && v.Shape != source.Map && v.Shape != source.Null {
			err = v.Errorf("", "a file of variables must be a map of names to values, but this is %s", v.Shape)
		}
		c.fail(err)
		out = append(out, v)
	}
	return out
}

// readYAML reads a file that at names.
func (c *compiler) readYAML(at source.Value, file string) (source.Value, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return source.Value{}, at.Errorf("a relative path counts from the folder of this file", "there is no file %s", file)
	}
	if err != nil {
		return source.Value{}, at.Errorf("", "%s cannot be read: %v", file, cause(err))
	}
	c.plan.Files = append(c.plan.Files, source.ReadFrom(file, data))
	return source.ParseYAML(file, data, secretTag)
}

// include compiles the steps of another file in this place.
func (c *compiler) include(item source.Value, at spot) {
	var in inclusion
	var set param.Set
	in.declare(&set)
	if err := set.Decode(item); err != nil {
		c.fail(err)
		return
	}
	path, ok := c.constant(in.file, at, "the path of an include")
	if !ok {
		return
	}
	at = c.tagged(c.with(given(at, in.when), in.vars), in.tags)
	file := beside(in.file, path)
	list, ok := c.stepFile(in.file, file, at)
	if !ok {
		return
	}
	at.files = append(slices.Clone(at.files), file)
	c.announce(list)
	c.list(list, at)
}

// constant is a text that must be equal on all hosts.
func (c *compiler) constant(v source.Value, at spot, what string) (string, bool) {
	if v.Shape != source.Scalar {
		c.fail(v.Errorf("", "%s must be a text, but this is %s", what, v.Shape))
		return "", false
	}
	out, err := at.layer.scope(c.common).resolve(v)
	if err == nil {
		return out.Text, true
	}
	if delayed(err) {
		err = v.Errorf("use only what is equal on all hosts", "%s cannot depend on the host or on the run: %v", what, err)
	}
	c.fail(err)
	return "", false
}

// stepFile reads a list of steps, once.
func (c *compiler) stepFile(v source.Value, file string, at spot) (source.Value, bool) {
	if i := slices.Index(at.files, file); i >= 0 {
		c.fail(v.Errorf("", "the file includes itself: %s", strings.Join(append(slices.Clone(at.files[i:]), file), " -> ")))
		return v, false
	}
	if len(at.files) > maxDepth {
		c.fail(v.Errorf("", "more than %d files include each other", maxDepth))
		return v, false
	}
	list, read := c.files[file]
	if !read {
		var err error
		if list, err = c.readYAML(v, file); err == nil && list.Shape != source.List {
			err = list.Errorf("", "a file of steps must be a list, but this is %s", list.Shape)
		}
		c.fail(err)
		c.files[file] = list
	}
	return list, list.Shape == source.List
}

// localFiles checks that what a step needs on the control machine is there or
// will be.
func (c *compiler) localFiles(host string, at source.Value, step steps.Step) {
	local, ok := step.(steps.Local)
	if !ok {
		return
	}
	for _, file := range local.Needs() {
		if c.made[file] {
			continue
		}
		if info, err := os.Stat(file); err != nil {
			c.failOn(host, at.Errorf("check the path; no earlier step makes it", "the local file %s cannot be read: %v", file, cause(err)))
		} else if info.IsDir() {
			c.failOn(host, at.Errorf("", "the local file %s is a directory", file))
		}
	}
	c.makes(local)
}

func (c *compiler) makes(local steps.Local) {
	for _, file := range local.Makes() {
		c.made[file] = true
	}
}

func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
