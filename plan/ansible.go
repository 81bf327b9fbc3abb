package plan

import (
	"fmt"
	"strings"

	"lockstep/internal/source"
)

// fromAnsible tells what to write for a key of a step that Ansible has, or ""
// where the key is none that hands know.
func fromAnsible(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "ansible.builtin."), "ansible.legacy.")
	switch key {
	case "block":
		return "write `steps`, with `rescue` and `always` beside it"
	case "notify", "listen", "handlers", "meta":
		return "a restart is a state here: see `service: {state: current}`"
	case "loop_control":
		return "write `loop_var` beside `loop`"
	case "shell", "raw", "script":
		return "write `command: {script: ...}`"
	case "args", "environment":
		return "chdir, creates, env and the like are parameters of `command`"
	case "systemd", "systemd_service", "sysvinit":
		return "write `service`"
	case "set_fact":
		return "write `set`"
	case "include_tasks", "import_tasks", "include_role", "import_role", "roles":
		return "write `include: FILE.yml`, with its parameters in `vars`"
	case "include_vars":
		return "write `vars_files` in the plan"
	case "fail":
		return "write `assert: {that: ..., msg: ...}`"
	case "debug":
		return "`lockstep vars HOST` shows variables; `register` and `assert: {msg: ...}` show what a step reports"
	case "lineinfile", "blockinfile", "ini_file":
		return "write `my_cnf` for option files, `template` or `copy` for others"
	case "local_action":
		return "write `delegate_to: control`"
	case "no_log":
		return "leave it out: the values of `!secret` and `secret_env` are masked everywhere"
	case "changed_when", "failed_when", "check_mode", "diff":
		return "`command` has `check`, `unless` and `creates`; ask for more with `register` and `assert`"
	case "throttle":
		return "write `serial` on a stage"
	case "max_fail_percentage":
		return "write `max_failures` on a stage"
	case "any_errors_fatal":
		return "leave it out: one failure ends the run, unless `max_failures` allows more"
	case "become_method", "become_flags", "remote_user", "connection", "port":
		return "write it in the inventory: ansible_become_method, ansible_user and so on"
	}
	if strings.HasPrefix(key, "with_") {
		return "write `loop`; toPairs(m) makes a list of a map"
	}
	return ""
}

// ansibleName tells what to write for a variable that Ansible has of its own.
func ansibleName(name string) string {
	switch name {
	case "inventory_hostname_short":
		return "write host"
	case "True", "False":
		return "write " + strings.ToLower(name)
	case "yes", "on":
		return "write true"
	case "no", "off":
		return "write false"
	case "hostvars":
		return "a host has its own variables only; hosts has the name and the address of all"
	case "groups", "group_names", "play_hosts", "ansible_play_hosts", "ansible_play_batch":
		return "hosts is the list of all hosts of the plan, each with its name and address"
	case "ansible_hostname", "ansible_os_family", "ansible_distribution", "ansible_architecture", "ansible_kernel", "ansible_system", "ansible_facts":
		return "write facts.hostname, facts.family, facts.distribution, facts.arch, facts.kernel or facts.os"
	case "ansible_check_mode":
		return "no step knows whether a run is a dry one"
	case "item":
		return "item is the element of a step's own loop"
	}
	return ""
}

// headerHint tells where a key belongs that a plan does not have at its top.
func headerHint(key string) string {
	switch {
	case isStageKey(key):
		return fmt.Sprintf("%s belongs to a stage: a step with nested `steps`", key)
	case key == "tasks", key == "pre_tasks", key == "post_tasks":
		return "write `steps`"
	case key == "gather_facts":
		return "leave it out: the facts of a host are read when a step uses `facts`"
	case key == "strategy", key == "force_handlers":
		return "leave it out: each stage goes step by step on each host"
	case key == "vars_prompt":
		return "give them with -e"
	case key == "become_user", key == "when", key == "tags", key == "timeout":
		return "write it on the stages or steps"
	}
	return fromAnsible(key)
}

// without refuses the keys of item that hint knows, and is item without them.
func (c *compiler) without(item source.Value, hint func(string) string) source.Value {
	rest := item
	rest.Fields = nil
	for _, f := range item.Fields {
		if h := hint(f.Key); h != "" {
			c.fail(item.ErrorAt(f.KeyPos, h, "a plan has no key %q", f.Key))
			continue
		}
		rest.Fields = append(rest.Fields, f)
	}
	return rest
}
