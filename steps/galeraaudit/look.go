package galeraaudit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"lockstep/internal/optionfile"
	"lockstep/internal/pki"
	"lockstep/internal/tlsprobe"
	"lockstep/steps"
	"lockstep/steps/serverfiles"
	"lockstep/steps/sqlclient"
	"lockstep/steps/wsrep"
)

// look reads the host and its peers at the same time, and then tries the ports.
// A peer whose server or files cannot be read is a fact; a host that is lost is
// an error, since nothing that it was asked for is known.
func (s *step) look(ctx context.Context, v steps.View) (facts, error) {
	readers := append([]steps.Reader{v.Self}, v.Peers()...)
	nodes := make([]node, len(readers))
	f := facts{expiresIn: s.expiresIn}
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { f.now, err = clock(ctx, v.Self) })
	for i, r := range readers {
		wg.Go(func() { nodes[i] = s.node(ctx, r) })
	}
	wg.Wait()
	for _, n := range nodes {
		err = errors.Join(err, n.lost())
	}
	if err := errors.Join(err, nodes[0].err); err != nil {
		return f, err
	}
	f.self, f.peers = nodes[0], nodes[1:]
	if s.handshakes && f.self.member.Running {
		f.wire = look(ctx, v.Self, f)
		if err := f.wire.lost(); err != nil {
			return f, err
		}
	}
	return f, ctx.Err()
}

// lost is the error by which the host went away during its reads, nil if it did
// not.
func (n node) lost() error {
	return lost(n.err, n.tools.err, n.sessions.err, n.accounts.err)
}

// lost is the same of the host that tried the ports; a port that does not answer
// is a fact.
func (w *wire) lost() error {
	all := []error{w.clients.err, w.group.err, w.stranger.err, w.firstErr}
	for _, l := range w.links {
		all = append(all, l.err)
	}
	return lost(all...)
}

// lost is the first of the errors that says that a host cannot be reached.
func lost(all ...error) error {
	i := slices.IndexFunc(all, func(err error) bool { return errors.Is(err, steps.ErrUnreachable) })
	if i < 0 {
		return nil
	}
	return all[i]
}

func clock(ctx context.Context, r steps.Reader) (time.Time, error) {
	c := steps.Command{Argv: []string{"date", "-u", "+%Y-%m-%dT%H:%M:%SZ"}}
	out, err := r.Query(ctx, c)
	if err := steps.Succeed(c, out, err); err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, strings.TrimSpace(string(out.Stdout)))
}

func (s *step) node(ctx context.Context, r steps.Reader) node {
	n := node{name: r.Name(), address: r.Address()}
	var read, asked error
	var wg sync.WaitGroup
	var option *serverfiles.Files
	wg.Go(func() { option, read = serverfiles.Server{}.Read(ctx, r) })
	wg.Go(func() { asked = s.ask(ctx, r, &n) })
	wg.Go(func() { n.tools = findTools(ctx, r) })
	wg.Go(func() { n.sessions = s.findSessions(ctx, r) })
	wg.Go(func() { n.accounts = s.findAccounts(ctx, r) })
	wg.Wait()
	if n.err = errors.Join(read, asked); n.err != nil {
		return n
	}
	if n.err = n.judgeFiles(option.Graph); n.err != nil {
		return n
	}
	if n.manifest, n.err = wsrep.Manifest(ctx, r, n.member.DataDir); n.err != nil {
		return n
	}
	n.err = n.readSets(ctx, r)
	return n
}

func (s *step) ask(ctx context.Context, r steps.Reader, n *node) error {
	service, err := wsrep.FindService(ctx, r, s.service)
	if err != nil {
		return err
	}
	n.member, err = wsrep.Read(ctx, r, service.Name, s.login)
	return err
}

