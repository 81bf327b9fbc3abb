package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"lockstep/steps"
)

const (
	// recallFor is how long a lost connection is made again to learn how a
	// job ended.
	recallFor = 2 * time.Minute
	// recallEvery is the pause between two tries.
	recallEvery = 2 * time.Second
	// jobLost is the code for a job whose directory is gone or whose process
	// died without a result.
	jobLost = 94
	// jobBefore is the code for a job whose before failed.
	jobBefore = 96
	// jobRefused is the code for a host with no place for the job's directory.
	jobRefused = 95
)

// errBefore says that a job was not started because its before failed.
var errBefore = errors.New("the preparation failed")

// errNoResult is the host's answer that it knows no more of a job: asking again
// does not help.
var errNoResult = fmt.Errorf("no result: %w", steps.ErrUnreachable)

// job is a script that runs detached from the connection. Its pid, output and
// exit code are in a private directory on the host until they were fetched.
type job struct {
	base   string // where its directory is, or else /tmp
	before string // runs in the sh first; the job starts only if it succeeds
	id     string
	script string
	stdin  []byte
	feed   *feed  // who is told what it writes while it runs; may be nil
	recall bool   // the result is looked up again after the connection was lost
	ended  string // what came in between, once something has
}

// Run executes a command that may change the host. It runs detached, so that a
// lost connection does not end it: for a Long command the result is fetched
// after reconnecting. When ctx ends, the command's process group gets a TERM.
func (c *Conn) Run(ctx context.Context, cmd steps.Command) (steps.Output, error) {
	script, err := execScript(cmd)
	if err != nil {
		return steps.Output{}, err
	}
	j := job{base: c.target.RunDir, id: nonce(), script: script, stdin: cmd.Stdin, feed: newFeed(cmd), recall: cmd.Long}
	out, err := c.runJob(ctx, j)
	j.feed.finish(out)
	if err != nil {
		return steps.Output{}, fmt.Errorf("%s: %w", cmd, err)
	}
	return out, nil
}

func (c *Conn) runJob(ctx context.Context, j job) (steps.Output, error) {
	if !j.recall {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(c.ended, cancel)()
		c.jobs.Add(1)
		defer c.jobs.Done()
	}
	l, s, err := c.shell(ctx, (*link).writeShell)
	if err != nil {
		return steps.Output{}, err
	}
	f := j.feed.follow()
	a, err := c.await(ctx, l, s, j, f.request(j.startScript(f)))
	if errors.Is(err, errShellGone) {
		j.ended = l.ending()
		return c.recall(ctx, j)
	}
	if err != nil {
		return steps.Output{}, err
	}
	return c.result(s, j, a)
}

// await makes a request that ends with the job. When ctx ends, so does the job.
func (c *Conn) await(ctx context.Context, l *link, s *shell, j job, r *request) (answer, error) {
	if ctx.Err() != nil {
		return answer{}, ctx.Err()
	}
	patient, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		l.endJob(j)
		giveUp() // of a job that does not end
	})
	a, err := s.ask(patient, r)
	if stop() {
		return a, err
	}
	<-ended
	return a, ctx.Err()
}

// recall looks up a job's result after the connection was lost.
func (c *Conn) recall(ctx context.Context, j job) (steps.Output, error) {
	if !j.recall {
		return steps.Output{}, c.outcomeUnknown(j, steps.ErrUnreachable, j.ended)
	}
	deadline := time.Now().Add(recallFor)
	for time.Now().Before(deadline) {
		out, err := c.recallOnce(ctx, j)
		gone := errors.Is(err, errShellGone) || errors.Is(err, steps.ErrUnreachable)
		if !gone || errors.Is(err, errNoResult) {
			return out, err
		}
		if errors.Is(err, errClosed) {
			break
		}
		if errors.Is(err, errShellGone) { // it was there, and was lost again
			deadline = time.Now().Add(recallFor)
		}
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-c.ended.Done():
		case <-time.After(recallEvery):
		}
	}
	return steps.Output{}, c.outcomeUnknown(j, steps.ErrUnreachable, j.came("no connection came back"))
}

