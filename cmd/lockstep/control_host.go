package main

import (
	"context"

	"lockstep/executor"
	"lockstep/executor/local"
	"lockstep/steps"
)

// controlHost lets a step work on the control machine outside of a run, each
// write at once.
type controlHost struct{ local.Machine }

var _ steps.Host = controlHost{}

// WriteFile replaces a file in one act.
func (c controlHost) WriteFile(ctx context.Context, path string, data []byte, a steps.Attrs) error {
	return c.put(ctx, executor.Write{Op: executor.PutFile, Path: path, Data: data, Attrs: a})
}

// WriteContent is WriteFile for content that is opened when it is written.
func (c controlHost) WriteContent(ctx context.Context, path string, from *steps.Content, a steps.Attrs) error {
	return c.put(ctx, executor.Write{Op: executor.PutFile, Path: path, From: from, Attrs: a})
}

// SetAttrs changes what is at path.
func (c controlHost) SetAttrs(ctx context.Context, path string, a steps.Attrs) error {
	return c.put(ctx, executor.Write{Op: executor.PutAttrs, Path: path, Attrs: a})
}

// Mkdir makes one directory.
func (c controlHost) Mkdir(ctx context.Context, path string, a steps.Attrs) error {
	return c.put(ctx, executor.Write{Op: executor.PutDir, Path: path, Attrs: a})
}

// Remove deletes what is at path.
func (c controlHost) Remove(ctx context.Context, path string) error {
	return c.put(ctx, executor.Write{Op: executor.PutGone, Path: path})
}

// Exec runs a command.
func (c controlHost) Exec(ctx context.Context, cmd steps.Command) (steps.Output, error) {
	return c.Run(ctx, cmd)
}

func (c controlHost) put(ctx context.Context, w executor.Write) error {
	at, was, err := steps.Follow(ctx, c, w.Path)
	if err != nil || w.Op == executor.PutGone && was.Kind == steps.Absent {
		return err
	}
	w.Path, w.Was = at, was
	return c.Commit(ctx, []executor.Write{w})
}
