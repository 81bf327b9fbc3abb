package adopt

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"lockstep/internal/source"
)

// command judges command, shell, script and raw: all are `command` here.
func (r *reader) command(f source.Field, args source.Value) {
	short, _ := shortName(f.Key)
	to := "command: {script: ...}"
	switch {
	case f.Value.Shape == source.Map && short == "command":
		r.named(f, "command")
		r.commandParams(f.Value, short)
		return
	case f.Value.Shape == source.Map:
		r.note(f.KeyPos, Spelled, f.Key, "command")
		r.commandParams(f.Value, short)
		return
	case short == "script":
		r.note(f.KeyPos, Spelled, f.Key, to+", with the script itself")
		return
	}
	if argv := freeForm(f.Value.Text); short == "command" && len(argv) > 0 {
		to = "command: {argv: " + argvText(argv) + "}"
	}
	r.note(f.KeyPos, Spelled, f.Key, to)
	r.templates(f.Value)
	given := args
	given.Fields = slices.DeleteFunc(slices.Clone(args.Fields), func(p source.Field) bool { return !isCommandOption(p.Key) })
	r.commandParams(given, short)
}

func isCommandOption(name string) bool {
	return slices.Contains([]string{"creates", "removes", "chdir", "executable", "warn", "stdin"}, name)
}

// freeForm is a command's words without the options that stand among them.
func freeForm(text string) []string {
	return slices.DeleteFunc(words(text), func(w string) bool {
		name, _, ok := strings.Cut(w, "=")
		return ok && isCommandOption(name)
	})
}

// argvText is a command as a list of words. Where one of them may be a secret,
// only the program is shown.
func argvText(argv []string) string {
	for _, w := range argv {
		if secretive().MatchString(w) || strings.HasPrefix(w, "-p") && len(w) > 2 {
			return "[" + argv[0] + ", ...]"
		}
	}
	return "[" + strings.Join(mapped(argv, func(w string) string {
		return scalar(source.Value{Shape: source.Scalar, Text: w, Any: w, Quoted: true})
	}), ", ") + "]"
}

func (r *reader) commandParams(args source.Value, short string) {
	kind, _, ok := r.lang.Kinds.Lookup("command")
	if !ok {
		return
	}
	free := word{"cmd", "script", ""}
	if short == "command" {
		free = word{"cmd", "argv", "a list of words"}
	}
	r.params(kind, module{params: []word{
		free, {"_raw_params", free.to, free.note}, {"executable", "shell", ""}, {"warn", leave, "there are no such warnings"},
		{"expand_argument_vars", "", "nothing in argv is expanded: use a script"},
		{"stdin_add_newline", "", "stdin is taken as it is"}, {"strip_empty_ends", leave, "output is taken as it is"},
	}}, args)
}

// file judges the module file by the state that it asks for.
func (r *reader) file(f source.Field, args source.Value) {
	stateField, _ := args.Get("state")
	state, kindName := stateField.Value.Text, "file"
	if state == "directory" {
		kindName = "directory"
	}
	kind, _, ok := r.lang.Kinds.Lookup(kindName)
	if !ok {
		r.unknown(f, kindName)
		return
	}
	r.named(f, kindName)
	params := []word{
		{"dest", "path", ""}, {"name", "path", ""},
		{"follow", "", "name what the link leads to"}, {"force", "", "nothing is replaced by force"},
		{"recurse", "", "name each path: a dry run shows all that it would change"},
		{"src", "", "there are no links"}, {"modification_time", "", "times are not kept"}, {"access_time", "", "times are not kept"},
	}
	left := args
	left.Fields = slices.DeleteFunc(slices.Clone(args.Fields), func(p source.Field) bool { return p.Key == "state" })
	switch state {
	case "", "absent":
		left = args
	case "file":
		r.note(stateField.KeyPos, Spelled, "file: state: file", "state: present, or "+leave)
	case "directory":
		r.note(stateField.KeyPos, Spelled, "file: state: directory", "the kind `directory`; parents: true makes those above it")
	case "touch":
		r.note(stateField.KeyPos, Missing, "file: state: touch", "`copy` with content: \"\" makes an empty file, and empties one that is not")
	default:
		left = args
	}
	r.params(kind, module{params: params}, left)
}

