package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"lockstep/internal/source"
)

// patience bounds how long one call of an executable inventory may take.
const patience = 2 * time.Minute

// runner calls executable inventories.
func runner(outer context.Context) func(path string, args ...string) ([]byte, error) {
	return func(path string, args ...string) ([]byte, error) {
		ctx, cancel := context.WithTimeout(outer, patience)
		defer cancel()
		full, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		var out bounded
		var complaint tail
		cmd := exec.CommandContext(ctx, full, args...)
		cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &complaint, time.Second
		err = cmd.Run()
		switch line := complaint.lastLine(); {
		case out.over:
			err = fmt.Errorf("it prints more than %d MiB", maxFile>>20)
		case errors.Is(ctx.Err(), context.DeadlineExceeded) && outer.Err() == nil:
			err = fmt.Errorf("it was stopped after %s", patience)
		case ctx.Err() != nil:
			err = ctx.Err()
		case errors.Is(err, exec.ErrWaitDelay):
			err = errors.New("it ended, but a program that it began still holds its output")
		case err != nil && line != "":
			err = fmt.Errorf("%w: %s", err, line)
		}
		return out.text, err
	}
}

// bounded keeps what a program prints, up to maxFile bytes. Then it refuses
// more, which ends the program.
type bounded struct {
	text []byte
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.over = len(b.text)+len(p) > maxFile; b.over {
		return 0, io.ErrShortWrite
	}
	b.text = append(b.text, p...)
	return len(p), nil
}

// tail keeps the end of what is written to it.
type tail struct{ text []byte }

const maxTail = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-maxTail):]
	return len(p), nil
}

// lastLine is the last line that says something, without the characters that
// would steer a terminal.
func (t *tail) lastLine() string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.text), "?"))
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:]))
}

// isProgram tells what the system would run if the file may be run: a script
// that names its interpreter, or a binary.
func isProgram(data []byte) bool {
	for _, magic := range []string{"#!", "\x7fELF", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"} {
		if bytes.HasPrefix(data, []byte(magic)) {
			return true
		}
	}
	return false
}

// readScript reads what an executable inventory prints.
func (b *builder) readScript(path string, mode fs.FileMode) {
	if mode&0o111 == 0 {
		b.failFile(path, "chmod +x "+path, "this is a program, but it may not be run")
		return
	}
	root, ok := b.ask(path, "--list")
	if !ok {
		return
	}
	s := scriptReader{builder: b}
	var vars source.Value
	given := false
	for _, f := range root.Fields {
		if f.Key != "_meta" {
			s.readGroup(f)
			continue
		}
		if hostvars, ok := f.Value.Get("hostvars"); ok {
			given, vars = true, hostvars.Value
		}
	}
	if given {
		s.readMeta(vars)
		return
	}
	for _, h := range s.hosts {
		if vars, ok := b.ask(path, "--host", h.Name); ok {
			b.setHost(h, vars, place{})
		}
	}
}

// ask calls an executable inventory and reads the map that it prints.
func (b *builder) ask(path string, args ...string) (source.Value, bool) {
	name := path + " " + strings.Join(args, " ")
	out, err := b.run(path, args...)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			hint = "is the interpreter in its first line there?"
		}
		b.failFile(name, hint, "the executable inventory did not succeed: %v", reason(err))
		return source.Value{}, false
	}
	if args[0] == "--host" && len(bytes.TrimSpace(out)) == 0 {
		return source.Value{}, true
	}
	root, err := source.ParseJSON(name, out)
	b.fail(err)
	if root.Shape == source.Map {
		return b.unsealed(root), true
	}
	if err == nil {
		b.fail(root.Errorf("", "an executable inventory must print a map, but this is %s", root.Shape))
	}
	return root, false
}

// scriptReader reads the groups of one executable inventory.
type scriptReader struct {
	*builder
	hosts []*Host
	seen  map[*Host]bool
}

// readGroup reads one group: a map with hosts, vars and children, a list of
// hosts, or, in the oldest form, the variables of a host of that name.
func (s *scriptReader) readGroup(f source.Field) {
	g := s.builder.group(f.Key, keyOf(f))
	if g == nil {
		return
	}
	switch v := f.Value; {
	case v.Shape == source.List:
		s.readHosts(g, v)
	case v.Shape != source.Map:
		s.fail(v.Errorf("", "group %q must be a map or a list of hosts, but this is %s", g.Name, v.Shape))
	case !hasSection(v) && len(v.Fields) > 0:
		s.add(g, g.Name, keyOf(f))
		s.setGroup(g, v, place{})
	default:
		s.readSections(g, v)
	}
}

func hasSection(v source.Value) bool {
	for _, f := range v.Fields {
		if isSection(f.Key) {
			return true
		}
	}
	return false
}

func (s *scriptReader) readSections(g *Group, v source.Value) {
	for _, f := range v.Fields {
		switch f.Key {
		case "hosts":
			s.readHosts(g, f.Value)
		case "vars":
			if s.isVars(f.Value, fmt.Sprintf("vars of group %q", g.Name)) {
				s.setGroup(g, f.Value, place{})
			}
		case "children":
			for _, name := range s.names(g, "children", f.Value) {
				if child := s.builder.group(name.Text, name); child != nil {
					s.nest(g, child, name)
				}
			}
		default:
			s.fail(keyOf(f).Errorf(sectionHint(f), "group %q has no key %q", g.Name, f.Key))
		}
	}
}

func (s *scriptReader) readHosts(g *Group, v source.Value) {
	for _, name := range s.names(g, "hosts", v) {
		s.add(g, name.Text, name)
	}
}

// names returns the items of a list of names.
func (s *scriptReader) names(g *Group, what string, v source.Value) []source.Value {
	if v.Shape != source.List {
		s.fail(v.Errorf("", "%s of group %q must be a list, but this is %s", what, g.Name, v.Shape))
		return nil
	}
	var names []source.Value
	for _, item := range v.Items {
		if _, isText := item.Any.(string); !isText {
			s.fail(item.Errorf("", "%s of group %q must be names, but this is %s", what, g.Name, shown(item)))
			continue
		}
		names = append(names, item)
	}
	return names
}

// add puts a host into a group. Unlike in files, its name is no range.
func (s *scriptReader) add(g *Group, name string, at source.Value) {
	if err := checkHostName(name); err != nil {
		s.misnamed(at, name, hostNameHint(name), err)
		return
	}
	h := s.host(name, at)
	s.join(g, h)
	if s.seen == nil {
		s.seen = map[*Host]bool{}
	}
	if !s.seen[h] {
		s.seen[h] = true
		s.hosts = append(s.hosts, h)
	}
}

// readMeta reads the variables of all hosts at once.
func (s *scriptReader) readMeta(vars source.Value) {
	if !s.isVars(vars, "hostvars") {
		return
	}
	for _, f := range vars.Fields {
		h, known := s.inv.hostOf[f.Key]
		switch {
		case !known || !s.seen[h]:
			s.warn(keyOf(f).Errorf("list the host in a group, if only in \"all\"", "the variables of %q are not used: no group lists this host", f.Key))
		case s.isVars(f.Value, fmt.Sprintf("host %q", f.Key)):
			s.setHost(h, f.Value, place{})
		}
	}
}
