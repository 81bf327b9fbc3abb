// Package acmetest is a real ACME server in the process, Pebble, together with
// the name server that it asks; for tests. Pebble 2.6 is the last version whose
// certificates are for both sides of a connection.
package acmetest

import (
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// Options say how the server is to be.
type Options struct {
	Zone     string            // directory of TXT records: a file for each name, a line for each value
	Bindings map[string]string // external accounts that it knows; with some it wants one
	Blocked  []string          // domains that it refuses
	Seconds  uint64            // how long certificates are valid; zero: 5 years
}

// Server is a running one.
type Server struct {
	URL   string // of the directory
	CA    []byte // trusted for the server's own TLS, PEM
	Root  []byte // of the certificates that it signs, PEM
	HTTP  string // where it asks for http-01, whatever the name
	https *httptest.Server
	dns   *dns.Server
}

// Start starts one. Pebble is told by the environment of the process to check
// without its usual random delay.
func Start(o Options) (*Server, error) {
	if err := os.Setenv("PEBBLE_VA_NOSLEEP", "1"); err != nil {
		return nil, err
	}
	zone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{dns: &dns.Server{PacketConn: zone, Handler: records(o.Zone)}}
	go func() { _ = s.dns.ActivateAndServe() }() // it ends with Close
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, s.dns.Shutdown())
	}
	s.HTTP = port.String()
	silent, store := log.New(io.Discard, "", 0), db.NewMemoryStore()
	for id, key := range o.Bindings {
		err = errors.Join(err, store.AddExternalAccountKeyByID(id, key))
	}
	for _, d := range o.Blocked {
		err = errors.Join(err, store.AddBlockedDomain(d))
	}
	if err != nil {
		return nil, errors.Join(err, s.dns.Shutdown())
	}
	authority := ca.New(silent, store, "", 0, 1, o.Seconds)
	checker := va.New(silent, port.Port, port.Port, true, zone.LocalAddr().String(), store)
	front := wfe.New(silent, store, checker, authority, true, len(o.Bindings) > 0, 1, 1)
	s.https = httptest.NewUnstartedServer(front.Handler())
	s.https.Config.ErrorLog = silent
	s.https.StartTLS()
	s.URL = s.https.URL + wfe.DirectoryPath
	s.CA = encode(s.https.Certificate().Raw)
	s.Root = authority.GetRootCert(0).PEM()
	return s, nil
}

// Close ends it.
func (s *Server) Close() error {
	s.https.Close()
	return s.dns.Shutdown()
}

func encode(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// freePort is one that nobody listens at, until somebody does.
func freePort() (*net.TCPAddr, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	at := l.Addr().(*net.TCPAddr)
	return at, l.Close()
}

// records answers TXT from files, and 127.0.0.1 for every name.
func records(zone string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for _, asked := range q.Question {
			header := dns.RR_Header{Name: asked.Name, Rrtype: asked.Qtype, Class: dns.ClassINET}
			switch asked.Qtype {
			case dns.TypeA:
				m.Answer = append(m.Answer, &dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)})
			case dns.TypeTXT:
				for _, value := range values(zone, asked.Name) {
					m.Answer = append(m.Answer, &dns.TXT{Hdr: header, Txt: []string{value}})
				}
			}
		}
		_ = w.WriteMsg(m) // who asked is gone
	}
}

func values(zone, name string) []string {
	text, err := os.ReadFile(filepath.Join(zone, filepath.Base(strings.ToLower(name))))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return strings.Fields(string(text))
}
