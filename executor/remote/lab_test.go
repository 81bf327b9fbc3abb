package remote

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"lockstep/internal/sshserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newKey writes a fresh private key to a file.
func newKey(t *testing.T) (file string, public ssh.PublicKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, signer.PublicKey()
}

// serve starts a server in this process and says how to reach it.
func serve(t *testing.T, o sshserver.Options) (*sshserver.Server, Target) {
	t.Helper()
	file, public := newKey(t)
	o.Keys = append(o.Keys, public)
	server, err := sshserver.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	known := filepath.Join(t.TempDir(), "known_hosts")
	if err := os.WriteFile(known, []byte(server.KnownHostsLine()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return server, Target{
		Name: "db1", Address: "127.0.0.1", Port: server.Addr().Port, User: "root",
		Keys: []string{file}, KnownHosts: []string{known}, Timeout: 10 * time.Second,
		RunDir: filepath.Join(t.TempDir(), "jobs"),
	}
}

func dial(t *testing.T, target Target) *Conn {
	t.Helper()
	c, err := network(t).Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// network is one that ends after the connections of the test.
func network(t *testing.T) *Network {
	t.Helper()
	n := NewNetwork(quiet())
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// local is a connection to a server in this process.
func local(t *testing.T) *Conn {
	t.Helper()
	_, target := serve(t, sshserver.Options{})
	return dial(t, target)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// holdingFifo makes two fifos: one to learn that a command has come so far,
// and one to let it go on.
func holdingFifo(t *testing.T) (ready, release string) {
	t.Helper()
	dir := t.TempDir()
	ready, release = filepath.Join(dir, "ready"), filepath.Join(dir, "release")
	if err := errors.Join(syscall.Mkfifo(ready, 0o600), syscall.Mkfifo(release, 0o600)); err != nil {
		t.Fatal(err)
	}
	return ready, release
}

func readAll(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
