package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"lockstep/bench/floor"
	"lockstep/bench/harden"
)

// phase is one of the three runs of the job.
type phase string

const (
	dry    phase = "dry"    // show what differs, on hosts with old files
	first  phase = "first"  // change all of it
	second phase = "second" // find nothing to change
)

func phases() []phase { return []phase{dry, first, second} }

// tool is one of those that are measured.
type tool struct {
	name    string
	command func(w *world, t task) *exec.Cmd
}

// task is what a tool is asked to do.
type task struct {
	phase       phase
	hosts, port int
	inventory   string
}

func lockstepTool() tool {
	return tool{name: "lockstep", command: func(w *world, t task) *exec.Cmd {
		return w.run(t.phase, t.inventory, filepath.Join(w.dir, "plan.yml"))
	}}
}

// run is lockstep with a plan.
func (w *world) run(p phase, inventory, plan string) *exec.Cmd {
	if p == dry {
		return exec.Command(w.lockstep, "plan", "-i", inventory, plan)
	}
	return exec.Command(w.lockstep, "apply", "--auto-approve", "-i", inventory, plan)
}

func ansibleTool() tool {
	return tool{name: "ansible", command: func(w *world, t task) *exec.Cmd {
		return w.ansible(t, "ansible.cfg")
	}}
}

func mitogenTool() tool {
	return tool{name: "ansible+mitogen", command: func(w *world, t task) *exec.Cmd {
		return w.ansible(t, "mitogen.cfg")
	}}
}

func (w *world) ansible(t task, config string) *exec.Cmd {
	args := []string{"-i", t.inventory, filepath.Join(w.dir, "playbook.yml")}
	if t.phase == dry {
		args = append(args, "--check", "--diff")
	}
	cmd := exec.Command(ansiblePlaybook, args...)
	cmd.Env = append(os.Environ(), "ANSIBLE_CONFIG="+filepath.Join(w.dir, config))
	return cmd
}

// Where Debian's packages have them.
const (
	ansiblePlaybook = "/usr/bin/ansible-playbook"
	mitogenStrategy = "/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy"
)

// writeConfigs tunes Ansible as far as it goes: no facts, no temporary file for
// each module, connections that stay.
func (w *world) writeConfigs() error {
	tuned := fmt.Sprintf(`[defaults]
forks = 50
gathering = explicit
host_key_checking = True
remote_tmp = %[1]s/ansible
local_tmp = %[1]s/ansible-local
interpreter_python = /usr/bin/python3
nocows = 1
%%s
[ssh_connection]
pipelining = True
control_path_dir = %[1]s/cp
ssh_args = -o ControlMaster=auto -o ControlPersist=60s
`, w.dir)
	mitogen := "strategy_plugins = " + mitogenStrategy + "\nstrategy = mitogen_linear\n"
	return errors.Join(
		os.WriteFile(filepath.Join(w.dir, "ansible.cfg"), fmt.Appendf(nil, tuned, ""), 0o600),
		os.WriteFile(filepath.Join(w.dir, "mitogen.cfg"), fmt.Appendf(nil, tuned, mitogen), 0o600),
	)
}

// floorTool is one way of lockstep/bench/floor, in a process of its own.
func floorTool(way string) tool {
	return tool{name: way, command: func(w *world, t task) *exec.Cmd {
		return exec.Command(w.self, asFloor, way, string(t.phase), strconv.Itoa(t.hosts), strconv.Itoa(t.port), w.dir)
	}}
}

// runFloor is that process.
func runFloor(ctx context.Context, args []string) error {
	if len(args) != 5 {
		return fmt.Errorf("%s wants a way, a phase, the hosts, a port and a folder", asFloor)
	}
	way, ok := floor.Ways()[args[0]]
	hosts, err := strconv.Atoi(args[2])
	if err != nil || !ok {
		return fmt.Errorf("there is no floor %q for %q hosts", args[0], args[2])
	}
	job, err := harden.Load(args[4])
	if err != nil {
		return err
	}
	f := floor.Fleet{Job: job, Hosts: hosts, Address: "127.0.0.1:" + args[3], Key: filepath.Join(args[4], "id_ed25519"), Known: filepath.Join(args[4], "known_hosts")}
	return f.Do(ctx, way, phase(args[1]) != dry)
}
