package rotation_test

import (
	"context"
	"crypto/rand"
	ctls "crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/rotation"
	"lockstep/steps/sqlclient"
	"lockstep/steps/stepstest"
	"lockstep/steps/tls"
	"lockstep/steps/trust"
	"lockstep/steps/unit"
)

var now = time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC)

const (
	caFile   = "/c/ca.pem"
	certFile = "/c/server-cert.pem"
	keyFile  = "/c/server-key.pem"

	trustYAML = `{path: /c/ca.pem, src: certs/ca.pem, certs: [/c/server-cert.pem], mysql_port: 0}`
	tlsYAML   = `{ca: /c/ca.pem, cert: /c/server-cert.pem, key: /c/server-key.pem, prove_cert: certs/server-cert.pem, prove_key: certs/server-key.pem, mysql_port: 0}`
)

// generation is an authority with one certificate for all nodes.
type generation struct{ ca, leaf *pki.Pair }

func newGeneration(t *testing.T, made time.Time) generation {
	t.Helper()
	ca, err := pki.NewCA(rand.Reader, made, pki.CARequest{Name: "pxc", Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Issue(rand.Reader, made, pki.LeafRequest{CommonName: "pxc server", Role: pki.RoleServer, Names: []string{"localhost"}, Algorithm: pki.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	return generation{ca, leaf}
}

// cluster is a cluster in memory, whose nodes load their files when they are
// told to. A reload keeps what a node trusted before, as Galera does.
type cluster struct {
	t        *testing.T
	old, new generation
	control  *stepstest.Fake
	nodes    []*node
}

type node struct {
	*stepstest.Fake
	mu       sync.Mutex
	trusts   []*x509.Certificate // by the process
	presents *pki.Pair
}

// state is how far a node is.
type state struct{ trusts, leaf string }

// The legal states of a node in their order, and two that only hands make.
var (
	old     = state{"old", "old"}
	both    = state{"both", "old"}
	present = state{"both", "new"}
	done    = state{"new", "new"}
	blind   = state{"new", "old"} // trusts only what it does not present
	rash    = state{"old", "new"} // presents what it does not trust
)

func newCluster(t *testing.T, old, new generation, states ...state) *cluster {
	var hosts []*stepstest.Fake
	for i := range states {
		hosts = append(hosts, stepstest.NewFake(fmt.Sprintf("node%d", i+1)))
	}
	return newClusterOn(t, stepstest.NewFake("control"), hosts, old, new, states...)
}

func newClusterOn(t *testing.T, control *stepstest.Fake, hosts []*stepstest.Fake, old, new generation, states ...state) *cluster {
	c := &cluster{t: t, old: old, new: new, control: control}
	c.control.PutFile("/plan/certs/ca.pem", string(new.ca.CertPEM()))
	c.put(c.control, "/plan/certs/server-cert.pem", "/plan/certs/server-key.pem", new.leaf)
	former, _ := rotation.FormerFiles(old.ca.Cert)
	c.control.PutFile("/plan/certs/"+former, string(old.ca.CertPEM()))
	for i, s := range states {
		n := &node{Fake: hosts[i]}
		c.nodes = append(c.nodes, n)
		n.PutFile(caFile, string(c.bundle(s.trusts)))
		c.put(n.Fake, certFile, keyFile, c.pair(s.leaf))
		c.serve(n)
		c.load(n)
	}
	return c
}

func (c *cluster) pair(word string) *pki.Pair {
	if word == "old" {
		return c.old.leaf
	}
	return c.new.leaf
}

func (c *cluster) bundle(word string) []byte {
	switch word {
	case "old":
		return c.old.ca.CertPEM()
	case "new":
		return c.new.ca.CertPEM()
	}
	return slices.Concat(c.new.ca.CertPEM(), c.old.ca.CertPEM())
}

func (c *cluster) put(f *stepstest.Fake, cert, key string, p *pki.Pair) {
	c.t.Helper()
	data, err := p.KeyPEM()
	if err != nil {
		c.t.Fatal(err)
	}
	f.PutFile(cert, string(p.CertPEM()))
	f.PutFile(key, string(data))
}

func (c *cluster) serve(n *node) {
	n.PutDir("/run/systemd/system")
	n.Answer("LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=7\nExecMainStartTimestamp=Sun 2027-01-10 12:00:00.000000 UTC\n", unit.ShowQuery("mariadb").Argv...)
	n.Answer(fmt.Sprintln(now.Unix()), "date", "+%s")
	n.OnOther(func(_ *stepstest.Fake, q steps.Command) steps.Output {
		if !strings.Contains(strings.Join(q.Argv, " "), "wsrep_provider_version") {
			return steps.Output{Code: 1, Stderr: []byte("nobody scripted this")}
		}
		return steps.Output{Stdout: []byte("version\t10.11.19-MariaDB\nwsrep_provider_version\t4.23(r1)\n" +
			"wsrep_provider_options\tsocket.ssl_ca = /c/ca.pem; socket.ssl_cert = /c/server-cert.pem; socket.ssl_key = /c/server-key.pem\n")}
	})
	n.OnExec(func(*stepstest.Fake, steps.Command) steps.Output { c.load(n); return steps.Output{} },
		sqlclient.Login{}.Query("FLUSH LOCAL SSL; SET GLOBAL wsrep_provider_options='socket.ssl_reload=1'").Argv...)
	n.OnExec(func(*stepstest.Fake, steps.Command) steps.Output {
		n.mu.Lock()
		n.trusts = nil // only a restart forgets
		n.mu.Unlock()
		c.load(n)
		return steps.Output{}
	}, "systemctl", "restart", "--", "mariadb")
	n.OnDial(func(context.Context, string) (net.Conn, error) { return connect(n.answer) })
}

// load reads the files into the process.
func (c *cluster) load(n *node) {
	cas, err := pki.ParseCerts([]byte(n.Content(caFile)))
	if err != nil {
		c.t.Error(err)
	}
	p, err := pki.LoadPair([]byte(n.Content(certFile)), []byte(n.Content(keyFile)))
	if err != nil {
		c.t.Error(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.trusts, n.presents = append(n.trusts, cas...), p
}

func connect(serve func(net.Conn)) (net.Conn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		defer l.Close()
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			serve(conn)
		}
	}()
	return net.Dial("tcp", l.Addr().String())
}

// answer is the port for replication.
func (n *node) answer(conn net.Conn) {
	n.mu.Lock()
	roots := x509.NewCertPool()
	for _, ca := range n.trusts {
		roots.AddCert(ca)
	}
	config := &ctls.Config{Certificates: []ctls.Certificate{{Certificate: [][]byte{n.presents.Cert.Raw}, PrivateKey: n.presents.Key}},
		ClientCAs: roots, ClientAuth: ctls.RequireAndVerifyClientCert, Time: func() time.Time { return now }}
	n.mu.Unlock()
	s := ctls.Server(conn, config)
	if s.Handshake() == nil {
		_, _ = s.Write(make([]byte, 40))
		_, _ = io.Copy(io.Discard, s)
	}
}

func (c *cluster) view(i int) steps.View {
	var peers []steps.Reader
	for j, n := range c.nodes {
		if j != i {
			peers = append(peers, n.Fake)
		}
	}
	return steps.View{Self: c.nodes[i].Fake, Others: func() []steps.Reader { return peers }, Control: c.control}
}

// broken lists the pairs that could not connect again: by their processes, and
// by their files, as after a restart of either.
func (c *cluster) broken() []string {
	var pairs []string
	for _, x := range c.nodes {
		for _, y := range c.nodes {
			file := read(c.t, x, certFile)
			if x == y {
				continue
			}
			if rotation.Trusted([]*x509.Certificate{x.presents.Cert}, y.trusts, now) != nil ||
				rotation.Trusted(file, y.trusts, now) != nil || rotation.Trusted(file, read(c.t, y, caFile), now) != nil {
				pairs = append(pairs, x.Name()+" to "+y.Name())
			}
		}
	}
	return pairs
}

func read(t *testing.T, n *node, file string) []*x509.Certificate {
	t.Helper()
	certs, err := pki.ParseCerts([]byte(n.Content(file)))
	if err != nil {
		t.Fatal(err)
	}
	return certs
}

// do takes one node through a step; the change is looked at after it.
func (c *cluster) do(kind steps.Kind, yaml string, i int) (steps.Change, error) {
	c.t.Helper()
	s := stepstest.Decode(c.t, kind, yaml)
	change, err := s.Probe(c.t.Context(), c.view(i))
	if err != nil {
		return change, err
	}
	if err := s.Apply(c.t.Context(), c.nodes[i].Fake, change); err != nil {
		return change, err
	}
	if v, ok := s.(steps.Verifier); ok {
		err = v.Verify(c.t.Context(), c.view(i))
	}
	return change, err
}

// order is that of a stage whose step ranks its hosts.
func (c *cluster) order() []int {
	c.t.Helper()
	ranks, hosts := map[int]int{}, []int{}
	for i := range c.nodes {
		rank, err := stepstest.Decode(c.t, tls.Kind(), tlsYAML).(steps.Ranker).Rank(c.t.Context(), c.view(i))
		if err != nil {
			c.t.Fatal(err)
		}
		ranks[i], hosts = rank, append(hosts, i)
	}
	slices.SortStableFunc(hosts, func(a, b int) int { return ranks[a] - ranks[b] })
	return hosts
}

// rotate is the plan of the example; after looks at the cluster after each act.
// It returns how much was changed.
func (c *cluster) rotate(after func()) (changes int) {
	c.t.Helper()
	all := make([]int, len(c.nodes))
	for i := range all {
		all[i] = i
	}
	pass := func(kind steps.Kind, yaml string, hosts []int, before func(i int)) {
		for _, i := range hosts {
			if before != nil {
				before(i)
			}
			change, err := c.do(kind, yaml, i)
			if err != nil {
				c.t.Fatalf("%s on %s: %v", kind.Name, c.nodes[i].Name(), err)
			}
			changes += len(change.Edits)
			after()
		}
	}
	pass(trust.Kind(), trustYAML, all, nil)
	pass(tls.Kind(), tlsYAML, c.order(), nil)
	pass(tls.Kind(), tlsYAML, all, func(i int) {
		if !read(c.t, c.nodes[i], certFile)[0].Equal(c.new.leaf.Cert) {
			c.put(c.nodes[i].Fake, certFile, keyFile, c.new.leaf)
			changes++
		}
	})
	pass(trust.Kind(), trustYAML, all, nil)
	return changes
}

// walks are the states that a rotation is begun from: for two nodes all pairs,
// for three and five what a run that was cut off and hands leave behind.
func walks() [][]state {
	var all [][]state
	for _, a := range []state{old, both, present, done} {
		for _, b := range []state{old, both, present, done} {
			all = append(all, []state{a, b})
		}
	}
	return append(all,
		[]state{old, old, old}, []state{old, both, both}, []state{present, both, both}, []state{present, done, present}, []state{done, old, both},
		[]state{blind, old, old}, []state{old, old, rash}, []state{rash, both, done},
		[]state{old, old, old, old, done}, []state{done, old, blind, both, present})
}

// TestRotatesFromAnyState leads each state to the end, never away from a legal
// one; from the end there is nothing to do.
func TestRotatesFromAnyState(t *testing.T) {
	was, is := newGeneration(t, now.AddDate(-1, 0, 0)), newGeneration(t, now)
	for _, states := range walks() {
		t.Run(fmt.Sprint(states), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, was, is, states...)
			broken := c.broken()
			changes := c.rotate(func() {
				left := c.broken()
				if len(left) > len(broken) {
					t.Errorf("pairs that cannot connect: got %v after %v", left, broken)
				}
				broken = left
			})
			if len(broken) > 0 {
				t.Errorf("at the end %v cannot connect", broken)
			}
			finished := !slices.ContainsFunc(states, func(s state) bool { return s != done })
			if (changes == 0) != finished {
				t.Errorf("got %d changes", changes)
			}
			for _, n := range c.nodes {
				if got := read(t, n, caFile); len(got) != 1 || !got[0].Equal(is.ca.Cert) || !n.presents.Cert.Equal(is.leaf.Cert) {
					t.Errorf("%s trusts %s and presents %s", n.Name(), rotation.Describe(got), pki.DescribeCert(n.presents.Cert))
				}
			}
		})
	}
}

// TestTheLiteralOrderIsRefused does what a well-known document tells for two
// nodes: after the first has both authorities and a new certificate, the second
// gets the new ones alone. And what people do who know no order at all.
func TestTheLiteralOrderIsRefused(t *testing.T) {
	was, is := newGeneration(t, now.AddDate(-1, 0, 0)), newGeneration(t, now)
	for _, row := range []struct {
		name   string
		states []state
		set    state // what is put on the last node
	}{
		{"authority and certificate at once, on one of three", []state{old, old, old}, done},
		{"the new authority alone, while others present the old one's", []state{both, old}, blind},
		{"certificates before the others trust them", []state{old, both}, present},
		{"the new authority alone, before the last one presents the new", []state{present, both, present}, done},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := newCluster(t, was, is, row.states...)
			last := len(c.nodes) - 1
			n := c.nodes[last]
			n.PutFile(caFile, string(c.bundle(row.set.trusts)))
			c.put(n.Fake, certFile, keyFile, c.pair(row.set.leaf))
			_, err := c.do(tls.Kind(), tlsYAML, last)
			if err == nil || !strings.Contains(err.Error(), "does not trust the certificate of") || !strings.Contains(err.Error(), "do:") {
				t.Fatalf("got %v, want a refusal that names the pair", err)
			}
			if len(n.Execs()) > 0 {
				t.Errorf("the node was told to load its files: %v", n.Execs())
			}
		})
	}
}