func (c *Conn) recallOnce(ctx context.Context, j job) (steps.Output, error) {
	l, s, err := c.shell(ctx, (*link).writeShell)
	switch {
	case errors.Is(err, steps.ErrRefused): // the job may have run all the same
		return steps.Output{}, c.outcomeUnknown(j, errNoResult, j.came("the next connection was refused: "+err.Error()))
	case err != nil:
		return steps.Output{}, err
	}
	f := j.feed.follow()
	a, err := c.await(ctx, l, s, j, f.request(j.waitScript(f)))
	if err != nil {
		return steps.Output{}, err
	}
	return c.result(s, j, a)
}

// result takes a job's answer apart and removes its directory.
func (c *Conn) result(s *shell, j job, a answer) (steps.Output, error) {
	switch a.code {
	case 0:
		s.post(j.removeScript())
		return parseResult(a.out)
	case jobRefused:
		return steps.Output{}, &steps.Problem{
			What: "no place for a private directory under " + j.base + " or /tmp",
			Why:  string(bytes.TrimSpace(a.err)),
			Do:   "make room there, or make it writable for " + c.target.User,
			Err:  steps.ErrRefused,
		}
	case jobBefore:
		return steps.Output{Stdout: a.out, Stderr: a.err, Code: jobBefore}, errBefore
	case jobLost:
		return steps.Output{}, c.outcomeUnknown(j, errNoResult, j.came("the host has no result of it: it never began, was ended, or the host restarted"))
	}
	return steps.Output{}, fmt.Errorf("the remote sh answers with code %d: %s", a.code, bytes.TrimSpace(a.err))
}

// came says what was found after what came in between.
func (j job) came(found string) string {
	if j.ended == "" {
		return found
	}
	return j.ended + ", and " + found
}

func (c *Conn) outcomeUnknown(j job, cause error, why string) error {
	return &steps.Problem{
		What: fmt.Sprintf("%s: the outcome is unknown", c.target.hostport()),
		Why:  why,
		Do: fmt.Sprintf("look on the host in %s or /tmp/lockstep-%s: rc has the exit code once it has ended, out and err what it wrote",
			j.dir(), j.id),
		Err: cause,
	}
}

// parseResult reads "CODE OUTBYTES ERRBYTES", a newline, and the bytes.
func parseResult(b []byte) (steps.Output, error) {
	head, rest, _ := bytes.Cut(b, []byte("\n"))
	var code, out, errs int
	if _, err := fmt.Sscan(string(head), &code, &out, &errs); err != nil {
		return steps.Output{}, fmt.Errorf("the result of the command is cut: %q", head)
	}
	if out < 0 || errs < 0 || out > outputLimit || errs > outputLimit {
		return steps.Output{}, fmt.Errorf("%w; its exit code was %d", errTooMuch, code)
	}
	if len(rest) != out+errs {
		return steps.Output{}, fmt.Errorf("the result of the command is cut: %w", io.ErrUnexpectedEOF)
	}
	return steps.Output{Code: code, Stdout: rest[:out], Stderr: rest[out:]}, nil
}

// endJob ends a job's process group and waits a moment until it is gone.
func (l *link) endJob(j job) {
	ctx, cancel := context.WithTimeout(context.Background(), l.target.Timeout)
	defer cancel()
	_, err := l.once(ctx, `d=`+j.dir()+`; [ -d "$d" ] || d=/tmp/lockstep-`+j.id+`; `+
		`i=0; while [ ! -s "$d/pid" ] && [ $i -lt 5 ]; do i=$((i+1)); sleep 0.2 2>/dev/null || sleep 1; done; `+
		`read -r p <"$d/pid" || exit 0; kill -TERM "-$p" 2>/dev/null || kill -TERM "$p" 2>/dev/null; `+
		`i=0; while [ $i -lt 10 ]; do i=$((i+1)); kill -0 "$p" 2>/dev/null || { rm -rf "$d"; exit 0; }; sleep 0.2 2>/dev/null || sleep 1; done; exit 1`)
	if err != nil && l.alive() {
		l.log.Warn("a command could not be ended", "host", l.target.Name, "error", err)
	}
}
