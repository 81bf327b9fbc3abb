package harden

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// WritePlan writes the job as lockstep's plan into dir, with the files that it
// brings.
func (j *Job) WritePlan(dir string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `name: harden
hosts: all
steps:
  - name: harden
    steps:
      - name: a place for the certificates
        directory: {path: "{{ dir }}/certs", owner: root, group: %[1]s, mode: "0750"}
      - name: certificates and keys
        copy:
          owner: root
          group: %[1]s
          files:
`, Group)
	for _, f := range j.Files {
		fmt.Fprintf(&b, "            - {src: files/%[1]s, dest: \"{{ dir }}/certs/%[1]s\", mode: \"%#[2]o\"}\n", f.Name, f.Mode)
	}
	b.WriteString("      - name: settings\n        my_cnf:\n          path: \"{{ dir }}/my.cnf\"\n          main: \"{{ dir }}/my.cnf\"\n          sections:\n")
	section := ""
	for _, o := range Options("{{ dir }}") {
		if o.Section != section {
			section = o.Section
			fmt.Fprintf(&b, "            %s:\n", section)
		}
		fmt.Fprintf(&b, "              %s: \"%s\"\n", o.Name, o.Value)
	}
	b.WriteString(`      - name: restart
        command:
          script: echo restart >>"{{ dir }}/restarts"
          check: test -e "{{ dir }}/restarts" && ! test "{{ dir }}/my.cnf" -nt "{{ dir }}/restarts"
          writes: ["{{ dir }}/restarts"]
      - name: the settings are there
        wait_for: {command: [grep, -q, "^ssl-cert = {{ dir }}/certs/server-cert.pem", "{{ dir }}/my.cnf"]}
`)
	return errors.Join(j.writeFiles(dir), os.WriteFile(filepath.Join(dir, "plan.yml"), []byte(b.String()), 0o600))
}

// job.json is how another process learns of the job.
func (j *Job) writeFiles(dir string) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	err = errors.Join(os.WriteFile(filepath.Join(dir, "job.json"), text, 0o600), os.MkdirAll(filepath.Join(dir, "files"), 0o700))
	for _, f := range j.Files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "files", f.Name), f.Data, 0o600))
	}
	return err
}

// Load reads the job that another process wrote into dir.
func Load(dir string) (*Job, error) {
	text, err := os.ReadFile(filepath.Join(dir, "job.json"))
	if err != nil {
		return nil, err
	}
	j := &Job{}
	return j, json.Unmarshal(text, j)
}

// Address is the loopback address of a host: each has its own, since tools are
// careful not to ask too much of one address at once.
func Address(i int) string { return fmt.Sprintf("127.0.%d.%d", 1+i/250, 1+i%250) }

// WriteInventory writes n hosts behind one port, in the format that lockstep
// and Ansible share.
func (j *Job) WriteInventory(file string, n, port int, key, knownHosts string) error {
	var b strings.Builder
	b.WriteString("[all]\n")
	for i := range n {
		fmt.Fprintf(&b, "%s ansible_host=%s dir=%[3]s lockstep_run_dir=%[3]s/run\n", Host(i), Address(i), j.Dir(i))
	}
	fmt.Fprintf(&b, "\n[all:vars]\nansible_port=%d\nansible_user=root\n"+
		"ansible_ssh_private_key_file=%s\nansible_ssh_common_args=-o UserKnownHostsFile=%s\n", port, key, knownHosts)
	return os.WriteFile(file, []byte(b.String()), 0o600)
}
