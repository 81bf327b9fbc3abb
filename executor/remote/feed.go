package remote

import (
	"fmt"
	"sync"

	"lockstep/steps"
)

// The two parts into which a request whose output is followed is cut: what the
// job writes while it runs, and the answer.
const (
	partLive   = 1
	partAnswer = 2
)

// feed passes on what a job writes, each byte once and in order, however often
// the connection is made again.
type feed struct {
	mu   sync.Mutex
	said func(stderr bool, piece []byte)
	seen [2]int // bytes of stdout and stderr that were passed on
	turn int    // of the attempts, the one that may speak
}

// newFeed returns nil for a command that nobody follows.
func newFeed(c steps.Command) *feed {
	if !c.Long || c.Said == nil {
		return nil
	}
	return &feed{said: c.Said}
}

// follow begins an attempt to follow the job from where the last one came to,
// which is not heard any more.
func (f *feed) follow() follower {
	if f == nil {
		return follower{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn++
	turn := f.turn
	return follower{mark: nonce(), from: f.seen, say: func(stderr bool, piece []byte) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if turn == f.turn {
			f.pass(stderr, piece)
		}
	}}
}

func (f *feed) pass(stderr bool, piece []byte) {
	at := 0
	if stderr {
		at = 1
	}
	f.seen[at] += len(piece)
	f.said(stderr, piece)
}

// finish passes on what the result has beyond that, and ends the feed.
func (f *feed) finish(out steps.Output) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn++
	for at, all := range [2][]byte{out.Stdout, out.Stderr} {
		if rest := all[min(f.seen[at], len(all)):]; len(rest) > 0 {
			f.pass(at == 1, rest)
		}
	}
}

// follower is one attempt to follow a job. The zero follower follows nothing.
type follower struct {
	mark string
	from [2]int
	say  func(stderr bool, piece []byte)
}

// startScript lets a process of its own send what the job in $d writes, twice a
// second and no more than 512 KiB then. The job writes into its files all the
// same, so that nothing of this can block or end it.
func (f follower) startScript() string {
	if f.mark == "" {
		return ""
	}
	return f.part(partLive) + `: >>"$d/out"; : >>"$d/err"
(trap 'exit 0' TERM; exec 7<"$d/out" 8<"$d/err"
` + skipScript(f.from[0], "7") + skipScript(f.from[1], "8") + `while [ ! -s "$d/rc" ] && kill -0 $$ 2>/dev/null; do
{ sleep 0.5 || sleep 1; } 7<&- 8<&- >/dev/null 2>&1 & wait $!
[ ! -s "$d/out" ] || dd bs=65536 count=4 <&7 2>/dev/null || exit 0
[ ! -s "$d/err" ] || dd bs=65536 count=4 <&8 >&2 2>/dev/null || exit 0
done) & f=$!
`
}

// stopScript ends that process, between two pieces.
func (f follower) stopScript() string {
	if f.mark == "" {
		return ""
	}
	return "kill $f 2>/dev/null; wait $f 2>/dev/null\n" + f.part(partAnswer)
}

// part says on both streams which part follows.
func (f follower) part(id int) string {
	line := fmt.Sprintf(`printf '%%s\n' '%s b %d'`, f.mark, id)
	return line + "; " + line + " >&2\n"
}

// skipScript reads past n bytes. A count of 0 is everything to some dd.
func skipScript(n int, fd string) string {
	const block = 65536
	script := ""
	if n >= block {
		script = fmt.Sprintf("dd bs=%d count=%d <&%s >/dev/null 2>&1\n", block, n/block, fd)
	}
	if n%block > 0 {
		script += fmt.Sprintf("dd bs=%d count=1 <&%s >/dev/null 2>&1\n", n%block, fd)
	}
	return script
}

// request asks for what follows.
func (f follower) request(script string) *request {
	r := &request{script: script}
	if f.mark != "" {
		for i := range r.parts {
			r.parts[i] = newScanner(f.mark, nil)
			r.parts[i].id = partAnswer
		}
		r.say = f.say
	}
	return r
}

// cut gives the parts of a followed request to those whom they are for.
type cut struct {
	stream  *stream
	request *request
}

func (c cut) begin(int)    {}
func (c cut) end(int, int) {}

func (c cut) data(part int, b []byte) {
	if part == partLive {
		c.request.say(c.stream.stderr, b)
		return
	}
	c.stream.keep(c.request, b)
}
