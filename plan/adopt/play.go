package adopt

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/source"
)

// playWords are the keywords of plays, other than those that plans have too.
func playWords() []word {
	return []word{
		{"tasks", "steps", ""}, {"pre_tasks", "steps", "in front of the others"}, {"post_tasks", "steps", "behind the others"},
		{"gather_facts", leave, "nothing is gathered before it is needed"},
		{"gather_subset", leave, "nothing is gathered before it is needed"}, {"gather_timeout", leave, "nothing is gathered before it is needed"},
		{"any_errors_fatal", leave, "a failed host stops the stage"},
		{"force_handlers", leave, "a restart is a state, and is not forgotten"},
		{"no_log", leave, "secrets are masked by their value"},
		{"collections", leave, "kinds have one name"},
		{"strategy", leave, "hosts of a stage do not wait for each other, and `serial` bounds how many go at a time"},
		{"max_fail_percentage", "max_failures", "a number of hosts or a percentage, on a stage"},
		{"throttle", "serial", "on a stage"},
		{"remote_user", "ansible_user in the inventory, or -u", ""},
		{"port", "ansible_port in the inventory", ""},
		{"connection", "ansible_connection in the inventory", ""},
		{"become_method", "ansible_become_method in the inventory", ""},
		{"become_user", "ansible_become_user in the inventory", ""},
		{"become_flags", "", "sudo, su and doas are run without options"}, {"become_exe", "", "sudo, su and doas are found on the path"},
		{"vars_files", "-e @FILE, or group_vars beside the inventory", ""},
		{"vars_prompt", "-e NAME=VALUE", ""},
		{"tags", "tags on each step or stage", ""},
		{"environment", "env of each `command`", "other kinds need none"},
		{"check_mode", "lockstep plan", ""}, {"diff", leave, "changes are always shown"},
		{"roles", "", "there are no roles: put their tasks into `steps` and their defaults into `vars`"},
		{"ignore_errors", "max_failures", "how many hosts may fail, on a stage"},
		{"ignore_unreachable", "", "a host that cannot be reached has failed; --limit leaves it out"},
		{"module_defaults", "", "write the parameters at each step"},
		{"run_once", "", "write run_once on each step"},
		{"debugger", "", "there is no debugger"},
		{"timeout", "timeout on each step", ""},
		{"import_playbook", "", "a plan holds no other plans: run them one after another"},
		{"ansible.builtin.import_playbook", "", "a plan holds no other plans: run them one after another"},
	}
}

func (r *reader) play(v source.Value) {
	r.report.Plays++
	if v.Shape != source.Map {
		r.note(v.Pos, Missing, "a play", fmt.Sprintf("it must be a map, but this is %s", v.Shape))
		return
	}
	r.handlers = handlers(v)
	for _, f := range v.Fields {
		r.playKey(f)
	}
}

func (r *reader) playKey(f source.Field) {
	switch f.Key {
	case "hosts":
		r.note(f.KeyPos, Same, "hosts", "")
		r.templates(f.Value)
		return
	case "tasks", "pre_tasks", "post_tasks":
		w, _ := find(playWords(), f.Key)
		r.say(f.KeyPos, f.Key, w)
		r.tasks(f.Value)
		return
	case "handlers":
		r.handlerList(f)
		return
	case "order":
		r.order(f)
		return
	}
	w, known := find(playWords(), f.Key)
	switch {
	case f.Key == "vars":
		r.vars(f)
	case slices.Contains(r.lang.Plan, f.Key):
		r.same(f, f.Key, typeOfKey(f.Key))
	case known && r.moves(w):
		r.say(f.KeyPos, f.Key, w)
	case known:
		r.note(f.KeyPos, Missing, f.Key, "plans have no "+w.to)
	case slices.Contains(r.lang.Stage, f.Key):
		r.note(f.KeyPos, Spelled, f.Key, fmt.Sprintf("a stage in `steps`: {%s: %s, steps: [...]}", f.Key, flow(f.Value)))
	default:
		r.note(f.KeyPos, Missing, f.Key, "plans have no such key")
	}
}

// moves reports whether the language has what the word is to become.
func (r *reader) moves(w word) bool {
	if w.to == "max_failures" || w.to == "serial" {
		return slices.Contains(r.lang.Stage, w.to)
	}
	return true
}

// order of hosts: not all of Ansible's have a counterpart.
func (r *reader) order(f source.Field) {
	order := f.Value.Text
	if order == "reverse_inventory" {
		order = "reverse"
	}
	switch {
	case order == "inventory":
		r.note(f.KeyPos, Spelled, "order", leave+": it is the default")
	case slices.Contains(r.lang.Orders, order):
		r.note(f.KeyPos, Spelled, "order", fmt.Sprintf("a stage in `steps`: {order: %s, steps: [...]}", order))
	default:
		r.note(f.KeyPos, Missing, "order", fmt.Sprintf("hosts go in the same order each time: %s, not %s", strings.Join(r.lang.Orders, ", "), oneLine(order)))
	}
}

// handlers finds the steps that take the place of a play's handlers.
func handlers(play source.Value) map[string]string {
	out := map[string]string{}
	list, _ := play.Get("handlers")
	for _, h := range list.Value.Items {
		step := instead(h)
		for _, key := range []string{"name", "listen"} {
			if f, ok := h.Get(key); ok {
				out[f.Value.Text] = step
				for _, topic := range f.Value.Items {
					out[topic.Text] = step
				}
			}
		}
	}
	return out
}

// instead is the step that takes a handler's place, or "".
func instead(handler source.Value) string {
	for _, f := range handler.Fields {
		short, ours := shortName(f.Key)
		if !ours || short != "service" && short != "systemd" && short != "systemd_service" {
			continue
		}
		args := arguments(f.Value)
		name, _ := args.Get("name")
		state, _ := args.Get("state")
		if state.Value.Text == "restarted" {
			return fmt.Sprintf("service: {name: %s, state: current, files: [...]}", flow(name.Value))
		}
	}
	return ""
}

func (r *reader) handlerList(f source.Field) {
	r.note(f.KeyPos, Spelled, "handlers", "steps behind the others: each says what must hold, whatever this run changed")
	for _, h := range f.Value.Items {
		if step := instead(h); step != "" {
			r.report.Tasks++
			r.note(h.Pos, Spelled, "handler "+quoted(h), step+": it restarts what runs on older files")
			continue
		}
		r.task(h)
	}
}

func quoted(task source.Value) string {
	name, _ := task.Get("name")
	return fmt.Sprintf("%q", name.Value.Text)
}
