package remote

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

func ecdsaKey(t *testing.T) ssh.Signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// states are the types and states of what a host shows.
func states(t *testing.T, target Target) (text string) {
	t.Helper()
	keys, err := network(t).Scan(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		text += " " + k.Type + "=" + string(k.State)
	}
	return strings.TrimSpace(text)
}

func TestScanJudgesAllKeysOfAHost(t *testing.T) {
	second := ecdsaKey(t)
	server, target := serve(t, sshserver.Options{OtherHostKeys: []ssh.Signer{second}})
	target.Keys = nil // nobody logs in
	_, strange := newKey(t)
	line := server.KnownHostsLine() + "\n"
	for name, row := range map[string]struct{ known, want string }{
		"new":      {"", "ssh-ed25519=new ecdsa-sha2-nistp256=new"},
		"known":    {line, "ssh-ed25519=known ecdsa-sha2-nistp256=further"},
		"changed":  {knownLine(target, strange), "ssh-ed25519=CHANGED ecdsa-sha2-nistp256=CHANGED"},
		"one":      {knownLine(target, strange) + knownLine(target, second.PublicKey()), "ssh-ed25519=CHANGED ecdsa-sha2-nistp256=known"},
		"vanished": {knownLine(target, rsaKey(t)), "ssh-ed25519=CHANGED ecdsa-sha2-nistp256=CHANGED"},
		"revoked":  {"@revoked * " + string(ssh.MarshalAuthorizedKey(server.HostKey())), "ssh-ed25519=REVOKED ecdsa-sha2-nistp256=new"},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, target.KnownHosts[0], row.known)
			if got := states(t, target); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

// rsaKey is one that no host here has.
func rsaKey(t *testing.T) ssh.PublicKey {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestScanOfAHostCertificate(t *testing.T) {
	by := authority(t)
	file, key := newKey(t)
	host, err := ssh.NewCertSigner(certify(t, by, key, ssh.HostCert, time.Now().Add(time.Hour), "127.0.0.1"), signerOf(t, file))
	if err != nil {
		t.Fatal(err)
	}
	_, target := serve(t, sshserver.Options{HostKey: host})
	put(t, target.KnownHosts[0], "@cert-authority * "+string(ssh.MarshalAuthorizedKey(by.PublicKey())))
	if got := states(t, target); !strings.HasPrefix(got, "ssh-ed25519-cert-v01@openssh.com=known") {
		t.Errorf("got %s", got)
	}
}

func TestScanGoesThroughJumpsWhoseKeysAreKnown(t *testing.T) {
	_, _, jump := counted(t, 0)
	_, target := serve(t, sshserver.Options{})
	target.Via = &jump
	if got := states(t, target); got != "ssh-ed25519=known" {
		t.Errorf("got %s", got)
	}
	jump.KnownHosts = nil
	if _, err := network(t).Scan(t.Context(), target); !errors.Is(err, ErrHostKeyUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestScanOfADeadHostIsUnreachable(t *testing.T) {
	server, target := serve(t, sshserver.Options{})
	_ = server.Close()
	if _, err := network(t).Scan(t.Context(), target); !errors.Is(err, steps.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

func TestAcceptedLineLetsUsIn(t *testing.T) {
	for _, hash := range []bool{false, true} {
		_, target := serve(t, sshserver.Options{})
		target.KnownHosts = []string{filepath.Join(t.TempDir(), "new", "known_hosts")}
		keys, err := network(t).Scan(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		line := keys[0].Line(target, hash)
		if strings.Contains(line, "127.0.0.1") == hash {
			t.Errorf("hash=%t: %s", hash, line)
		}
		if err := AppendKnownHosts(target.KnownHosts[0], []string{line}); err != nil {
			t.Fatal(err)
		}
		echoes(t, dial(t, target))
	}
}

// TestKnownHostsAreOnlyAddedTo: by many at the same time, and behind a last line
// without an end.
func TestKnownHostsAreOnlyAddedTo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "known_hosts")
	put(t, file, "# mine\nold")
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			if err := AppendKnownHosts(file, []string{"same", strings.Repeat("x", i+1)}); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	text := readAll(t, file)
	if !strings.HasPrefix(text, "# mine\nold\n") || strings.Count(text, "same\n") != 1 || strings.Count(text, "\n") != 11 {
		t.Errorf("got %q", text)
	}
}

func TestRealSSHDIsScanned(t *testing.T) {
	target := sshd(t)
	if got := states(t, target); got != "ssh-ed25519=known" {
		t.Errorf("got %s", got)
	}
}
