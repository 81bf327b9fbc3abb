package acmepki

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

// HTTP shows names by http-01: it answers the server's question for
// http://NAME/.well-known/acme-challenge/TOKEN, wherever that leads here.
type HTTP struct {
	l       net.Listener
	s       *http.Server
	mu      sync.Mutex
	answers map[string]string // by path
	asked   map[string]bool
}

// headerTime bounds how long somebody may take to ask.
const headerTime = 10 * time.Second

// Listen begins to answer at an address such as ":80". Close ends it.
func Listen(ctx context.Context, address string) (*HTTP, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	h := &HTTP{l: l, answers: map[string]string{}, asked: map[string]bool{}}
	h.s = &http.Server{Handler: h, ReadHeaderTimeout: headerTime, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = h.s.Serve(l) }() // it ends with Close
	return h, nil
}

// Close ends listening.
func (h *HTTP) Close() error { return h.s.Close() }

// Addr is where it listens.
func (h *HTTP) Addr() net.Addr { return h.l.Addr() }

// Type is http-01.
func (*HTTP) Type() string { return "http-01" }

// Show answers for the token from now on.
func (h *HTTP) Show(_ context.Context, c *acme.Client, _, token string) (func(context.Context) error, error) {
	text, err := c.HTTP01ChallengeResponse(token)
	if err != nil {
		return nil, err
	}
	path := c.HTTP01ChallengePath(token)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[path] = text
	return func(context.Context) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.answers, path)
		return nil
	}, nil
}

// Doubt tells when nobody asked.
func (h *HTTP) Doubt(token string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked[(&acme.Client{}).HTTP01ChallengePath(token)] {
		return ""
	}
	return fmt.Sprintf("nobody asked here at %s: port 80 of the name must lead to it, by a redirect or a proxy", h.l.Addr())
}

func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	text, ok := h.answers[r.URL.Path]
	if ok {
		h.asked[r.URL.Path] = true
	}
	h.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = io.WriteString(w, text)
}
