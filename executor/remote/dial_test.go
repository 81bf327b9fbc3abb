package remote

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"

	"lockstep/internal/secret"
	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// refusal dials and wants an error that wraps want and says all of words.
func refusal(t *testing.T, target Target, want error, words ...string) {
	t.Helper()
	c, err := network(t).Dial(t.Context(), target)
	if err == nil {
		_ = c.Close()
		t.Fatal("the host let us in")
	}
	if !errors.Is(err, want) {
		t.Errorf("got %v, want one that wraps %q", err, want)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q lacks %q", err, word)
		}
	}
}

func TestUnknownHostKeyIsRefused(t *testing.T) {
	server, target := serve(t, sshserver.Options{})
	target.KnownHosts = []string{filepath.Join(t.TempDir(), "none")}
	refusal(t, target, ErrHostKeyUnknown, ssh.FingerprintSHA256(server.HostKey()), "lockstep hostkeys accept")
	refusal(t, target, steps.ErrRefused)
}

func TestChangedHostKeyIsRefused(t *testing.T) {
	server, target := serve(t, sshserver.Options{})
	_, other := newKey(t)
	line := knownhosts.Line([]string{server.Addr().String()}, other)
	if err := os.WriteFile(target.KnownHosts[0], []byte("# ours\n"+line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refusal(t, target, ErrHostKeyChanged, "CHANGED", ssh.FingerprintSHA256(other),
		ssh.FingerprintSHA256(server.HostKey()), target.KnownHosts[0]+":2")
}

func TestWrongKeyIsRefused(t *testing.T) {
	_, target := serve(t, sshserver.Options{})
	file, _ := newKey(t)
	target.Keys = []string{file}
	refusal(t, target, steps.ErrRefused, "does not accept", "authorized_keys")
}

func TestNothingToLogInWithIsSaid(t *testing.T) {
	_, target := serve(t, sshserver.Options{})
	target.Keys = nil
	refusal(t, target, steps.ErrRefused, "nothing to log in with")
}

func TestPasswordLogsInAndIsASecret(t *testing.T) {
	_, target := serve(t, sshserver.Options{Password: "hunter22"})
	target.Keys, target.Password, target.Secrets = nil, "hunter22", &secret.Redactor{}
	dial(t, target)
	if got := target.Secrets.String("hunter22"); got != secret.Mask {
		t.Errorf("the password shows as %q", got)
	}
}

// lockedKey writes a key whose passphrase is "open sesame".
func lockedKey(t *testing.T) (file string, public ssh.PublicKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("open sesame"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "locked")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, signer.PublicKey()
}

func TestEncryptedKeyWantsAPassphrase(t *testing.T) {
	file, public := lockedKey(t)
	_, target := serve(t, sshserver.Options{Keys: []ssh.PublicKey{public}})
	target.Keys = []string{file}
	refusal(t, target, steps.ErrRefused, "is encrypted", "ssh-add")
	target.Passphrase = func(string) (string, error) { return "wrong", nil }
	refusal(t, target, steps.ErrRefused, "does not open it")
	target.Passphrase = func(string) (string, error) { return "open sesame", nil }
	dial(t, target)
}

func TestSilentHostIsUnreachableInTime(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never speaks
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, target := serve(t, sshserver.Options{})
	target.Port, target.Timeout = listener.Addr().(*net.TCPAddr).Port, 50*time.Millisecond
	refusal(t, target, steps.ErrUnreachable, "no answer within 50ms")
}

func TestCancelEndsTheDial(t *testing.T) {
	_, target := serve(t, sshserver.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := network(t).Dial(ctx, target); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestClosedPortIsUnreachable(t *testing.T) {
	server, target := serve(t, sshserver.Options{})
	_ = server.Close()
	refusal(t, target, steps.ErrUnreachable, "no connection")
}

func TestNoiseOfLoginShellsIsPassedOver(t *testing.T) {
	_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{Noise: "Welcome!\n\x00 unfinished"}})
	c := dial(t, target)
	out, err := c.Query(t.Context(), steps.Command{Argv: []string{"echo", "hi"}})
	if err != nil || string(out.Stdout) != "hi\n" || len(out.Stderr) > 0 {
		t.Errorf("got %q %q, %v", out.Stdout, out.Stderr, err)
	}
}

func TestHostWithoutSessionsIsRefused(t *testing.T) {
	_, target := serve(t, sshserver.Options{Faults: sshserver.Faults{NoSessions: true}})
	refusal(t, target, steps.ErrRefused, "does not open a session", "MaxSessions")
}

func TestLoginShellThatRunsNothingIsRefused(t *testing.T) {
	_, target := serve(t, sshserver.Options{Sh: script(t, "echo This account is not available. >&2; exit 1")})
	refusal(t, target, steps.ErrRefused, "no sh comes up", "This account is not available.")
}

// script writes an executable sh script.
func script(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}
