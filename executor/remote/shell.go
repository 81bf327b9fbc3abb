package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// outputLimit is the most bytes of one output stream that are held in memory.
const outputLimit = 64 << 20

var (
	// errShellGone ends every request of a remote sh that is no more.
	errShellGone = errors.New("the remote sh ended")
	errTooMuch   = fmt.Errorf("the command wrote over %d MiB and was ended", outputLimit>>20)
)

// shell is a long-lived remote sh. Requests of many goroutines are answered in
// the order in which they came; those that arrive while others are being sent
// go out together.
type shell struct {
	process *process
	mark    string
	kill    func(pid int) // ends a process and all below it

	mu      sync.Mutex
	prelude string // goes before the first request
	last    int
	queue   []*request // not sent yet, in order
	pending map[int]*request
	wake    chan struct{}
	broken  bool
	leave   chan struct{} // closed when no request will follow
	gone    chan struct{}
	work    sync.WaitGroup
}

// startShell starts a sh that knows the functions of prelude.
func startShell(ctx context.Context, client *ssh.Client, t Target, prelude string, kill func(pid int)) (*shell, error) {
	p, err := start(ctx, client, t, "exec sh")
	if err != nil {
		return nil, err
	}
	s := &shell{
		process: p, mark: nonce(), kill: kill, prelude: prelude,
		pending: map[int]*request{},
		wake:    make(chan struct{}, 1),
		leave:   make(chan struct{}), gone: make(chan struct{}),
	}
	p.said.pass(newScanner(s.mark, &stream{shell: s, stderr: true}))
	s.work.Add(2)
	go s.read()
	go s.write()
	return s, nil
}

// do runs script in a subshell and returns its answer. errShellGone leaves
// open whether it ran. When ctx ends first, the script is ended too.
func (s *shell) do(ctx context.Context, script string) (answer, error) {
	return s.ask(ctx, &request{script: script})
}

// ask is do for a request as a whole.
func (s *shell) ask(ctx context.Context, r *request) (answer, error) {
	if err := s.send(r); err != nil {
		return answer{}, err
	}
	return s.await(ctx, r)
}

// send puts requests into the queue, whose answers are then awaited.
func (s *shell) send(all ...*request) error {
	for _, r := range all {
		r.done = make(chan struct{})
		r.cutUp(s)
	}
	if !s.enqueue(all...) {
		return errShellGone
	}
	return nil
}

// await returns the answer of a request that is in the queue or was sent.
func (s *shell) await(ctx context.Context, r *request) (answer, error) {
	select {
	case <-r.done:
		return answer{r.out, r.err, r.code}, r.failed
	case <-s.gone:
		return answer{}, errShellGone
	case <-ctx.Done():
		s.drop(r)
		return answer{}, ctx.Err()
	}
}

// post sends a script whose answer nobody needs.
func (s *shell) post(script string) {
	s.enqueue(&request{script: script, dropped: true, begun: true, done: make(chan struct{})})
}

func (s *shell) enqueue(all ...*request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return false
	}
	for _, r := range all {
		s.last++
		r.id = s.last
		s.pending[r.id] = r
	}
	s.queue = append(s.queue, all...)
	s.stir()
	return true
}

// stir has the queue sent.
func (s *shell) stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// drop forgets a request. When the sh is running it, the sh is given up: it is
// the only way to be sure that no other request is hit.
func (s *shell) drop(r *request) {
	s.mu.Lock()
	r.dropped = true
	for i, q := range s.queue {
		if q == r {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			delete(s.pending, r.id)
			break
		}
	}
	running := r.begun
	if g := r.group; g != nil {
		g.dropped = !slices.ContainsFunc(g.members, func(m *request) bool { return !m.dropped })
		running = g.dropped && g.begun
	}
	s.mu.Unlock()
	if running {
		s.giveUp()
	}
}

// giveUp ends the sh and all that it runs, in the background. Its other
// requests end with errShellGone.
func (s *shell) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return
	}
	s.broken = true
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		s.kill(s.process.pid)
		_ = s.process.session.Close()
	}()
}

func (s *shell) write() {
	defer s.work.Done()
	for {
		select {
		case <-s.gone:
			return
		case <-s.leave:
			_, _ = io.WriteString(s.process.in, s.batch())
			_ = s.process.in.Close()
			return
		case <-s.wake:
		}
		s.gather()
		if _, err := io.WriteString(s.process.in, s.batch()); err != nil {
			return
		}
	}
}

// gather lets those queue up who are about to, which costs no time where nobody
// is.
func (s *shell) gather() {
	for waiting := -1; ; runtime.Gosched() {
		s.mu.Lock()
		n := len(s.queue)
		s.mu.Unlock()
		if n == waiting {
			return
		}
		waiting = n
	}
}

// batch takes all that waits as one text.
func (s *shell) batch() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.together()
	var text strings.Builder
	text.WriteString(s.prelude)
	s.prelude = ""
	for _, r := range s.queue {
		text.WriteString(framed(s.mark, r.id, r.script))
		r.script = ""
	}
	s.queue = nil
	return text.String()
}

func (s *shell) read() {
	defer s.work.Done()
	_, _ = io.Copy(newScanner(s.mark, &stream{shell: s}), s.process.out)
	s.mu.Lock()
	s.broken = true
	s.mu.Unlock()
	close(s.gone)
	_ = s.process.session.Close()
	_ = s.process.session.Wait()
}

// busy reports whether a script is under way or about to be.
func (s *shell) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.pending {
		if !r.dropped {
			return true
		}
	}
	return false
}

// leavePatience bounds how long a sh may take to end by itself.
const leavePatience = 2 * time.Second

// finish ends what somebody still waits for, and lets what was posted be done.
// The sh itself ends with the connection; wait returns when it has.
func (s *shell) finish() {
	if s.busy() {
		s.giveUp()
		s.work.Wait()
		return
	}
	s.mu.Lock()
	idle := len(s.pending) == 0
	s.mu.Unlock()
	if idle {
		return
	}
	close(s.leave)
	select {
	case <-s.gone:
	case <-time.After(leavePatience):
	}
}

func (s *shell) wait() { s.work.Wait() }
