package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"lockstep/executor"
	"lockstep/steps"
)

// Describe tells size and hash of a file, which can be opened; see
// steps.Reader.
func (Machine) Describe(ctx context.Context, path string) (*steps.Content, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is a %s, not a file", path, kind(info.Mode()))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	sum, size, err := digest(ctx, io.Discard, f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &steps.Content{Size: size, SHA256: sum, Open: func() (steps.Source, error) { return os.Open(path) }}, nil
}

// digest copies all of r and returns its hash.
func digest(ctx context.Context, w io.Writer, r io.Reader) (sum string, size int64, err error) {
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(w, hash), reader{ctx, r})
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// fill writes the content of w, and refuses what it does not describe.
func fill(ctx context.Context, to io.Writer, w executor.Write) error {
	if w.From == nil {
		_, err := to.Write(w.Data)
		return err
	}
	from, err := w.From.Open()
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	sum, _, err := digest(ctx, to, io.NewSectionReader(from, 0, w.From.Size+1))
	if err == nil && sum != w.From.SHA256 {
		err = fmt.Errorf("its source: %w", steps.ErrDrifted)
	}
	if err == nil && w.Sent != nil {
		w.Sent(w.From.Size)
	}
	return err
}