// judgeFiles reads the option files as a server of the member's flavour does; one
// that is down does not tell it.
func (n *node) judgeFiles(all *optionfile.Graph) (err error) {
	if n.files, err = wsrep.FilesOf(all, n.member.Flavour); err != nil {
		return err
	}
	last := func(key string, groups ...string) string {
		found := all.Find(key, groups...)
		if len(found) == 0 {
			return ""
		}
		return found[len(found)-1].Value
	}
	n.sst.mode = strings.ToUpper(last("ssl-mode", "sst"))
	n.sst.client = last("ssl-ca", "client") != "" && last("ssl-cert", "client") != "" && last("ssl-key", "client") != ""
	n.sstMethod = last("wsrep-sst-method", wsrep.Groups(n.member.Flavour)...)
	n.sstAuth = last("wsrep-sst-auth", wsrep.Groups(n.member.Flavour)...) != ""
	return nil
}

// toolsScript never fails: a program that is missing says nothing.
const toolsScript = `# programs of state transfers
socat -V 2>/dev/null | grep -E '^socat version|WITH_OPENSSL'
command -v stunnel stunnel4 2>/dev/null
exit 0`

func findTools(ctx context.Context, r steps.Reader) tools {
	c := steps.Command{Argv: []string{"sh", "-c", toolsScript}}
	out, err := r.Query(ctx, c)
	if err := steps.Succeed(c, out, err); err != nil {
		return tools{err: err}
	}
	return parseTools(string(out.Stdout))
}

func parseTools(text string) tools {
	var t tools
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch fields := strings.Fields(line); {
		case strings.HasPrefix(line, "socat version") && len(fields) > 2:
			t.socat = fields[2]
		case strings.Contains(line, "WITH_OPENSSL 1"):
			t.openSSL = true
		case strings.Contains(line, "stunnel"):
			t.stunnel = true
		}
	}
	return t
}

// The server tells who is connected over the network, and where the performance
// schema is on, how. No statement waits for the cluster.
const (
	tcpSQL = "SET SESSION wsrep_sync_wait=0; SELECT 'tcp', USER, HOST FROM information_schema.PROCESSLIST WHERE HOST LIKE '%:%';" +
		" SELECT 'told', PROCESSLIST_USER, PROCESSLIST_HOST, CONNECTION_TYPE FROM performance_schema.threads" +
		" WHERE TYPE='FOREGROUND' AND CONNECTION_TYPE IN ('TCP/IP','SSL/TLS')"
	originSQL   = "SELECT GLOBAL_VALUE_ORIGIN FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME='REQUIRE_SECURE_TRANSPORT'"
	accountsSQL = "SET SESSION wsrep_sync_wait=0; SELECT User, Host, plugin FROM mysql.user" +
		" WHERE Host NOT IN ('','localhost','127.0.0.1','::1') AND ssl_type='' ORDER BY User, Host"
)

func (s *step) findSessions(ctx context.Context, r steps.Reader) sessions {
	var origin string
	var unasked error
	var wg sync.WaitGroup
	wg.Go(func() { origin, unasked = s.sql(ctx, r, originSQL) })
	text, err := s.sql(ctx, r, tcpSQL)
	wg.Wait()
	found := parseSessions(text)
	found.err, found.origin = err, strings.TrimSpace(origin)
	if err := lost(unasked); err != nil {
		found.err = err // any other says that there is no such table, as in MySQL
	}
	return found
}

func (s *step) sql(ctx context.Context, r steps.Reader, sql string) (string, error) {
	out, err := r.Query(ctx, s.login.Query(sql, "*"))
	if err != nil {
		return "", err
	}
	return sqlclient.Answer(out)
}

func parseSessions(text string) sessions {
	var s sessions
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		switch {
		case len(f) == 3 && f[0] == "tcp":
			host, _, _ := strings.Cut(f[2], ":")
			if i := strings.LastIndex(f[2], ":"); i > 0 {
				host = f[2][:i]
			}
			s.tcp = append(s.tcp, f[1]+"@"+host)
		case len(f) == 4 && f[0] == "told":
			s.told = true
			if f[3] == "TCP/IP" {
				s.plain = append(s.plain, f[1]+"@"+f[2])
			}
		}
	}
	slices.Sort(s.tcp)
	slices.Sort(s.plain)
	return s
}

