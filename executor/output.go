package executor

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"lockstep/steps"
)

const (
	// outputPause is the least time between two tellings of what a host's
	// command writes, and outputLines the most lines of one.
	outputPause = 500 * time.Millisecond
	outputLines = 10
	// outputRunes is the longest line that is told, outputHeld the most bytes
	// of a line that are held until it ends.
	outputRunes = 400
	outputHeld  = 64 << 10
)

// told returns what lets a host's long commands be heard while they run; the
// caller calls done when the command has ended.
func (r *run) told(host string) func(step string, c steps.Command) (heard steps.Command, done func()) {
	return func(step string, c steps.Command) (steps.Command, func()) {
		o := &outputs{mask: r.Redactor.String, tell: func(stream, text string, skipped int) {
			r.emit(Event{Type: EventOutput, Host: host, Step: step, Stream: stream, Text: text, Skipped: skipped})
		}}
		c.Said = o.said
		return c, o.close
	}
}

// outputs cuts what a command writes into lines and tells them, the latest few
// at a time.
type outputs struct {
	mask func(string) string
	tell func(stream, text string, skipped int)

	mu      sync.Mutex
	streams [2]lines
	waiting []outputLine
	skipped int // lines that came before those that wait, and are not told
	last    time.Time
	timer   *time.Timer // set while a telling is due
	closed  bool
}

type outputLine struct{ stream, text string }

// said takes the next piece of a stream.
func (o *outputs) said(stderr bool, piece []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	at, stream := 0, "stdout"
	if stderr {
		at, stream = 1, "stderr"
	}
	for _, line := range o.streams[at].cut(piece) {
		o.wait(stream, line)
	}
	o.due()
}

// wait masks a line as a whole and lets it wait; it is shortened after that, so
// that no part of a secret stays.
func (o *outputs) wait(stream, line string) {
	text := strings.TrimRight(o.mask(strings.ToValidUTF8(line, "\uFFFD")), " \t")
	if text == "" {
		return
	}
	if runes := []rune(text); len(runes) > outputRunes {
		text = string(runes[:outputRunes-1]) + "…"
	}
	if o.waiting = append(o.waiting, outputLine{stream, text}); len(o.waiting) > outputLines {
		o.waiting, o.skipped = o.waiting[1:], o.skipped+1
	}
}

// due tells what waits now, or as soon as the pause is over.
func (o *outputs) due() {
	if len(o.waiting) == 0 || o.timer != nil {
		return
	}
	pause := outputPause - time.Since(o.last)
	if pause <= 0 {
		o.flush()
		return
	}
	o.timer = time.AfterFunc(pause, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.timer = nil
		o.flush()
	})
}

func (o *outputs) flush() {
	for _, line := range o.waiting {
		o.tell(line.stream, line.text, o.skipped)
		o.skipped = 0
	}
	o.waiting, o.last = nil, time.Now()
}

// close tells what is left. Nothing is told after it.
func (o *outputs) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.timer != nil {
		o.timer.Stop()
	}
	for at, stream := range [2]string{"stdout", "stderr"} {
		o.wait(stream, o.streams[at].rest())
	}
	o.flush()
	o.closed = true
}

// lines cuts a stream into lines. A carriage return ends one too, as programs
// use it to show how far they are. A line that is too long is left out, and so
// is a private key.
type lines struct {
	held bytes.Buffer
	long bool // the line is too long
	key  bool // within a private key
}

func (l *lines) cut(piece []byte) (whole []string) {
	for len(piece) > 0 {
		end := bytes.IndexAny(piece, "\r\n")
		if end < 0 {
			l.hold(piece)
			break
		}
		l.hold(piece[:end])
		whole = append(whole, l.rest())
		piece = piece[end+1:]
	}
	return whole
}

func (l *lines) hold(b []byte) {
	if l.long = l.long || l.held.Len()+len(b) > outputHeld; !l.long {
		l.held.Write(b)
	}
}

// rest is the line that is held, without its end.
func (l *lines) rest() string {
	line := l.held.String()
	if l.long {
		line = "(a line of over 64 KiB)"
	}
	l.held.Reset()
	l.long = false
	switch begins, ends := keyMark(line, "-----BEGIN "), keyMark(line, "-----END "); {
	case ends:
		l.key = false
		return "(a private key)"
	case begins:
		l.key = true
		return ""
	case l.key:
		return ""
	}
	return line
}

func keyMark(line, word string) bool {
	_, rest, found := strings.Cut(line, word)
	return found && strings.Contains(rest, "PRIVATE KEY-----")
}
