package harden

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// WritePlaybook writes the job as an Ansible playbook into dir. ansible-core
// has no ini_file; replace, item by item, costs what that would.
func (j *Job) WritePlaybook(dir string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `- hosts: all
  gather_facts: false
  tasks:
    - name: a place for the certificates
      file: {path: "{{ dir }}/certs", state: directory, owner: root, group: %[1]s, mode: "0750"}
    - name: certificates and keys
      copy: {src: "files/{{ item.name }}", dest: "{{ dir }}/certs/{{ item.name }}", owner: root, group: %[1]s, mode: "{{ item.mode }}"}
      loop:
`, Group)
	for _, f := range j.Files {
		fmt.Fprintf(&b, "        - {name: %s, mode: \"%#o\"}\n", f.Name, f.Mode)
	}
	b.WriteString(`      notify: restart
    - name: settings
      replace:
        path: "{{ dir }}/my.cnf"
        after: '\[{{ item.section }}\]'
        before: '# end of {{ item.section }}'
        regexp: '^{{ item.name }} = .*$'
        replace: "{{ item.name }} = {{ item.value }}"
      loop:
`)
	for _, o := range Options("{{ dir }}") {
		fmt.Fprintf(&b, "        - {section: %s, name: %s, value: \"%s\"}\n", o.Section, o.Name, o.Value)
	}
	b.WriteString(`      notify: restart
    - name: restart now
      meta: flush_handlers
    - name: the settings are there
      command: grep -q "^ssl-cert = {{ dir }}/certs/server-cert.pem" {{ dir }}/my.cnf
      changed_when: false
  handlers:
    - name: restart
      shell: echo restart >>{{ dir }}/restarts
`)
	return errors.Join(j.writeFiles(dir), os.WriteFile(filepath.Join(dir, "playbook.yml"), []byte(b.String()), 0o600))
}
