package remote

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lockstep/internal/sshserver"
	"lockstep/steps"
)

// slowHash is a host without openssl, on which hashing takes until it is
// released: ready tells the pid of the program, release lets it go on.
func slowHash(t *testing.T, target Target) (_ Target, ready, release string) {
	t.Helper()
	ready, release = holdingFifo(t)
	hash := namedScript(t, "sha256sum", "echo $$ >"+ready+"\nread word <"+release+"\nexec /usr/bin/sha256sum")
	if err := os.WriteFile(filepath.Join(filepath.Dir(hash), "openssl"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	target.path = filepath.Dir(hash) + ":" + searchPath
	return target, ready, release
}

// describe hashes a file of 5 MiB and returns what came of it.
func describe(t *testing.T, ctx context.Context, c *Conn) <-chan error {
	t.Helper()
	file, want := sparse(t, 5<<20)
	done := make(chan error, 1)
	go func() {
		got, err := c.Describe(ctx, file)
		if err == nil && !got.Same(want) {
			t.Errorf("got %+v", got)
		}
		done <- err
	}()
	return done
}

func TestNoReadWaitsForAHash(t *testing.T) {
	_, target := serve(t, sshserver.Options{})
	target, ready, release := slowHash(t, target)
	c := dial(t, target)
	done := describe(t, t.Context(), c)
	readAll(t, ready)
	if _, err := c.ReadFile(t.Context(), "/etc/passwd"); err != nil { // or it waits for ever
		t.Error(err)
	}
	if err := os.WriteFile(release, []byte("go\n"), 0o600); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAHashEndsWithItsCaller(t *testing.T) {
	for name, row := range map[string]struct {
		end  func(*Conn, context.CancelFunc)
		want error
	}{
		"cancelled": {func(_ *Conn, cancel context.CancelFunc) { cancel() }, context.Canceled},
		"closed":    {func(c *Conn, _ context.CancelFunc) { _ = c.Close() }, steps.ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			_, target := serve(t, sshserver.Options{})
			target, ready, _ := slowHash(t, target)
			c := dial(t, target)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := describe(t, ctx, c)
			pid := pidIn(t, ready)
			row.end(c, cancel)
			if err := <-done; !errors.Is(err, row.want) {
				t.Errorf("got %v", err)
			}
			awaitDeath(t, pid)
		})
	}
}

func TestAHashIsDoneAgainAfterACut(t *testing.T) {
	server, target := serve(t, sshserver.Options{})
	target, ready, release := slowHash(t, target)
	c := dial(t, target)
	done := describe(t, t.Context(), c)
	readAll(t, ready)
	server.Cut()
	readAll(t, ready) // of the second
	if err := os.WriteFile(release, []byte("go\n"), 0o600); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAHashWhereSessionsAreFew(t *testing.T) {
	c := dial(t, sshd(t, "MaxSessions 1"))
	if err := <-describe(t, t.Context(), c); err != nil {
		t.Error(err)
	}
	if _, err := c.Describe(t.Context(), "/etc/passwd"); err != nil {
		t.Error(err)
	}
	if _, err := c.Describe(t.Context(), "/etc/no such"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if got, err := c.Describe(t.Context(), "/etc"); err == nil {
		t.Errorf("got %+v", got)
	}
}
