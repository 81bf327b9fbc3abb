package remote

import (
	"bytes"
	"strconv"
	"strings"
)

// scanner cuts one output stream of the remote sh into frames. A frame is a
// line "MARK b ID", the bytes, and a line "MARK e ID CODE". MARK cannot be
// guessed on the host, so any bytes may stand in a frame; what stands between
// frames belongs to nobody and is dropped.
type scanner struct {
	mark []byte
	to   frames
	held []byte
	id   int // the open frame, or -1
}

// frames receives what a scanner finds.
type frames interface {
	begin(id int)
	data(id int, b []byte)
	end(id, code int)
}

func newScanner(mark string, to frames) *scanner {
	return &scanner{mark: []byte(mark), to: to, id: -1}
}

// Write takes the next bytes of the stream. It never fails.
func (s *scanner) Write(b []byte) (int, error) {
	s.held = append(s.held, b...)
	for s.step() {
	}
	return len(b), nil
}

// step passes on all that is certain and reports whether a marker was taken.
func (s *scanner) step() bool {
	at := bytes.Index(s.held, s.mark)
	if at < 0 {
		s.pass(len(s.held) - s.begun())
		return false
	}
	s.pass(at)
	end := bytes.IndexByte(s.held, '\n')
	if end < 0 {
		return false
	}
	s.take(strings.Fields(string(s.held[len(s.mark):end])))
	s.held = append(s.held[:0], s.held[end+1:]...)
	return true
}

// begun is how many bytes at the end may be the beginning of a marker.
func (s *scanner) begun() int {
	n := min(len(s.mark)-1, len(s.held))
	for !bytes.HasSuffix(s.held, s.mark[:n]) {
		n--
	}
	return n
}

// flush passes on what is held when no marker can follow.
func (s *scanner) flush() { s.pass(len(s.held)) }

func (s *scanner) pass(n int) {
	if s.id >= 0 && n > 0 {
		s.to.data(s.id, s.held[:n])
	}
	s.held = append(s.held[:0], s.held[n:]...)
}

func (s *scanner) take(words []string) {
	if len(words) < 2 {
		return
	}
	id, err := strconv.Atoi(words[1])
	if err != nil {
		return
	}
	if words[0] == "b" {
		s.id = id
		s.to.begin(id)
		return
	}
	code := 0
	if len(words) > 2 {
		code, _ = strconv.Atoi(words[2])
	}
	if code > 256 { // ksh's way to say that a signal ended it
		code += 128 - 256
	}
	s.id = -1
	s.to.end(id, code)
}

// framed wraps script so that its output comes in frame id. It is one compound
// command: a sh that gets only a part of it runs nothing. The script runs in a
// subshell with no stdin, so it can neither leave the sh nor eat what follows.
func framed(mark string, id int, script string) string {
	n := strconv.Itoa(id)
	begin := "printf '%s\\n' '" + mark + " b " + n + "'"
	end := mark + " e " + n
	return "{ " + begin + "; " + begin + " >&2; (\n" + script + "\n) </dev/null; " +
		"printf '%s %s\\n' '" + end + "' \"$?\"; printf '%s\\n' '" + end + "' >&2; }\n"
}
