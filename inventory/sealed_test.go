package inventory

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretsAreAllThatWasEncrypted(t *testing.T) {
	envelope, err := os.ReadFile("vault/testdata/v12.vault") // port: 3306, password: hunter22
	if err != nil {
		t.Fatal(err)
	}
	indented := strings.ReplaceAll(strings.TrimSpace(string(envelope)), "\n", "\n      ")
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"pw":      "correct horse",
		"inv.yml": "pxc:\n  hosts: {db1: , db2: {own: open}}\n  vars:\n    whole: !vault |\n      " + indented + "\n",
		"db1":     string(envelope),
	} {
		if name == "db1" {
			if err := os.Mkdir("host_vars", 0o755); err != nil {
				t.Fatal(err)
			}
			name = "host_vars/db1"
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inv, err := load("vault=pw", "inv.yml")
	if err != nil {
		t.Fatal(err)
	}
	whole := []string{"password: hunter22", "port: 3306", "port: 3306\npassword: hunter22\n"}
	all := append([]string{"3306", "hunter22"}, whole...)
	if got := inv.Secrets(); !cmp.Equal(got, all) {
		t.Errorf("the inventory's are %q", got)
	}
	for name, want := range map[string][]string{"db1": all, "db2": whole} {
		h, _ := inv.Host(name)
		if got := h.Secrets(); !cmp.Equal(got, want) {
			t.Errorf("those of %s are %q", name, got)
		}
	}
	h, _ := inv.Host("db1")
	if c, err := h.Connection(h.Vars(), nil); err != nil || len(c.Secrets()) > 0 {
		t.Errorf("the connection is %v, %v", c, err)
	}
}
