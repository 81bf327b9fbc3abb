package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"lockstep/executor/journal"
	"lockstep/internal/sshserver"
)

// planted are the secrets of a run, each with a mark that shows where a leak
// comes from, and with characters that every form has to quote.
func planted(what string) string { return "Pl4nted" + what + ` '"/+\ $x` }

// plantedMarks are the words to look for. The first is what the PEM key's content
// begins with.
func plantedMarks() marks {
	m := marks{"UEw0bnRlZFBlbUtleV"}
	for _, what := range []string{"Become", "Login", "Phrase", "Inventory", "App", "Output", "Stdin", "Cnf", "Vault"} {
		m = append(m, "Pl4nted"+what)
	}
	return m
}

// leakPlan uses secrets in every way that a plan can. Its files are for their
// owner alone, also where an older one is open to all.
const leakPlan = `hosts: web
steps:
  - copy: {dest: "{{ root }}/copy", content: "{{ app }} {{ password }}\n", mode: "0600"}
  - copy: {dest: "{{ root }}/big", content: "{{ app }}\n{{ filler }}", mode: "0600"}
  - template: {src: page.j2, dest: "{{ root }}/page", mode: "0600"}
  - copy: {dest: "{{ root }}/key", src: server.key, mode: "0600"}
  - my_cnf:
      path: "{{ root }}/my.cnf"
      main: "{{ root }}/my.cnf"
      sections: {mysqld: {init-connect: "{{ cnf }}"}}
  - command: {script: "umask 077; sleep 0.3; echo \"$TOKEN\" >{{ root }}/env", secret_env: {TOKEN: "{{ app }}"}, creates: "{{ root }}/env"}
  - command: {argv: [sh, -c, "umask 077; cat >{{ root }}/in"], stdin: "{{ stdin }}\n", creates: "{{ root }}/in"}
  - command: {argv: [sh, -c, "echo \"$TOKEN\"; echo \"$TOKEN\" | base64 -w0"], secret_env: {TOKEN: "{{ output }}"}, read_only: true}
    register: said
  - copy: {dest: "{{ root }}/said", content: "{{ said.stdout }}", mode: "0600"}
  - command: {argv: [sh, -c, "echo \"$TOKEN\" >&2; exit 3"], secret_env: {TOKEN: "{{ output }}"}}
    ignore_errors: true
    tags: fails
`

// leakHosts are two served hosts: one takes a key, the other a password.
type leakHosts struct {
	dir, plan, user string
	sampler         *sampler
}

func newLeakHosts(t *testing.T) *leakHosts {
	t.Helper()
	me, err := user.Current()
	must(t, err)
	h := &leakHosts{dir: t.TempDir(), user: me.Username}
	h.plan = h.file("plan.yml")
	h.sampler = &sampler{marks: plantedMarks(), allowed: []string{"TOKEN="}}
	end, err := servedHosts(h.dir, 1)
	t.Cleanup(end)
	must(t, err)
	h.sampler.folders = []string{h.file("web1"), h.file("web2"), "/run/lockstep", "/tmp/lockstep-*"}
	h.write(t, "plan.yml", leakPlan)
	h.write(t, "page.j2", "{{ app }} {{ password }}\n")
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte(strings.Repeat("PL4ntedPemKey", 20))})
	h.write(t, "server.key", string(key))
	for what, text := range map[string]string{
		"become": planted("Become"), "app": planted("App"), "output": planted("Output"), "stdin": planted("Stdin"), "cnf": "Pl4ntedCnf/+ x",
	} {
		h.write(t, what+".secret", text+"\n")
	}
	h.passwordHost(t)
	for _, host := range []string{"web1", "web2"} {
		must(t, os.MkdirAll(h.file(host), 0o755))
		must(t, os.WriteFile(h.file(host+"/copy"), []byte("open to all\n"), 0o644))
		h.write(t, host+"/my.cnf", "[mysqld]\nport = 3306\n")
	}
	return h
}

func (h *leakHosts) file(name string) string { return filepath.Join(h.dir, name) }

func (h *leakHosts) write(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(h.file(name)), 0o700))
	must(t, os.WriteFile(h.file(name), []byte(text), 0o600))
}

// passwordHost adds the host that takes a password, and the variables.
func (h *leakHosts) passwordHost(t *testing.T) {
	t.Helper()
	exec := func(line string) error {
		h.sampler.leak("a command line for the login shell", line)
		return nil
	}
	s, err := sshserver.Start(context.Background(), sshserver.Options{Password: planted("Login"), Faults: sshserver.Faults{Exec: exec, Noise: "hello\n"}})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	known, err := os.ReadFile(h.file("known_hosts"))
	must(t, err)
	h.write(t, "known_hosts", string(known)+s.KnownHostsLine()+"\n")
	h.write(t, "login.secret", planted("Login")+"\n")
	data, err := os.ReadFile(h.file("inventory.yml"))
	must(t, err)
	h.write(t, "inventory.yml", strings.Replace(string(data), "  vars:\n", fmt.Sprintf(
		"    web2: {ansible_host: 127.0.0.1, ansible_port: %d, root: %s, ansible_password: !secret {file: login.secret}, ansible_ssh_private_key_file: /nowhere}\n  vars:\n",
		s.Addr().Port, h.file("web2")), 1))
	h.write(t, "group_vars/all/open.yml", `app: !secret {file: app.secret}
cnf: !secret {file: cnf.secret}
stdin: !secret {file: stdin.secret}
output: !secret {file: output.secret}
ansible_become_password: !secret {file: become.secret}
filler: "`+strings.Repeat("much text ", 8000)+`"
`)
	h.write(t, "group_vars/all/vaulted.yml", vaulted(t, "password: Pl4ntedVault\n", "correct horse"))
	h.write(t, "vault.secret", "correct horse\n")
}

