package secret

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"
)

const planted = "planted-secret"

func TestParseRef(t *testing.T) {
	for _, row := range []struct {
		plain map[string]any
		want  string // the reference's key, or the error's begin
	}{
		{map[string]any{"file": "a"}, Ref{File: "a"}.key()},
		{map[string]any{"env": "A"}, Ref{Env: "A"}.key()},
		{map[string]any{"command": []any{"pass", "show", "db"}}, Ref{Command: []string{"pass", "show", "db"}}.key()},
		{map[string]any{"age": "a.age", "identity": "key"}, Ref{Age: "a.age", Identity: "key"}.key()},
		{map[string]any{}, "a secret reference names no source"},
		{map[string]any{"flie": "a"}, "a secret reference has no key \"flie\"\n  do:  did you mean \"file\"?"},
		{map[string]any{"zzzzzz": "a"}, "a secret reference has no key \"zzzzzz\"\n  do:  the keys are file, env, command, age, identity"},
		{map[string]any{"file": "a", "env": "B"}, "a secret reference names file and env"},
		{map[string]any{"age": "a"}, "the secret a has no identity"},
		{map[string]any{"file": "a", "identity": "b"}, "identity goes with age, not with file"},
		{map[string]any{"command": "pass show db"}, "command of a secret reference must be a list of texts"},
		{map[string]any{"command": []any{}}, "command of a secret reference must be a list of texts"},
		{map[string]any{"command": []any{"a", 1}}, "command of a secret reference must be a list of texts"},
		{map[string]any{"file": 5}, "file of a secret reference must be a text on one line"},
	} {
		got, err := ParseRef(row.plain)
		text := got.key()
		if err != nil {
			text = strings.TrimSpace(strings.TrimPrefix(err.Error(), "1 error occurred:\n\t* "))
		}
		if !strings.HasPrefix(text, row.want) {
			t.Errorf("%v: got %s, want %s", row.plain, text, row.want)
		}
	}
}

func TestRefIn(t *testing.T) {
	got := Ref{Age: "a.age", Identity: "~/.ssh/id"}.In("/plan", "/home/op")
	if got.Age != "/plan/a.age" || got.Identity != "/home/op/.ssh/id" || (Ref{File: "/x"}).In("/plan", "").File != "/x" {
		t.Errorf("got %+v", got)
	}
}

