package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/pki"
)

// TestTwoAuthorities runs the example against hosts that need no root, and
// wants a client's certificate to be strange to the nodes.
func TestTwoAuthorities(t *testing.T) {
	text, err := os.ReadFile("../../examples/two-authorities/plan.yml")
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer("hosts: pxc", "hosts: web", "become: true", "become: false", "certs: /etc/mysql/certs", `certs: "{{ root }}/tls"`,
		"owner: root, group: mysql, ", "", "          owner: root\n          group: mysql\n          mode: \"0640\"\n", "          mode: \"0600\"\n").Replace(string(text))
	dir := t.TempDir()
	end, err := servedHosts(dir, 2)
	t.Cleanup(end)
	if err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(dir, "plan.yml")
	if err := os.Mkdir(filepath.Join(dir, "certs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(plan, []byte(plain), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CA_PASSPHRASE", "correct horse")
	for _, want := range []string{"steps changed", "nothing to change"} {
		c, read := fileConsole(t, nil, nil)
		code := run(t.Context(), []string{"apply", "-y", "-i", filepath.Join(dir, "inventory.yml"), plan}, c)
		stdout, stderr := read()
		if code != exitDone || !strings.Contains(stderr, want) || strings.Contains(stdout+stderr, "horse") {
			t.Fatalf("exit %d, want %q\n%s\n%s", code, want, stdout, stderr)
		}
	}
	at := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, ca := range []string{"certs/cluster/ca-key.pem", "certs/clients/ca-key.pem"} {
		if !pki.IsEncryptedKey(at(ca)) {
			t.Errorf("%s is not encrypted", ca)
		}
	}
	client := pki.Set{Cert: at("certs/clients/client-cert.pem"), Key: at("certs/clients/client-key.pem"), CA: at("web1/tls/clients/ca.pem")}
	o := pki.CheckOptions{Now: time.Now(), Role: pki.RoleClient}
	if fs := pki.Check(client, o); len(fs) > 0 {
		t.Errorf("port 3306 refuses the client: %v", fs)
	}
	if client.CA = at("web1/tls/cluster/ca.pem"); pki.Worst(pki.Check(client, o)) != pki.Fail {
		t.Error("the nodes would let a client's certificate in")
	}
}
