package saved

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts a plan into a file for its owner alone, whole or not at all. What is
// there is replaced only if it is a saved plan too.
func Write(path string, p *Plan) error {
	if err := replaceable(path); err != nil {
		return err
	}
	text, err := p.Encode()
	if err != nil {
		return err
	}
	return replace(path, text)
}

// SignatureOf is the file with the signature of a saved plan.
func SignatureOf(path string) string { return path + ".sig" }

// WriteSignature puts a signature beside a saved plan.
func WriteSignature(path string, signature []byte) error {
	return replace(SignatureOf(path), signature)
}

func replaceable(path string) error {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !Is(data):
		return fmt.Errorf("%s is there and no saved plan: it stays as it is; name another file", path)
	}
	return nil
}

// replace renames a new file, which has mode 0600, over path.
func replace(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // it may be closed, and goes away
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
