package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Source says where a password comes from: From is a file, a program whose
// output it is, or "prompt".
type Source struct{ ID, From string }

// DefaultID is the vault id of a password that was given without one.
const DefaultID = "default"

const prompt = "prompt"

// ParseSource reads the argument of --vault-id: FROM, or ID@FROM.
func ParseSource(arg string) (Source, error) {
	id, from, named := strings.Cut(arg, "@")
	if !named {
		id, from = DefaultID, arg
	}
	if id == "" {
		id = DefaultID
	}
	if from == "" {
		return Source{}, fmt.Errorf("%q does not say where the password is: write ID@FILE or ID@prompt", arg)
	}
	return Source{id, from}, nil
}

// Keyring fetches passwords when they are first needed, and each once. It may
// be used by many goroutines.
type Keyring struct {
	Sources []Source
	// Ask asks a person for a password without showing it.
	Ask func(prompt string) (string, error)

	once      sync.Once
	passwords []Password
	err       error
}

// Passwords returns all passwords, in the order of the sources. The error names
// each source that gave none.
func (k *Keyring) Passwords(ctx context.Context) ([]Password, error) {
	k.once.Do(func() {
		var problems []error
		for _, s := range k.Sources {
			secret, err := k.fetch(ctx, s)
			if err == nil && len(secret) == 0 {
				err = errors.New("it is empty")
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("the vault password from %s: %w", s.From, err))
				continue
			}
			k.passwords = append(k.passwords, Password{s.ID, secret})
		}
		k.err = errors.Join(problems...)
	})
	return k.passwords, k.err
}

func (k *Keyring) fetch(ctx context.Context, s Source) ([]byte, error) {
	if s.From == prompt || s.From == "prompt_ask_vault_pass" {
		if k.Ask == nil {
			return nil, errors.New("there is nobody to ask")
		}
		text, err := k.Ask(fmt.Sprintf("Vault password (%s): ", s.ID))
		return []byte(text), err
	}
	info, err := os.Stat(s.From)
	switch {
	case err != nil:
		return nil, cause(err)
	case info.IsDir():
		return nil, errors.New("it is a folder")
	case info.Mode()&0o111 != 0:
		return s.run(ctx)
	}
	file, err := os.Open(s.From)
	if err != nil {
		return nil, cause(err)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxPassword+1))
	_ = file.Close() // nothing was written
	if err != nil {
		return nil, cause(err)
	}
	if len(data) > maxPassword {
		return nil, errTooLong
	}
	if Is(data) {
		return nil, errors.New("it is itself encrypted with ansible-vault, which is not read")
	}
	return bytes.TrimSpace(data), nil
}

// maxPassword bounds what is read for a password.
const maxPassword = 1 << 20

var errTooLong = errors.New("it is larger than 1 MiB")

// output keeps what a program prints, up to maxPassword bytes.
type output struct{ text []byte }

func (o *output) Write(p []byte) (int, error) {
	if len(o.text)+len(p) > maxPassword {
		return 0, errTooLong
	}
	o.text = append(o.text, p...)
	return len(p), nil
}

// patience bounds how long a program may take for a password.
const patience = time.Minute

// run takes a program's output for the password. A program whose name ends in
// "-client" is told the vault id, as Ansible does.
func (s Source) run(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	path, err := filepath.Abs(s.From)
	if err != nil {
		return nil, err
	}
	var args []string
	if strings.HasSuffix(strings.TrimSuffix(path, filepath.Ext(path)), "-client") {
		args = []string{"--vault-id", s.ID}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	var out output
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, &out, os.Stderr // it may ask a person
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("the program did not succeed: %w (if it is no program, take its x bit off)", err)
	}
	return bytes.Trim(out.text, "\r\n"), nil
}

// cause is err without the path, which the caller names.
func cause(err error) error {
	if pathErr := (*os.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