// service judges service and systemd.
func (r *reader) service(f source.Field, args source.Value) {
	kind, _, ok := r.lang.Kinds.Lookup("service")
	if !ok {
		r.unknown(f, "service")
		return
	}
	r.named(f, "service")
	left := args
	if state, ok := args.Get("state"); ok && (state.Value.Text == "restarted" || state.Value.Text == "reloaded") {
		left.Fields = slices.DeleteFunc(slices.Clone(args.Fields), func(p source.Field) bool { return p.Key == "state" })
		r.restart(state)
	}
	r.params(kind, module{params: []word{
		{"daemon_reload", leave, "unit files that changed are read before a start"}, {"daemon-reload", leave, "unit files that changed are read before a start"},
		{"unit", "name", ""}, {"service", "name", ""}, {"use", leave, "systemd is found, or the SysV script"},
		{"masked", "", "a masked service is refused: unmask it by a `command`"}, {"scope", "", "only services of the system"},
		{"no_block", "", "a start is waited for"}, {"sleep", leave, "a stop is waited for"}, {"pattern", "", "a service is found by its unit or pid file"},
		{"arguments", "", "put them into the unit"}, {"args", "", "put them into the unit"}, {"runlevel", leave, "`enabled` is enough"}, {"force", "", "nothing is enabled by force"},
	}}, left)
}

func (r *reader) restart(state source.Field) {
	if state.Value.Text == "reloaded" {
		r.note(state.Value.Pos, Missing, "service: state: reloaded", "a `command` with argv: [systemctl, reload, NAME] reloads each time")
		return
	}
	r.note(state.Value.Pos, Spelled, "service: state: restarted", "state: current, with the `files` that it reads: restarts only what runs on older ones (restarted: each time)")
}

// isOptionFile reports whether a path is an option file of MySQL or MariaDB.
func isOptionFile(v source.Value) bool {
	return path.Ext(v.Text) == ".cnf"
}

// iniFile judges ini_file; for an option file of the server it is my_cnf.
func (r *reader) iniFile(f source.Field, args source.Value) {
	get := func(names ...string) source.Value {
		for _, n := range names {
			if p, ok := args.Get(n); ok {
				return p.Value
			}
		}
		return source.Value{}
	}
	file := get("path", "dest", "name")
	if _, _, ok := r.lang.Kinds.Lookup("my_cnf"); !ok || !isOptionFile(file) && !strings.Contains(file.Text, "{{") {
		r.note(f.KeyPos, Missing, f.Key, "`my_cnf` sets options in the files of MySQL and MariaDB; bring other files whole, with `copy`")
		return
	}
	section, option, value := get("section"), get("option", "key"), get("value")
	to := fmt.Sprintf("sections: {%s: {%s: %s}}", flow(section), flow(option), flow(value))
	switch {
	case get("state").Text == "absent":
		to = fmt.Sprintf("absent: {%s: [%s]}", flow(section), flow(option))
	case value.Shape == source.Null:
		to = fmt.Sprintf("flags: {%s: [%s]}", flow(section), flow(option))
	case secretive().MatchString(option.Text):
		to = fmt.Sprintf("sections: {%s: {%s: ...}}", flow(section), flow(option))
	}
	r.note(f.KeyPos, Spelled, f.Key, fmt.Sprintf("my_cnf: {path: %s, %s}", flow(file), to))
	r.templates(f.Value)
}

// lineInFile judges the modules that edit lines of any file.
func (r *reader) lineInFile(f source.Field, args source.Value) {
	short, _ := shortName(f.Key)
	if kind, _, ok := r.lang.Kinds.Lookup(short); ok {
		r.named(f, short)
		r.params(kind, module{params: []word{{"dest", "path", ""}, {"backup", leave, "the old content is not left on the host"}}}, args)
		return
	}
	file, ok := args.Get("path")
	if !ok {
		file, _ = args.Get("dest")
	}
	if _, _, ok := r.lang.Kinds.Lookup("my_cnf"); !ok || !isOptionFile(file.Value) {
		r.note(f.KeyPos, Missing, f.Key, "`my_cnf` sets options in the files of MySQL and MariaDB; bring other files whole, with `copy`")
		return
	}
	defer r.templates(f.Value)
	setting := "..."
	if line, ok := args.Get("line"); ok && short == "lineinfile" {
		name, value, assigned := strings.Cut(line.Value.Text, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if assigned && !secretive().MatchString(name) {
			setting = name + ": " + scalar(source.Value{Shape: source.Scalar, Text: value, Any: value, Quoted: true})
		}
	}
	r.note(f.KeyPos, Spelled, f.Key, fmt.Sprintf("my_cnf: {path: %s, sections: {SECTION: {%s}}}", flow(file.Value), setting))
}