func (s *step) findAccounts(ctx context.Context, r steps.Reader) accounts {
	text, err := s.sql(ctx, r, accountsSQL)
	a := parseAccounts(text)
	a.err = err
	return a
}

func parseAccounts(text string) accounts {
	var a accounts
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) == 3 && f[2] != "unix_socket" && f[2] != "auth_socket" {
			a.open = append(a.open, f[0]+"@"+f[1])
		}
	}
	return a
}

// readSets reads the files of each channel: by the server where it runs, since
// that is what is in use, and by the option files elsewhere.
func (n *node) readSets(ctx context.Context, r steps.Reader) error {
	clients := set{channels: []string{"clients"}, ca: n.files.CA, cert: n.files.Cert, key: n.files.Key}
	options := n.files.Options
	if n.member.Running {
		clients.ca, clients.cert, clients.key = n.member.CA, n.member.Cert, n.member.Key
		options = n.member.Options
	}
	group := set{channels: []string{"replication"}, ca: option(options, "socket.ssl_ca"), cert: option(options, "socket.ssl_cert"), key: option(options, "socket.ssl_key")}
	transfer := set{channels: []string{"full transfer"}}
	if n.files.SST.Talk() == wsrep.TLS && !n.member.Auto {
		transfer.ca, transfer.cert, transfer.key = n.files.SST.CA, n.files.SST.Cert, n.files.SST.Key
	}
	for _, s := range []set{clients, group, transfer} {
		if s.cert == "" && s.key == "" {
			continue
		}
		for _, p := range []*string{&s.ca, &s.cert, &s.key} {
			*p = n.member.Path(*p)
		}
		i := slices.IndexFunc(n.sets, func(o set) bool { return o.ca == s.ca && o.cert == s.cert && o.key == s.key })
		if i >= 0 {
			n.sets[i].channels = append(n.sets[i].channels, s.channels...)
			continue
		}
		if err := s.read(ctx, r); err != nil {
			return err
		}
		n.sets = append(n.sets, s)
	}
	return n.readKeys(ctx, r)
}

// option is the value of a provider option.
func option(all []optionfile.SubOption, key string) string {
	for _, o := range all {
		if o.Key == key {
			return o.Value
		}
	}
	return ""
}

func (s *set) read(ctx context.Context, r steps.Reader) error {
	for _, f := range []struct {
		path string
		into *[]byte
	}{{s.ca, &s.caData}, {s.cert, &s.certData}, {s.key, &s.keyData}} {
		if f.path == "" {
			continue
		}
		data, err := r.ReadFile(ctx, f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			s.missing = append(s.missing, f.path)
		case err != nil:
			return fmt.Errorf("%s: %w", f.path, err)
		}
		*f.into = data
	}
	if certs, err := pki.ParseCerts(s.certData); err == nil && len(certs) > 0 {
		s.leaf = certs[0]
	}
	if cas, err := pki.ParseCerts(s.caData); err == nil {
		s.authorities = cas
	}
	_, st, err := steps.Follow(ctx, r, s.key)
	if err != nil && s.keyData != nil {
		return err
	}
	s.keyMode, s.keyOwner = st.Mode, st.Owner
	return nil
}

// maxKeys bounds how many files beside the certificates are looked into.
const maxKeys = 50

