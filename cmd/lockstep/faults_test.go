package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockstep/cmd/lockstep-lab/lab"
	"lockstep/internal/pki"
)

// restartPlan restarts nodes whose option files are younger than their server, as
// plans do that change TLS: judged first, by files, settings and handshakes.
const restartPlan = `name: restart what is older than its files
hosts: pxc
steps:
  - name: what each node is
    galera_survey: {}
    register: node
  - name: one kind of traffic on all nodes
    assert:
      that: [node.replication_file == "tls", node.sst_encrypt == "4"]
      msg: "{{ host }}: after a restart replication would be {{ node.replication_file }}, full transfers are encrypt={{ node.sst_encrypt }}"
  - name: certificates that the nodes accept
    verify:
      certificates:
        sets: [{ca: /etc/mysql/certs/ca.pem, cert: /etc/mysql/certs/server-cert.pem, key: /etc/mysql/certs/server-key.pem, reader: mysql}]
` + restartStage

// restartStage is the same without a look before.
const restartStage = `
  - name: one node after the other
    serial: 1
    gate: galera
    settle: 0s
    steps:
      - name: the server runs on its files
        service: {name: mariadb, state: current, files: [/etc/mysql/mariadb.conf.d]}
`

// TestRefusesFaultsBeforeARestart puts each fault of a catalogue on one node of an
// encrypted cluster, and wants its true cause named before any server is stopped.
func TestRefusesFaultsBeforeARestart(t *testing.T) {
	l := plaintext(t)
	dir := filepath.Dir(example(t))
	exits(t, exitDone, lockstep(t, "", apply(l, filepath.Join(dir, "plan.yml"))...))
	f := &faults{lab: l, node: l.Nodes()[1], ca: pairOf(t, dir, "ca")}
	plan := write(t, "restart.yml", restartPlan)
	for _, row := range []struct {
		name string
		make func(*testing.T)
		want []string
	}{
		{"certificate missing", f.run("rm", "/etc/mysql/certs/server-cert.pem"), []string{"server-cert.pem does not exist"}},
		{"authority missing", f.run("rm", "/etc/mysql/certs/ca.pem"), []string{"ca.pem does not exist"}},
		{"key of root alone", f.run("chown", "root:root", "/etc/mysql/certs/server-key.pem"), []string{"mysql cannot read /etc/mysql/certs/server-key.pem", "root:root with mode 0640"}},
		{"key of another certificate", f.run("cp", "/etc/mysql/certs/client-key.pem", "/etc/mysql/certs/server-key.pem"), []string{"does not belong to"}},
		{"expired", f.leaf(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }), []string{"server-cert.pem", "ended"}},
		{"of another authority", f.foreign("another"), []string{"server-cert.pem: the chain does not verify"}},
		{"of an authority with the same name", f.foreign(f.ca.Cert.Subject.CommonName), []string{"server-cert.pem: the chain does not verify"}},
		{"named like its authority", f.leaf(func(c *x509.Certificate) { c.Subject = f.ca.Cert.Subject }), []string{"server-cert.pem", "looks self-signed"}},
		{"good for servers only", f.leaf(func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] }), []string{"server-cert.pem", "may not be used as"}},
		{"plain text among TLS", f.run("sed", "-i", "s/socket.ssl=yes;[^\"]*//", "/etc/mysql/mariadb.conf.d/60-galera.cnf"), []string{"replication would be plaintext"}},
		{"full transfers of two kinds", f.run("sed", "-i", "s/^encrypt *=.*/encrypt=0/", "/etc/mysql/mariadb.conf.d/70-tls.cnf"), []string{"are encrypt=0"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f.saved(t)
			row.make(t)
			onAll(t, l, "touch", "/etc/mysql/mariadb.conf.d/60-galera.cnf") // a restart is due
			starts := startTimes(t, l)
			o := exits(t, exitRefused, lockstep(t, "", "apply", "-y", "-i", l.Path("inventory.yml"), plan))
			wantWords(t, o.stdout+o.stderr, append([]string{"node2"}, row.want...)...)
			for name, at := range startTimes(t, l) {
				if at != starts[name] {
					t.Errorf("%s was restarted", name)
				}
			}
			wantWhole(t, l)
		})
	}
	t.Run("without a look before, it stops at the first node", func(t *testing.T) {
		f.saved(t)
		f.node = l.Nodes()[0]
		f.saved(t)
		f.run("cp", "/etc/mysql/certs/client-key.pem", "/etc/mysql/certs/server-key.pem")(t)
		onAll(t, l, "touch", "/etc/mysql/mariadb.conf.d/60-galera.cnf")
		starts := startTimes(t, l)
		o := exits(t, exitFailed, lockstep(t, "", "apply", "-y", "-i", l.Path("inventory.yml"), write(t, "blind.yml", "name: blind\nhosts: pxc\nsteps:"+restartStage)))
		wantWords(t, o.stdout, "x node1", "get private key", "node2, node3: not touched")
		now := startTimes(t, l)
		for _, n := range l.Nodes()[1:] {
			if got, err := n.Gate(t.Context()); err != nil || got != "2,Primary,ON,Synced,ON" || starts[n.Name()] != now[n.Name()] {
				t.Errorf("%s: gate %q, %v, started %s; want 2,Primary,ON,Synced,ON and %s", n.Name(), got, err, now[n.Name()], starts[n.Name()])
			}
		}
	})
}

