package remote

// request is one script and its answer.
type request struct {
	id       int
	script   string
	begun    bool
	dropped  bool // nobody waits for the answer
	streams  int  // of stdout and stderr, how many have ended
	out, err []byte
	code     int
	failed   error
	done     chan struct{}

	look    *lookup    // what it asks, if others may be answered with it
	members []*request // whom it answers, if it is such a group
	group   *request   // with whom it waits for an answer

	// Of a job that is followed: what it writes meanwhile goes to say, and only
	// the rest is the answer. parts cut stdout and stderr; nil when all is.
	say   func(stderr bool, piece []byte)
	parts [2]*scanner
}

// cutUp has the request's streams cut into their parts, if it has any.
func (r *request) cutUp(s *shell) {
	for i, parts := range r.parts {
		if parts != nil {
			parts.to = cut{&stream{shell: s, stderr: i == 1}, r}
		}
	}
}

// answer is what a script wrote and how it ended.
type answer struct {
	out, err []byte
	code     int
}

// stream is one of the two output streams of a shell.
type stream struct {
	shell  *shell
	stderr bool
}

func (w *stream) index() int {
	if w.stderr {
		return 1
	}
	return 0
}

func (w *stream) begin(id int) {
	s := w.shell
	s.mu.Lock()
	r := s.pending[id]
	hung := r != nil && r.dropped && !r.begun
	if r != nil {
		r.begun = true
	}
	s.mu.Unlock()
	if hung {
		s.giveUp()
	}
}

func (w *stream) data(id int, b []byte) {
	s := w.shell
	s.mu.Lock()
	r := s.pending[id]
	s.mu.Unlock()
	if r == nil {
		return
	}
	if parts := r.parts[w.index()]; parts != nil {
		_, _ = parts.Write(b)
		return
	}
	w.keep(r, b)
}

func (w *stream) keep(r *request, b []byte) {
	s := w.shell
	s.mu.Lock()
	fits := r.dropped || r.keep(b, w.stderr)
	s.mu.Unlock()
	if !fits {
		s.giveUp()
	}
}

// keep adds to the answer; it ends the request when that gets too much.
func (r *request) keep(b []byte, stderr bool) bool {
	to := &r.out
	if stderr {
		to = &r.err
	}
	if len(*to)+len(b) > outputLimit {
		r.failed, r.dropped, r.out, r.err = errTooMuch, true, nil, nil
		close(r.done)
		return false
	}
	*to = append(*to, b...)
	return true
}

func (w *stream) end(id, code int) {
	s := w.shell
	s.mu.Lock()
	r := s.pending[id]
	s.mu.Unlock()
	if r == nil {
		return
	}
	if parts := r.parts[w.index()]; parts != nil {
		parts.flush()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !w.stderr {
		r.code = code
	}
	if r.streams++; r.streams < 2 {
		return
	}
	delete(s.pending, id)
	if r.members != nil {
		s.part(r)
		return
	}
	if !r.dropped {
		close(r.done)
	}
}
