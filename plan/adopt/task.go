package adopt

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/source"
	"lockstep/inventory"
)

// taskWords are the keywords of tasks and blocks, other than those that steps
// have too.
func taskWords() []word {
	return []word{
		{"block", "steps", ""},
		{"changed_when", leave, "kinds compare with the host; a `command` has creates, removes, unless and check"},
		{"failed_when", "", "a `command` fails with a code other than 0; `check` proves its effect"},
		{"no_log", leave, "secrets are masked by their value"},
		{"environment", "env of `command`", "other kinds need none"},
		{"args", "", "write the parameters below the kind"},
		{"become_method", "ansible_become_method in the inventory", ""},
		{"become_flags", "", "sudo, su and doas are run without options"}, {"become_exe", "", "sudo, su and doas are found on the path"},
		{"remote_user", "ansible_user in the inventory, or -u", ""}, {"port", "ansible_port in the inventory", ""},
		{"connection", "ansible_connection in the inventory", ""},
		{"ignore_unreachable", "", "a host that cannot be reached has failed; --limit leaves it out"},
		{"any_errors_fatal", leave, "a failed host stops the stage"},
		{"delegate_facts", "", "what a step reports belongs to the host it is done for"},
		{"check_mode", leave, "lockstep plan changes nothing"}, {"diff", leave, "changes are always shown"},
		{"async", leave, "disruptive commands survive a lost connection"}, {"poll", leave, "disruptive commands survive a lost connection"},
		{"throttle", "serial", "on a stage"},
		{"collections", leave, "kinds have one name"}, {"module_defaults", "", "write the parameters at each step"},
		{"debugger", "", "there is no debugger"}, {"listen", "", "there are no handlers"},
	}
}

func (r *reader) tasks(list source.Value) {
	for _, item := range list.Items {
		r.task(item)
	}
}

func (r *reader) task(v source.Value) {
	if v.Shape != source.Map {
		r.note(v.Pos, Missing, "a task", fmt.Sprintf("it must be a map, but this is %s", v.Shape))
		return
	}
	_, block := v.Get("block")
	if !block {
		r.report.Tasks++
	}
	for _, f := range v.Fields {
		r.taskKey(f, v, block)
	}
}

func (r *reader) taskKey(f source.Field, task source.Value, block bool) {
	own := r.lang.Step
	if block {
		own = r.lang.Group
	}
	w, known := find(taskWords(), f.Key)
	switch {
	case f.Key == "notify":
		r.notify(f)
	case f.Key == "environment" && !block:
		r.environment(f, task)
	case f.Key == "action" || f.Key == "local_action":
		r.note(f.KeyPos, Missing, f.Key, "name the kind as the key of the step")
	case strings.HasPrefix(f.Key, "with_"):
		r.with(f)
	case f.Key == "loop_control" && slices.Contains(own, "loop_var"):
		r.loopControl(f)
	case f.Key == "args" && !block && len(f.Value.Fields) > 0:
		r.args(f, task)
	case f.Key == "delegate_to" && slices.Contains([]string{"localhost", "127.0.0.1"}, f.Value.Text) && slices.Contains(own, f.Key):
		r.note(f.KeyPos, Spelled, f.Key, "delegate_to: control")
	case f.Key == "vars":
		r.vars(f)
	case (f.Key == "changed_when" || f.Key == "check_mode") && isFalse(f.Value) && runs(task):
		r.note(f.KeyPos, Spelled, f.Key+": "+f.Value.Text, "command: {read_only: true}, for one that changes nothing: a dry run runs it too")
	case slices.Contains(own, f.Key):
		r.keep(f)
	case block && slices.Contains(r.lang.Step, f.Key):
		r.note(f.KeyPos, Spelled, f.Key, f.Key+" on each step")
	case known:
		r.say(f.KeyPos, f.Key, w)
	default:
		r.module(f)
		return
	}
	if f.Key == "block" || f.Key == "rescue" || f.Key == "always" {
		r.tasks(f.Value)
	}
}

// keep notes a key that steps have too. Lists of tasks are judged by their own.
func (r *reader) keep(f source.Field) {
	if f.Key == "rescue" || f.Key == "always" {
		r.note(f.KeyPos, Same, f.Key, "")
		return
	}
	r.same(f, f.Key, typeOfKey(f.Key))
}

// vars notes the variables of a play, a block or a task. Those that say how a
// host is reached belong elsewhere.
func (r *reader) vars(f source.Field) {
	for _, v := range f.Value.Fields {
		if slices.Contains(inventory.ConnectionVars(), v.Key) {
			r.note(v.KeyPos, Spelled, v.Key, v.Key+" in the inventory, or -e "+v.Key+"=... for one run")
		}
	}
	r.same(f, f.Key, "")
}

func isFalse(v source.Value) bool {
	word, other := truth(v)
	return other && word == "false" || v.Any == false
}

// runs reports whether a task runs a command.
func runs(task source.Value) bool {
	return slices.ContainsFunc(task.Fields, func(m source.Field) bool {
		short, ours := shortName(m.Key)
		return ours && slices.Contains([]string{"command", "shell", "script", "raw"}, short)
	})
}

func (r *reader) notify(f source.Field) {
	names := f.Value.Items
	if f.Value.Shape == source.Scalar {
		names = []source.Value{f.Value}
	}
	for _, n := range names {
		what := "notify " + n.Text
		if step := r.handlers[n.Text]; step != "" {
			r.note(n.Pos, Spelled, what, step+" behind this step: it restarts what runs on older files")
		} else {
			r.note(n.Pos, Spelled, what, leave+": the step in the handler's place says itself what must hold")
		}
	}
}

// environment is a parameter of commands here.
func (r *reader) environment(f source.Field, task source.Value) {
	if runs(task) {
		r.note(f.KeyPos, Spelled, "environment", fmt.Sprintf("command: {env: %s}", flow(f.Value)))
		r.templates(f.Value)
		return
	}
	r.note(f.KeyPos, Missing, "environment", "only `command` has an environment")
}

// with judges the loops that were written before `loop`.
func (r *reader) with(f source.Field) {
	switch {
	case f.Key == "with_items" || f.Key == "with_list":
		r.note(f.KeyPos, Spelled, f.Key, "loop: "+flow(f.Value))
		r.templates(f.Value)
	case f.Key == "with_dict":
		r.note(f.KeyPos, Spelled, f.Key, "loop: a list of maps; `item` is one of them")
	case f.Key == "with_sequence":
		r.note(f.KeyPos, Spelled, f.Key, `loop: "{{ 1..N }}"`)
	default:
		r.note(f.KeyPos, Missing, f.Key, "loop takes a list: write its elements out")
	}
}

func (r *reader) loopControl(f source.Field) {
	for _, c := range f.Value.Fields {
		if c.Key == "loop_var" {
			r.note(c.KeyPos, Spelled, "loop_control: loop_var", "loop_var: "+flow(c.Value)+", beside loop")
			continue
		}
		r.note(c.KeyPos, Spelled, "loop_control: "+c.Key, leave+": steps of a loop are named after their element")
	}
}

// args judges parameters that stand beside a free-form command.
func (r *reader) args(f source.Field, task source.Value) {
	for _, m := range task.Fields {
		if short, ours := shortName(m.Key); ours && slices.Contains([]string{"command", "shell", "script", "raw"}, short) {
			r.note(f.KeyPos, Spelled, "args", "the same, below `command`")
			r.commandParams(f.Value, short)
			return
		}
	}
	w, _ := find(taskWords(), "args")
	r.say(f.KeyPos, "args", w)
}
