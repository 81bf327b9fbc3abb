package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// richPlan has something of all that a plan can say, with differences between
// the hosts, and changes, unknowns and failures among the answers.
const richPlan = `
name: everything at once
hosts: all
vars: {deep: {z: 1, a: [1, {y: 2, b: 3}]}, words: [one, two], secret: !secret {env: SECRET}}
steps:
  - name: question
    command: {argv: [ls, "{{ root }}"], read_only: true, secret_env: {A: x1234567, B: y1234567}}
    register: there
  - certs: {dir: certs, name: test}
  - name: certificates
    copy:
      files:
        - {src: certs/ca.pem, dest: "{{ root }}/ca.pem"}
        - {src: certs/server-key.pem, dest: "{{ root }}/key.pem", mode: "0600"}
  - name: folders
    directory: {path: "{{ root }}/{{ item }}", mode: "0750"}
    loop: "{{ words }}"
  - name: each of what is there
    file: {path: "{{ root }}/{{ item }}", mode: "0600"}
    loop: "{{ there.stdout_lines }}"
  - name: settings
    copy: {dest: "{{ root }}/my.cnf", content: "{{ to_yaml(deep) }}"}
  - name: template
    template:
      dest: "{{ root }}/out"
      content: "{% for key, value in deep.items() %}{{ key }}={{ value }} {% endfor %}{{ secret }}{{ host }}\n"
  - name: for all
    run_once: true
    command: {argv: [work], writes: ["service:x", "/nowhere"]}
    register: worked
  - name: after it
    copy: {dest: "{{ root }}/after", content: "{{ to_json(deep) }} {{ hosts[0].name }}"}
    when: worked.changed
  - pause: look
  - name: slowly
    serial: [1, 50%, 100%]
    order: reverse
    approve: true
    max_failures: 100%
    steps:
      - steps:
          - assert: host matches "[135]$"
          - name: only here
            run_once: true
            copy: {dest: "{{ root }}/once", content: "{{ host }}"}
        rescue: [{assert: worked.changed}]
        always: [{wait_for: {path: "{{ root }}/never", every: 1ms}}]
      - name: elsewhere
        copy: {dest: "{{ root }}/elsewhere", content: x}
        when: host == "web2"
      - set: {total: "{{ len(there.stdout_lines) + len(words) }}"}
      - assert: {that: ["total > 100 || host != 'web3'"], msg: "{{ host }} has too little"}
        ignore_errors: true
  - name: all that it takes
    command: {argv: [restart], check: [test, -e, "{{ root }}/on"]}
`

// failingPlan fails in its own way on each host.
const failingPlan = `
hosts: all
steps:
  - copy: {dest: "{{ root }}/{{ host }}/none/file", content: x}
    when: host != "web4"
  - assert: host != "web4"
  - command: {argv: [sh, -c, "exit 3"], read_only: true}
`

// A plan, the hosts and the inventory as they are give the same bytes each time,
// however many processors take part.
func TestTheSamePlanPrintsTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	end, err := servedHosts(dir, 5)
	t.Cleanup(end)
	must(t, err)
	for i := range 5 {
		file := filepath.Join(dir, fmt.Sprintf("web%d", i+1), "my.cnf")
		must(t, os.WriteFile(file, fmt.Appendf(nil, "[mysqld]\nport=%d\n\n[sst]\nencrypt=0\n", 3300+i), 0o600))
	}
	for _, row := range []struct {
		name, plan string
		code       int
	}{{"rich", richPlan, 0}, {"failing", failingPlan, 3}} {
		file := filepath.Join(dir, row.name+".yml")
		must(t, os.WriteFile(file, []byte(row.plan), 0o600))
		for _, args := range [][]string{{"plan", "--verbose", file}, {"plan", "--json", file}} {
			var first []byte
			for try := range 3 {
				cmd := program(t, args...)
				cmd.Dir = dir
				cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", 1<<try), "SECRET=hunter2222")
				var out, log bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &log
				if code := codeOf(t, cmd.Run()); code != row.code {
					t.Fatalf("%s %v: code %d, want %d\n%s\n%s", row.name, args, code, row.code, log.String(), tail(out.String(), 4000))
				}
				if first == nil {
					first = out.Bytes()
				}
				if !bytes.Equal(out.Bytes(), first) {
					t.Fatalf("%s %v: try %d says\n%s\nthe first said\n%s", row.name, args, try+1, out.String(), first)
				}
			}
		}
	}
}