// readKeys looks for private keys beside the certificates, by what is in the
// files.
func (n *node) readKeys(ctx context.Context, r steps.Reader) error {
	var dirs []string
	for _, s := range n.sets {
		if dir := path.Dir(s.cert); s.cert != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	var mu sync.Mutex
	var away error
	var wg sync.WaitGroup
	for _, dir := range dirs {
		names, err := r.ReadDir(ctx, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			wg.Wait()
			return err
		}
		for _, name := range names[:min(len(names), maxKeys)] {
			if ext := path.Ext(name); ext != ".pem" && ext != ".key" && ext != ".crt" {
				continue
			}
			wg.Go(func() {
				key, err := readKey(ctx, r, path.Join(dir, name))
				mu.Lock()
				defer mu.Unlock()
				away = errors.Join(away, err)
				if key.fingerprint != "" {
					n.keys = append(n.keys, key)
				}
			})
		}
	}
	wg.Wait()
	if away != nil {
		return away
	}
	slices.SortFunc(n.keys, func(a, b keyFile) int { return strings.Compare(a.path, b.path) })
	return ctx.Err()
}

// readKey is the private key that a file holds, the zero keyFile if it holds none
// or is not to be read: a directory, or one that went away. Its error is that of
// a host that is lost.
func readKey(ctx context.Context, r steps.Reader, name string) (keyFile, error) {
	data, err := r.ReadFile(ctx, name)
	if err != nil || !pki.HoldsKey(data) {
		return keyFile{}, lost(err)
	}
	key, err := pki.ParseKey(data)
	if err != nil {
		return keyFile{}, nil
	}
	fingerprint, err := pki.KeyFingerprint(key.Public())
	if err != nil {
		return keyFile{}, nil
	}
	return keyFile{name, fingerprint}, nil
}

// The bounds of looks at a port. A node with socket.dynamic waits 750 ms for TLS
// before it greets in plain text (Galera source, gu_asio_stream_engine.cpp).
const (
	patience = 10 * time.Second
	silence  = 1500 * time.Millisecond
)

// look tries the ports of the host from the host itself, and 4567 of each peer.
func look(ctx context.Context, r steps.Reader, f facts) *wire {
	w := &wire{links: make([]probe, len(f.peers))}
	own := f.self.group()
	var wg sync.WaitGroup
	dial := func(into *probe, host, port string, try func(context.Context, net.Conn) error) {
		into.at = net.JoinHostPort(host, port)
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			conn, err := r.Dial(ctx, into.at)
			if err == nil {
				err = try(ctx, conn)
			}
			into.err = err
		})
	}
	tlsTo := func(into *probe, host string, o tlsprobe.Options) {
		dial(into, host, "4567", func(ctx context.Context, conn net.Conn) (err error) {
			into.Result, err = tlsprobe.TLS(ctx, conn, o)
			return err
		})
	}
	dial(&w.clients, r.Address(), "3306", func(ctx context.Context, conn net.Conn) (err error) {
		w.clients.Result, err = tlsprobe.MySQL(ctx, conn, tlsprobe.Options{Settle: 1})
		return err
	})
	mate := tlsprobe.Options{Certificate: pair(own), Roots: own.authorities, Now: f.now}
	tlsTo(&w.group, r.Address(), mate)
	tlsTo(&w.stranger, r.Address(), tlsprobe.Options{Now: f.now})
	for i, p := range f.peers {
		if p.err == nil && p.member.Running {
			tlsTo(&w.links[i], p.address, mate)
		}
	}
	first := probe{}
	dial(&first, r.Address(), "4567", func(ctx context.Context, conn net.Conn) (err error) {
		w.first, err = tlsprobe.SpeaksFirst(ctx, conn, silence)
		return err
	})
	wg.Wait()
	w.firstErr = first.err
	return w
}

// group is the set that replication uses; the zero set without TLS.
func (n node) group() set { return n.uses("replication") }

func (n node) uses(channel string) set {
	for _, s := range n.sets {
		if slices.Contains(s.channels, channel) {
			return s
		}
	}
	return set{}
}

// pair is the certificate of a set with its key, nil where they are not sound;
// the checks of certificates tell that.
func pair(s set) *tls.Certificate {
	p, err := pki.LoadPair(s.certData, s.keyData)
	if err != nil {
		return nil
	}
	c := &tls.Certificate{PrivateKey: p.Key, Leaf: p.Cert}
	if chain, err := pki.ParseCerts(s.certData); err == nil {
		for _, one := range chain {
			c.Certificate = append(c.Certificate, one.Raw)
		}
	}
	return c
}
