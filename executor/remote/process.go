package remote

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"lockstep/steps"
)

// noiseLimit is how much text of rc files and banners is passed over before a
// process has to report.
const noiseLimit = 1 << 20

// errNoExec says that the host refused to run a command.
var errNoExec = errors.New("the host refuses the request to run one")

// process is a program on the host behind a channel of its own, running as the
// user that Become names, past all noise of login shells and sudo.
type process struct {
	session *ssh.Session
	in      io.WriteCloser
	out     *bufio.Reader
	said    *tap
	pid     int
}

// nonce is a name that nobody on the host can guess.
func nonce() string { return rand.Text() }

// start runs script in a clean sh and returns when that sh is there. script
// may end in an exec.
func start(ctx context.Context, client *ssh.Client, t Target, script string) (*process, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	session, err := newSession(ctx, client)
	if err != nil {
		return nil, startProblem(ctx, t, nil, err)
	}
	p := &process{session: session, said: &tap{}}
	stop := context.AfterFunc(ctx, func() { _ = session.Close() })
	err = p.begin(t, script)
	if errors.Is(err, io.EOF) { // it ended by itself and will say how
		err = errors.Join(err, session.Wait())
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = session.Close()
		return nil, startProblem(ctx, t, p, err)
	}
	return p, nil
}

// newSession opens a channel; one that arrives after ctx has ended is closed.
func newSession(ctx context.Context, client *ssh.Client) (*ssh.Session, error) {
	type opened struct {
		session *ssh.Session
		err     error
	}
	got := make(chan opened, 1)
	go func() {
		s, err := client.NewSession()
		got <- opened{s, err}
	}()
	select {
	case o := <-got:
		return o.session, o.err
	case <-ctx.Done():
		go func() {
			if o := <-got; o.err == nil {
				_ = o.session.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

func (p *process) begin(t Target, script string) error {
	in, err := p.session.StdinPipe()
	if err != nil {
		return err
	}
	p.in = pieces{in}
	out, err := p.session.StdoutPipe()
	if err != nil {
		return err
	}
	p.out = bufio.NewReaderSize(out, 4<<10)
	boot := newBoot(t, script)
	p.said.watch(boot.prompt, func(times int) { p.answer(t.Become.Password, times) })
	p.session.Stderr = p.said
	if err := p.session.Start(boot.line); err != nil {
		if strings.HasPrefix(err.Error(), "ssh: command ") { // and then the whole line
			err = errNoExec
		}
		return err
	}
	p.pid, err = awaitReady(p.out, boot.ready)
	return err
}

// pieces writes in packets of no more than packetSize: x/crypto/ssh keeps a
// buffer of the biggest one for each channel and one more for each connection.
type pieces struct{ io.WriteCloser }

const packetSize = 8 << 10

// Write writes all of b.
func (p pieces) Write(b []byte) (written int, err error) {
	for piece := range slices.Chunk(b, packetSize) {
		n, err := p.WriteCloser.Write(piece)
		if written += n; err != nil {
			return written, err
		}
	}
	return written, nil
}

// answer gives the password to whom asks for the first time, and hangs up
// otherwise: a second try could lock the account.
func (p *process) answer(password string, times int) {
	if times > 1 || password == "" {
		_ = p.session.Close()
		return
	}
	_, _ = io.WriteString(p.in, password+"\n")
}

// awaitReady passes over noise up to the line "ready PID".
func awaitReady(r *bufio.Reader, ready string) (pid int, err error) {
	for read := 0; read < noiseLimit; {
		line, err := r.ReadSlice('\n')
		read += len(line)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return 0, err
		}
		if rest, found := strings.CutPrefix(string(line), ready+" "); found {
			return strconv.Atoi(strings.TrimSpace(rest))
		}
	}
	return 0, fmt.Errorf("only noise for %d bytes", noiseLimit)
}

// end closes the channel and returns when nothing of it is left on our side.
func (p *process) end() {
	_ = p.in.Close()
	_ = p.session.Close()
	_, _ = io.Copy(io.Discard, p.out)
	_ = p.session.Wait()
}

// startProblem explains why a process did not come up.
func startProblem(ctx context.Context, t Target, p *process, err error) error {
	var open *ssh.OpenChannelError
	if errors.As(err, &open) {
		return &steps.Problem{
			What: fmt.Sprintf("%s does not open a session", t.login()),
			Why:  open.Error(),
			Do:   "check MaxSessions and ForceCommand in its sshd_config",
			Err:  steps.ErrRefused,
		}
	}
	if errors.Is(err, errNoExec) {
		return &steps.Problem{
			What: fmt.Sprintf("%s runs no command", t.login()),
			Why:  err.Error(),
			Do:   "let the user run commands: see the shell and the options of its key, and ForceCommand in sshd_config",
			Err:  steps.ErrRefused,
		}
	}
	if p == nil || p.pid != 0 {
		return lost(ctx, t, err)
	}
	return shProblem(ctx, t, p.said, err)
}

// lost is the error of everything that was under way when a connection broke.
func lost(ctx context.Context, t Target, err error) error {
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	why := "the connection broke"
	if err != nil && !errors.Is(err, io.EOF) {
		why = err.Error()
	}
	return &steps.Problem{
		What: fmt.Sprintf("the connection to %s was lost", t.login()),
		Why:  why,
		Err:  steps.ErrUnreachable,
	}
}

// tap keeps the first words of a stream, may look for a prompt in them, and hands
// the stream on once somebody wants it.
type tap struct {
	mu     sync.Mutex
	text   []byte
	prompt string
	asked  func(times int)
	times  int
	sink   io.Writer
}

// tapLimit is how much is kept of what a process says on stderr while it starts.
const tapLimit = 16 << 10

func (t *tap) watch(prompt string, asked func(times int)) { t.prompt, t.asked = prompt, asked }

// pass hands everything from now on to sink.
func (t *tap) pass(sink io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sink = sink
}

func (t *tap) Write(b []byte) (int, error) {
	t.mu.Lock()
	sink := t.sink
	asked := 0
	if sink == nil && len(t.text) < tapLimit {
		t.text = append(t.text, b...)
		if n := strings.Count(string(t.text), t.prompt); t.asked != nil && n > t.times {
			t.times, asked = n, n
		}
	}
	t.mu.Unlock()
	if sink != nil {
		return sink.Write(b)
	}
	if asked > 0 {
		t.asked(asked)
	}
	return len(b), nil
}

// ReadFrom is Write for all of r. It is here for its small buffer: every process
// has a stderr, and most say nothing there.
func (t *tap) ReadFrom(r io.Reader) (read int64, err error) {
	buf := make([]byte, 2<<10)
	for {
		n, err := r.Read(buf)
		read += int64(n)
		if n > 0 {
			_, _ = t.Write(buf[:n]) // it never fails
		}
		if errors.Is(err, io.EOF) {
			return read, nil
		}
		if err != nil {
			return read, err
		}
	}
}

// words is what was said, without our own prompts.
func (t *tap) words() (text string, asked int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.ReplaceAll(string(t.text), t.prompt, "")), t.times
}
