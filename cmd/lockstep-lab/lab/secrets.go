package lab

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// makeSecrets creates what is missing of the operator's key, the passwords
// and the hosts' keys. They stay the same through Reset.
func (l *Lab) makeSecrets() error {
	if err := ensureKey(l.Path("id_ed25519"), "operator@lockstep-lab", newEd25519); err != nil {
		return err
	}
	for _, name := range []string{"app.password", "dba.password", "sst.password"} {
		if err := ensurePassword(l.Path(name)); err != nil {
			return err
		}
	}
	for _, n := range l.nodes {
		dir := l.Path(filepath.Join("nodes", n.name))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := ensureKey(filepath.Join(dir, "ssh_host_ed25519_key"), "root@"+n.name, newEd25519); err != nil {
			return err
		}
		if err := ensureKey(filepath.Join(dir, "ssh_host_ecdsa_key"), "root@"+n.name, newECDSA); err != nil {
			return err
		}
	}
	return nil
}

func newEd25519() (any, any, error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	return key, pub, err
}

func newECDSA() (any, any, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	return key, key.Public(), nil
}

// ensureKey writes an OpenSSH key pair unless it is there. The public half
// comes first: a crash in between then leaves no private key without it.
func ensureKey(path, comment string, generate func() (key, pub any, err error)) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key, pub, err := generate()
	if err != nil {
		return fmt.Errorf("key %s: %w", path, err)
	}
	block, err := ssh.MarshalPrivateKey(key, comment)
	if err != nil {
		return fmt.Errorf("key %s: %w", path, err)
	}
	public, err := ssh.NewPublicKey(pub)
	if err != nil {
		return fmt.Errorf("key %s: %w", path, err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))) + " " + comment + "\n"
	if err := writeFile(path+".pub", []byte(line), 0o644); err != nil {
		return err
	}
	return writeFile(path, pem.EncodeToMemory(block), 0o600)
}

func ensurePassword(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeFile(path, []byte(rand.Text()+"\n"), 0o600)
}

// Password reads one of the lab's passwords: "app", "dba" or "sst".
func (l *Lab) Password(user string) (string, error) {
	data, err := os.ReadFile(l.Path(user + ".password"))
	if err != nil {
		return "", fmt.Errorf("password of %s: %w", user, err)
	}
	return strings.TrimSpace(string(data)), nil
}

// hostKeys are a host's public keys as OpenSSH writes them, without comment.
func (n *Node) hostKeys() ([]string, error) {
	files, _ := filepath.Glob(n.lab.Path(filepath.Join("nodes", n.name, "ssh_host_*_key.pub"))) // the pattern is valid
	var keys []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		fields := strings.Fields(string(data))
		if len(fields) < 2 {
			return nil, fmt.Errorf("%s is not a public key", f)
		}
		keys = append(keys, fields[0]+" "+fields[1])
	}
	return keys, nil
}
