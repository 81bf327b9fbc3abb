package vault

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func passwords() []Password {
	return []Password{{"staging", []byte("other")}, {"prod", []byte("correct horse")}}
}

// TestOpenReadsFixedVectors opens files that ansible-vault of ansible-core 2.14 made.
func TestOpenReadsFixedVectors(t *testing.T) {
	for sealed, plain := range map[string]string{
		"v11.vault": "plain.yml", "v12.vault": "plain.yml", "utf8.vault": "utf8.txt", "block.vault": "block.txt",
	} {
		data := read(t, sealed)
		for _, form := range [][]byte{data, bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")), bytes.TrimSpace(data)} {
			got, err := Open(form, passwords())
			if err != nil || !bytes.Equal(got, read(t, plain)) {
				t.Errorf("%s: got %q, %v", sealed, got, err)
			}
		}
		if _, err := Open(data, []Password{{"prod", []byte("wrong")}}); !errors.Is(err, ErrPassword) {
			t.Errorf("%s with the wrong password: %v", sealed, err)
		}
	}
	if id := ID(read(t, "v12.vault")); id != "prod" {
		t.Errorf("the id is %q", id)
	}
}

// TestOpenReadsWhatAnsibleWrites closes texts of many lengths with the program.
func TestOpenReadsWhatAnsibleWrites(t *testing.T) {
	program, err := exec.LookPath("ansible-vault")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ansible-vault is not installed, and CI is true")
		}
		t.Skip("ansible-vault is not installed")
	}
	for _, n := range []int{1, 15, 17, 5000} {
		plain := bytes.Repeat([]byte("é"), n)
		cmd := exec.Command(program, "encrypt", "--vault-id", "a b@testdata/password", "--encrypt-vault-id", "a b", "--output", "-")
		cmd.Stdin = bytes.NewReader(plain)
		sealed, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Open(sealed, passwords()); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d characters: %v", n, err)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	sound := string(read(t, "v11.vault"))
	for text, want := range map[string]string{
		"plain":                                 "it does not begin with $ANSIBLE_VAULT;VERSION",
		"$ANSIBLE_VAULT;1.0;AES\n61":            "another kind ($ANSIBLE_VAULT;1.0;AES)",
		"$ANSIBLE_VAULT":                        "it does not begin",
		"$ANSIBLE_VAULT;1.1;AES256\nzz":         "it is damaged",
		"$ANSIBLE_VAULT;1.1;AES256":             "it is damaged",
		sound[:len(sound)-100]:                  "it is damaged",
		strings.Replace(sound, "6", "7", 1):     "",
		"$ANSIBLE_VAULT;1.1;AES256\n610a620a63": "it is damaged",
	} {
		if _, err := Open([]byte(text), passwords()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

func TestKeyringFetchesOnce(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	asked := 0
	k := Keyring{Sources: []Source{
		{"a", write("file", " from file \r\n", 0o600)},
		{"b", write("program", "#!/bin/sh\necho from program\n", 0o700)},
		{"c", write("keys-client.sh", "#!/bin/sh\necho \"$*\"\n", 0o700)},
		{"d", "prompt"},
	}, Ask: func(p string) (string, error) { asked++; return p, nil }}
	for range 2 {
		got, err := k.Passwords(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"from file", "from program", "--vault-id c", "Vault password (d): "} {
			if string(got[i].Secret) != want || got[i].ID != k.Sources[i].ID {
				t.Errorf("password %d is %q of %s, want %q", i, got[i].Secret, got[i].ID, want)
			}
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestKeyringNamesEachSourceThatFails(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"empty": 0o600, "broken": 0o700} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	k := Keyring{Sources: []Source{{"a", "/nowhere"}, {"b", dir}, {"c", dir + "/empty"}, {"d", dir + "/broken"}, {"e", "prompt"}, {"f", "testdata/v11.vault"}}}
	_, err := k.Passwords(context.Background())
	for _, want := range []string{"/nowhere: no such file", "it is a folder", "/empty: it is empty", "take its x bit off", "nobody to ask", "itself encrypted"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestSourcesAreParsed(t *testing.T) {
	for arg, want := range map[string]Source{
		"file": {"default", "file"}, "prod@file": {"prod", "file"}, "@prompt": {"default", "prompt"}, "a@b@c": {"a", "b@c"},
	} {
		if got, err := ParseSource(arg); err != nil || got != want {
			t.Errorf("ParseSource(%q) = %v, %v", arg, got, err)
		}
	}
	if _, err := ParseSource("prod@"); err == nil {
		t.Error("a source without a place has no error")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(read(f, "v11.vault"))
	f.Add([]byte("$ANSIBLE_VAULT;1.2;AES256;x\n610a620a63"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Open(data, nil); err == nil {
			t.Error("opened without a password")
		}
	})
}

func TestPasswordsThatDoNotEndAreRefused(t *testing.T) {
	program := filepath.Join(t.TempDir(), "endless")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec yes\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{"/dev/zero": "larger than 1 MiB", program: "the program did not succeed: "} {
		ring := Keyring{Sources: []Source{{DefaultID, from}}}
		if _, err := ring.Passwords(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", from, err, want)
		}
	}
}