// faults are put on one node.
type faults struct {
	lab  *lab.Lab
	node *lab.Node
	ca   *pki.Pair // of the cluster
}

// saved brings the node's files back when the test is over, and its server.
func (f *faults) saved(t *testing.T) {
	t.Helper()
	n := f.node
	on(t, n, "sh", "-c", "rm -rf /var/tmp/sound && cp -a /etc/mysql /var/tmp/sound")
	t.Cleanup(func() {
		ctx := withoutCancel(t)
		_, err := n.Run(ctx, "sh", "-c", "cp -a /var/tmp/sound/. /etc/mysql/ && rm -rf /var/tmp/sound && systemctl reset-failed mariadb; systemctl start mariadb")
		if err == nil {
			err = f.lab.WaitSynced(ctx, len(f.lab.Nodes()))
		}
		if err != nil {
			t.Error(err)
		}
	})
}

func (f *faults) run(argv ...string) func(*testing.T) {
	return func(t *testing.T) { on(t, f.node, argv...) }
}

// leaf gives the node a certificate of the cluster's authority that change spoils.
func (f *faults) leaf(change func(*x509.Certificate)) func(*testing.T) {
	return func(t *testing.T) { f.put(t, f.ca, change) }
}

// foreign gives the node a certificate of another authority of that name.
func (f *faults) foreign(name string) func(*testing.T) {
	return func(t *testing.T) {
		ca, err := pki.NewCA(rand.Reader, time.Now(), pki.CARequest{Name: name, Algorithm: pki.ECDSAP256})
		must(t, err)
		ca.Cert.Subject = pkix.Name{CommonName: name} // names an issuer in what it signs
		f.put(t, ca, func(*x509.Certificate) {})
	}
}

func (f *faults) put(t *testing.T, ca *pki.Pair, change func(*x509.Certificate)) {
	t.Helper()
	key := keyLike(t, ca.Key)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "node"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	change(leaf)
	issuer := *ca.Cert
	issuer.RawSubject = nil
	issuer.SubjectKeyId = nil // so that the signature alone tells authorities of one name apart
	der, err := x509.CreateCertificate(rand.Reader, leaf, &issuer, key.Public(), ca.Key)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for path, block := range map[string]*pem.Block{
		"/etc/mysql/certs/server-cert.pem": {Type: "CERTIFICATE", Bytes: der},
		"/etc/mysql/certs/server-key.pem":  {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		_, err := f.node.RunInput(t.Context(), bytes.NewReader(pem.EncodeToMemory(block)), "tee", path)
		must(t, err)
	}
}

// keyLike makes a key of the same kind: OpenSSL takes a certificate that is named
// like its issuer for self-signed only if its signature could be its own.
func keyLike(t *testing.T, other crypto.Signer) crypto.Signer {
	t.Helper()
	if _, is := other.(*rsa.PrivateKey); is {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		must(t, err)
		return key
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

// pairOf reads a certificate and its key beside a plan.
func pairOf(t *testing.T, dir, name string) *pki.Pair {
	t.Helper()
	cert, err := os.ReadFile(filepath.Join(dir, "certs", name+".pem"))
	must(t, err)
	key, err := os.ReadFile(filepath.Join(dir, "certs", name+"-key.pem"))
	must(t, err)
	p, err := pki.LoadPair(cert, key)
	must(t, err)
	return p
}
