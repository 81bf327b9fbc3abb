package remote

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"
	"time"

	"al.essio.dev/pkg/shellescape"

	"lockstep/executor"
	"lockstep/steps"
)

// commitPatience bounds the moment in which files are moved into place. It is
// not cut short by the end of a context.
const commitPatience = 2 * time.Minute

// staged is one write of a batch with the private file that holds its payload.
type staged struct {
	executor.Write
	real string // the path behind a link
	temp string // beside real; empty when there is no payload
}

// Commit makes the writes of a batch. Once all payloads are staged, ctx does
// not interrupt it any more; a lost connection does not either, and is made
// again to learn how it ended.
func (c *Conn) Commit(ctx context.Context, batch []executor.Write) error {
	if len(batch) == 0 {
		return nil
	}
	plan, err := c.place(ctx, batch)
	if err != nil {
		return err
	}
	before, at, err := c.stage(ctx, plan)
	if err == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		c.discard(plan, keepsParts(ctx, err))
		return &executor.CommitError{Path: plan[at].Path, Err: err}
	}
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.patience)
	defer cancel()
	j := job{base: c.target.RunDir, id: nonce(), before: before, script: commitScript(plan), recall: true}
	out, err := c.runJob(patient, j)
	if err != nil && patient.Err() != nil { // it may still move files, and removes itself what it does not
		err = c.outcomeUnknown(j, steps.ErrUnreachable, fmt.Sprintf("it did not end within %s; it is not interrupted and may still move files", c.patience))
		return &executor.CommitError{Path: plan[at].Path, Err: err}
	}
	if errors.Is(err, errBefore) {
		at, err = inlineError(plan, out)
	}
	if err != nil {
		c.discard(plan, keepsParts(ctx, err))
		return &executor.CommitError{Path: plan[at].Path, Err: err}
	}
	return judge(plan, out)
}

// place decides where each payload waits: beside its target, or, where the
// batch itself makes the directory, beside that.
func (c *Conn) place(ctx context.Context, batch []executor.Write) ([]staged, error) {
	made := map[string]bool{}
	for _, w := range batch {
		if w.Op == executor.PutDir && w.Was.Kind != steps.Directory {
			made[path.Clean(w.Path)] = true
		}
	}
	id := nonce()
	plan := make([]staged, len(batch))
	for i, w := range batch {
		plan[i] = staged{Write: w, real: w.Path}
		if w.Op != executor.PutFile {
			continue
		}
		if w.Was.Kind == steps.Link {
			real, err := c.resolve(ctx, w.Path)
			if err != nil {
				return nil, &executor.CommitError{Path: w.Path, Err: err}
			}
			plan[i].real = real
		}
		dir := path.Dir(path.Clean(plan[i].real))
		for made[dir] {
			dir = path.Dir(dir)
		}
		plan[i].temp = path.Join(dir, fmt.Sprintf(".lockstep-%s-%d", id, i))
		if w.From != nil {
			plan[i].temp = path.Join(dir, partName(plan[i].real, w.From))
		}
	}
	return plan, nil
}

// resolve says where a link leads, which need not exist.
func (c *Conn) resolve(ctx context.Context, link string) (string, error) {
	a, err := c.ask(ctx, "readlink -f -- "+shellescape.Quote(link))
	if err != nil {
		return "", err
	}
	real := strings.TrimSuffix(string(a.out), "\n")
	if a.code != 0 || real == "" {
		return "", fmt.Errorf("the link leads nowhere: %s", a.err)
	}
	return real, nil
}

// discard removes what was staged, as far as the host can be reached; the parts
// of big files only if they are not kept.
func (c *Conn) discard(plan []staged, keep bool) {
	var script strings.Builder
	script.WriteString("rm -f --")
	found := false
	for _, s := range plan {
		if s.temp != "" && (s.From == nil || !keep) {
			script.WriteString(" " + shellescape.Quote(s.temp))
			found = true
		}
	}
	if !found {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.target.Timeout)
	defer cancel()
	if a, err := c.ask(ctx, script.String()); err != nil || a.code != 0 {
		c.log.Warn("temporary files may be left", "host", c.target.Name, "first", plan[0].temp, "error", err)
	}
}

// judge turns what the guarded script said into an error. A line is a word and
// the number of a write; stderr has the words of the tool that failed.
func judge(plan []staged, out steps.Output) error {
	failed := &executor.CommitError{Path: plan[0].Path}
	for _, line := range strings.Split(strings.TrimSpace(string(out.Stdout)), "\n") {
		var word string
		var i int
		if _, err := fmt.Sscan(line, &word, &i); err != nil || i < 0 || i >= len(plan) {
			continue
		}
		switch word {
		case "done":
			failed.Done = append(failed.Done, plan[i].Path)
		case "drift":
			failed.Path, failed.Err = plan[i].Path, steps.ErrDrifted
		case "fail":
			failed.Path, failed.Err = plan[i].Path, toolError(plan[i], out)
		}
	}
	if failed.Err == nil && out.Code != 0 {
		failed.Err = toolError(plan[0], out)
	}
	if failed.Err == nil {
		return nil
	}
	return failed
}

// toolError is what a tool on the host said about a write.
func toolError(s staged, out steps.Output) error {
	said := strings.TrimSpace(string(out.Stderr))
	if free, known := freeOf(string(out.Stdout)); isFull(s, said, free, known) {
		return fullProblem(s, said, free)
	}
	if said == "" && out.Code != 0 {
		return fmt.Errorf("the script on the host ended with code %d", out.Code)
	}
	return errors.New(said)
}

// room is what is free on a file system.
type room struct {
	bytes int64
	mount string
}

// freeOf finds the line "free KIB MOUNT" that scripts write when they fail.
func freeOf(out string) (room, bool) {
	for _, line := range strings.Split(out, "\n") {
		var r room
		if _, err := fmt.Sscanf(line, "free %d %s", &r.bytes, &r.mount); err == nil {
			r.bytes <<= 10
			return r, true
		}
	}
	return room{}, false
}

// isFull judges by the room that is left where the words do not tell: dash
// says "I/O error", busybox nothing, and SFTP "failure".
func isFull(s staged, said string, free room, known bool) bool {
	has := func(part string) bool { return strings.Contains(said, part) }
	if has("No space left") || has("uota exceeded") {
		return true
	}
	return known && free.bytes < s.Size() && !has("denied") && !has("o such file")
}

func fullProblem(s staged, said string, free room) error {
	why := said
	if free.mount != "" {
		why = fmt.Sprintf("%d KiB are free on %s, the new content has %d", free.bytes>>10, free.mount, (s.Size()+1023)>>10)
	}
	return &steps.Problem{
		What: fmt.Sprintf("no room for %s on its file system; the old content stays", s.real),
		Why:  why,
		Do:   "make room there and start again",
		Err:  syscall.ENOSPC,
	}
}
