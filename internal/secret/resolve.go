package secret

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"lockstep/internal/spell"
)

// maxSecret bounds a secret's length.
const maxSecret = 1 << 20

// Unlock answers for keys that have a passphrase. Without its functions such
// keys are refused.
type Unlock struct {
	// Passphrase asks for the passphrase of the key in file.
	Passphrase func(ctx context.Context, file string) (string, error)
	// SSHKey opens an SSH private key that has a passphrase, as
	// ssh.ParseRawPrivateKeyWithPassphrase does. It is handed in since the SSH
	// library has one home, and that is not here.
	SSHKey func(pem []byte, passphrase string) (crypto.PrivateKey, error)
}

// Store resolves references, each once: a person is asked once, and all steps
// of a run get the same value. It may be used by many goroutines; the zero
// Store is ready.
type Store struct {
	Unlock Unlock

	mu    sync.Mutex
	known map[string]*entry
}

// entry is one reference; it is locked while it is being resolved.
type entry struct {
	mu    sync.Mutex
	done  bool
	value string
}

// Resolve returns the secret that r stands for. A failure is not remembered.
func (s *Store) Resolve(ctx context.Context, r Ref) (string, error) {
	s.mu.Lock()
	if s.known == nil {
		s.known = map[string]*entry{}
	}
	e := s.known[r.key()]
	if e == nil {
		e = &entry{}
		s.known[r.key()] = e
	}
	s.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done {
		return e.value, nil
	}
	value, err := s.Unlock.resolve(ctx, r)
	if err == nil {
		e.value, e.done = value, true
	}
	return value, err
}

// Resolve returns the secret that r stands for, without a store.
func Resolve(ctx context.Context, r Ref) (string, error) { return Unlock{}.resolve(ctx, r) }

func (u Unlock) resolve(ctx context.Context, r Ref) (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	var text string
	var err error
	switch {
	case r.File != "":
		text, err = fromFile(r.File)
	case r.Env != "":
		text, err = fromEnv(r.Env)
	case len(r.Command) > 0:
		text, err = fromCommand(ctx, patience, r.Command)
	default:
		text, err = u.fromAge(ctx, r)
	}
	if err != nil {
		return "", err
	}
	switch text = cutNewline(text); {
	case text == "":
		return "", &Error{What: fmt.Sprintf("the secret from %s is empty", r), Do: "put it there"}
	case len(text) < Shortest:
		return "", &Error{What: fmt.Sprintf("the secret from %s has fewer than %d characters", r, Shortest),
			Why: "so short a text cannot be kept out of what is shown", Do: "choose a longer secret, or write it as a plain value"}
	}
	return text, nil
}

// cutNewline takes the one line break from the end that editors put there.
func cutNewline(s string) string { return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r") }

func fromFile(file string) (string, error) {
	data, err := readPrivate(file, "the secret file")
	return string(data), err
}

func fromEnv(name string) (string, error) {
	value, ok := os.LookupEnv(name)
	if ok {
		return value, nil
	}
	var names []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		names = append(names, name)
	}
	do := "set it for lockstep: export " + name
	if n := spell.Nearest(name, names); n != "" {
		do += fmt.Sprintf(", or did you mean %q?", n)
	}
	return "", &Error{What: fmt.Sprintf("the environment variable %s is not set", name), Do: do}
}

// readPrivate reads a file that nobody but its owner and group can read. What
// is checked is what is read: both go through one open file.
func readPrivate(file, what string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, unreadable(file, what, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, unreadable(file, what, err)
	}
	if open := info.Mode().Perm() & 0o007; open != 0 {
		return nil, &Error{What: fmt.Sprintf("%s %s has mode %04o", what, file, info.Mode().Perm()),
			Why: "every user of this machine can reach it", Do: "chmod o= " + file + ", and change the secret if others may have read it"}
	}
	return readOpen(f, info, file, what)
}

func readOpen(f *os.File, info fs.FileInfo, file, what string) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, &Error{What: fmt.Sprintf("%s %s is not a regular file", what, file)}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return nil, unreadable(file, what, err)
	case len(data) > maxSecret:
		return nil, &Error{What: fmt.Sprintf("%s %s is over %d bytes", what, file, maxSecret)}
	}
	return data, nil
}

func unreadable(file, what string, err error) error {
	do := "check the path"
	if errors.Is(err, fs.ErrPermission) {
		do = "run lockstep as a user who may read it"
	}
	return &Error{What: fmt.Sprintf("%s %s cannot be read", what, file), Why: cause(err), Do: do, Err: err}
}