// args are a command line on the plan at the highest verbosity.
func (h *leakHosts) args(command string, flags ...string) []string {
	return append([]string{command, "-vvvv", "-K", "-b", "-e", "ansible_become_user=" + h.user, "--vault-id", "prod@" + h.file("vault.secret"), h.plan}, flags...)
}

// vaulted is text as ansible-vault encrypts it.
func vaulted(t *testing.T, text, password string) string {
	t.Helper()
	salt := []byte("thirty-two bytes of salt, for us")
	keys, err := pbkdf2.Key(sha256.New, password, salt, 10000, 80)
	must(t, err)
	block, err := aes.NewCipher(keys[:32])
	must(t, err)
	pad := aes.BlockSize - len(text)%aes.BlockSize
	sealed := []byte(text + strings.Repeat(string(rune(pad)), pad))
	cipher.NewCTR(block, keys[64:]).XORKeyStream(sealed, sealed)
	sum := hmac.New(sha256.New, keys[32:64])
	_, _ = sum.Write(sealed)
	return fmt.Sprintf("$ANSIBLE_VAULT;1.2;AES256;prod\n%x\n", fmt.Sprintf("%x\n%x\n%x", salt, sum.Sum(nil), sealed))
}

// TestNoSecretLeavesTheProcess plants secrets wherever one can be given and
// looks for them in all that others can see: argument lists and environments of
// every process, what the program writes, and files that others may read. Only
// the environment of the plan's own command may have one: its author put it
// there, and nobody but the same user and root reads it.
func TestNoSecretLeavesTheProcess(t *testing.T) {
	h := newLeakHosts(t)
	stop := h.sampler.watch()
	for _, args := range [][]string{
		h.args("plan"), h.args("plan", "--json"), h.args("apply", "-y", "--skip-tags", "fails"),
		h.args("apply", "-y", "--json"), h.args("plan", "--json", "--skip-tags", "fails"),
	} {
		o := exits(t, exitDone, lockstep(t, planted("Become")+"\n", args...))
		h.sampler.leak("stdout of "+strings.Join(args, " "), o.stdout)
		h.sampler.leak("stderr of "+strings.Join(args, " "), o.stderr)
	}
	h.journals(t)
	h.phrase(t)
	stop()
	h.sampler.report(t)
	for _, host := range []string{"web1", "web2"} {
		for _, name := range []string{"copy", "big", "page", "key", "my.cnf", "env", "in", "said"} {
			if data, err := os.ReadFile(h.file(host + "/" + name)); err != nil || len(h.sampler.marks.in(string(data))) == 0 {
				t.Errorf("%s on %s has no secret, so that none was at stake: %v", name, host, err)
			}
		}
	}
}

// journals looks for secrets in what is kept of the runs.
func (h *leakHosts) journals(t *testing.T) {
	t.Helper()
	runs, err := journal.All(filepath.Join(stateOf(t), "runs"))
	must(t, err)
	if len(runs) != 2 || len(runs[0].Acts()) == 0 {
		t.Errorf("%d runs are kept, or they say nothing; this proves nothing", len(runs))
	}
	for _, run := range runs {
		text, err := os.ReadFile(run.File)
		must(t, err)
		h.sampler.leak("the journal "+run.File, string(text))
		for _, command := range [][]string{{"show", run.ID}, {"show", "--json", run.ID}, {"history"}} {
			o := exits(t, exitDone, lockstep(t, "", command...))
			h.sampler.leak("the answer of "+command[0], o.stdout+o.stderr)
		}
	}
}

// phrase runs the plan at a terminal, where the key's passphrase is asked for.
func (h *leakHosts) phrase(t *testing.T) {
	t.Helper()
	plain, err := os.ReadFile(h.file("id_ed25519"))
	must(t, err)
	private, err := ssh.ParseRawPrivateKey(plain)
	must(t, err)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(planted("Phrase")))
	must(t, err)
	h.write(t, "id_ed25519", string(pem.EncodeToMemory(block)))
	x := newTerminal(t)
	end := x.run(t, "become password: ", h.args("plan", "--skip-tags", "fails")...)
	_, err = x.near.WriteString(planted("Become") + "\r")
	must(t, err)
	x.text.wait(t, "Passphrase of ")
	_, err = x.near.WriteString(planted("Phrase") + "\r")
	must(t, err)
	o := end()
	h.sampler.leak("the terminal", o.stderr)
	if o.code != exitDone {
		t.Errorf("at the terminal: got %d\n%s", o.code, o.stderr)
	}
}