// put writes a private file and returns its path.
func put(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestResolve(t *testing.T) {
	t.Setenv("LOCKSTEP_TEST_SECRET", planted)
	t.Setenv("LOCKSTEP_TEST_EMPTY", "")
	open := put(t, "open", planted)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	shared := put(t, "shared", planted)
	if err := os.Chmod(shared, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, want string // the secret, or what the error holds after "!"
		ref        Ref
	}{
		{"file", planted, Ref{File: put(t, "a", planted+"\n")}},
		{"windows file", planted, Ref{File: put(t, "a", planted+"\r\n")}},
		{"two lines at the end", planted + "\n", Ref{File: put(t, "a", planted+"\n\n")}},
		{"file for a group", planted, Ref{File: shared}},
		{"open file", "!has mode 0644", Ref{File: open}},
		{"no file", "!cannot be read\n  why: no such file or directory", Ref{File: "/nowhere/x"}},
		{"a directory", "!is not a regular file", Ref{File: private(t)}},
		{"empty file", "!is empty", Ref{File: put(t, "a", "\n")}},
		{"huge file", "!is over", Ref{File: put(t, "a", strings.Repeat("x", maxSecret+1))}},
		{"environment", planted, Ref{Env: "LOCKSTEP_TEST_SECRET"}},
		{"empty variable", "!is empty", Ref{Env: "LOCKSTEP_TEST_EMPTY"}},
		{"no variable", `!did you mean "LOCKSTEP_TEST_SECRET"?`, Ref{Env: "LOCKSTEP_TEST_SECERT"}},
		{"command", planted, Ref{Command: []string{"printf", "%s\\n", planted}}},
		{"no shell", "$HOME; echo x", Ref{Command: []string{"printf", "%s", "$HOME; echo x"}}},
		{"no program", "!is not installed", Ref{Command: []string{"lockstep-no-such-program"}}},
		{"failing command", "!exit status 3\n  why: last words\n", Ref{Command: []string{"sh", "-c", "echo " + planted + "; echo first >&2; echo last words >&2; exit 3"}}},
		{"secret on stderr", "!why: it was " + Mask, Ref{Command: []string{"sh", "-c", "echo " + planted + "; echo it was " + planted + " >&2; exit 1"}}},
		{"too much", "!wrote more than", Ref{Command: []string{"sh", "-c", "yes | head -c 2000000"}}},
		{"secret by its name on stderr", "!why: token=" + Mask, Ref{Command: []string{"sh", "-c", "echo token=" + planted + " >&2; exit 1"}}},
		{"no input", "!exit status 1", Ref{Command: []string{"sh", "-c", "read line && echo " + planted}}},
		{"too short to be masked", "!has fewer than 4 characters", Ref{File: put(t, "a", "abc\n")}},
		{"nothing", "!names no source", Ref{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := Resolve(t.Context(), row.ref)
			wanted, fails := strings.CutPrefix(row.want, "!")
			switch {
			case fails && (err == nil || !strings.Contains(err.Error(), wanted) || strings.Contains(err.Error(), planted)):
				t.Errorf("got %.60q, %v; want an error with %q", got, err, wanted)
			case !fails && (err != nil || got != wanted):
				t.Errorf("got %.60q, %v; want %q", got, err, wanted)
			}
		})
	}
}

func private(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCommandEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	begin := time.Now()
	_, err := Resolve(ctx, Ref{Command: []string{"sleep", "60"}})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 10*time.Second {
		t.Errorf("got %v after %s", err, time.Since(begin))
	}
}

func TestCommandIsNotWaitedForForEver(t *testing.T) {
	_, err := fromCommand(t.Context(), time.Millisecond, []string{"sleep", "60"})
	if err == nil || !strings.Contains(err.Error(), "it took longer than 1ms") {
		t.Errorf("got %v", err)
	}
}

func TestStoreAsksOnce(t *testing.T) {
	count := filepath.Join(t.TempDir(), "count")
	r := Ref{Command: []string{"sh", "-c", `echo x >> "$0"; echo ` + planted, count}}
	var s Store
	done := make(chan error)
	for range 8 {
		go func() {
			got, err := s.Resolve(t.Context(), r)
			if err == nil && got != planted {
				err = errors.New("another secret")
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if data, err := os.ReadFile(count); err != nil || string(data) != "x\n" {
		t.Errorf("the command ran %d times, %v", len(data)/2, err)
	}
}

func TestStoreForgetsFailures(t *testing.T) {
	var s Store
	r := Ref{File: filepath.Join(t.TempDir(), "late")}
	if _, err := s.Resolve(t.Context(), r); err == nil {
		t.Fatal("a missing file was read")
	}
	if err := os.WriteFile(r.File, []byte(planted), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Resolve(t.Context(), r); err != nil || got != planted {
		t.Errorf("got %q, %v", got, err)
	}
}

func encrypt(t *testing.T, armored bool, text string, to age.Recipient) string {
	t.Helper()
	var out bytes.Buffer
	var sink io.Writer = &out
	var a io.WriteCloser
	if armored {
		a = armor.NewWriter(&out)
		sink = a
	}
	w, err := age.Encrypt(sink, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if armored {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// sshKey makes a key pair: for age, bare, and with the passphrase "open".
func sshKey(t *testing.T) (to age.Recipient, bare, withPass string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sshPub, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	if to, err = agessh.NewEd25519Recipient(sshPub); err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	lockedBlock, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("open"))
	if err != nil {
		t.Fatal(err)
	}
	return to, string(pem.EncodeToMemory(block)), string(pem.EncodeToMemory(lockedBlock))
}

func TestAge(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	scrypt, err := age.NewScryptRecipient("open")
	if err != nil {
		t.Fatal(err)
	}
	scrypt.SetWorkFactor(10)
	to, bare, withPass := sshKey(t)
	unlock := func(passphrase string) Unlock {
		return Unlock{
			Passphrase: func(context.Context, string) (string, error) { return passphrase, nil },
			SSHKey: func(pem []byte, passphrase string) (crypto.PrivateKey, error) {
				return ssh.ParseRawPrivateKeyWithPassphrase(pem, []byte(passphrase))
			},
		}
	}
	native, armored := encrypt(t, false, planted+"\n", id.Recipient()), encrypt(t, true, planted, id.Recipient())
	forSSH := encrypt(t, true, planted, to)
	for _, row := range []struct {
		name, file, identity, want string
		unlock                     Unlock
	}{
		{"age identity", native, "# a comment\n" + id.String() + "\n", planted, Unlock{}},
		{"armored", armored, id.String(), planted, Unlock{}},
		{"identity with a passphrase", native, encrypt(t, true, id.String(), scrypt), planted, unlock("open")},
		{"wrong passphrase", native, encrypt(t, false, id.String(), scrypt), "!does not open", unlock("shut")},
		{"nobody to ask", native, encrypt(t, false, id.String(), scrypt), "!nobody can be asked", Unlock{}},
		{"ssh key", forSSH, bare, planted, Unlock{}},
		{"ssh key with a passphrase", forSSH, withPass, planted, unlock("open")},
		{"ssh key, wrong passphrase", forSSH, withPass, "!does not open", unlock("shut")},
		{"ssh key, nobody to ask", forSSH, withPass, "!has a passphrase", Unlock{}},
		{"other key", native, other.String(), "!was encrypted for other keys", Unlock{}},
		{"not age", planted, id.String(), "!no sound age file", Unlock{}},
		{"cut off", native[:len(native)-3], id.String(), "!no sound age file", Unlock{}},
		{"public half", native, id.Recipient().String(), "!it holds no age identity", Unlock{}},
		{"damaged key", forSSH, strings.Replace(bare, "b3Bl", "b3Bm", 1), "!cannot be used with age", Unlock{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := Store{Unlock: row.unlock}
			got, err := s.Resolve(t.Context(), Ref{Age: put(t, "a.age", row.file), Identity: put(t, "id", row.identity)})
			wanted, fails := strings.CutPrefix(row.want, "!")
			switch {
			case fails && (err == nil || !strings.Contains(err.Error(), wanted) || strings.Contains(err.Error(), planted) || strings.Contains(err.Error(), row.identity)):
				t.Errorf("got %.60q, %v; want an error with %q", got, err, wanted)
			case !fails && (err != nil || got != wanted):
				t.Errorf("got %.60q, %v; want %q", got, err, wanted)
			}
		})
	}
}

func TestIdentityMustBePrivate(t *testing.T) {
	file := put(t, "id", "AGE-SECRET-KEY-1X")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Resolve(t.Context(), Ref{Age: put(t, "a", "x"), Identity: file}); err == nil || !strings.Contains(err.Error(), "has mode 0644") {
		t.Errorf("got %v", err)
	}
}
