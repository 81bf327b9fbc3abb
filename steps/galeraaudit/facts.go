package galeraaudit

import (
	"crypto/x509"
	"io/fs"
	"time"

	"lockstep/internal/tlsprobe"
	"lockstep/steps/wsrep"
)

// facts are all that is judged for one host.
type facts struct {
	now       time.Time // by the host's clock
	expiresIn time.Duration
	self      node
	peers     []node
	wire      *wire // nil: not looked at
}

// node is what one host says by its server and its files.
type node struct {
	name, address string
	err           error // why it could not be looked at; the rest is empty then
	member        wsrep.Member
	files         wsrep.Files
	sst           sst
	sstMethod     string // of the files
	sstAuth       bool   // wsrep_sst_auth is in the files
	manifest      string // of a keyring component
	tools         tools
	sessions      sessions
	accounts      accounts
	sets          []set // what the channels use, without doubles
	keys          []keyFile
}

// sst is what the scripts of a state transfer read beside wsrep.Files.
type sst struct {
	mode   string // ssl-mode
	client bool   // ssl-ca, ssl-cert and ssl-key of [client] are all there, which clone goes by
}

// tools are programs of the host that transfers go through.
type tools struct {
	err     error
	socat   string // its version; empty without it
	openSSL bool   // socat knows TLS
	stunnel bool
}

// sessions are clients that are connected over the network now.
type sessions struct {
	err    error
	tcp    []string // user@host of each
	told   bool     // the server tells which of them use TLS
	plain  []string // those that do not, if it tells
	origin string   // where require_secure_transport has its value from; MariaDB only
}

// accounts are those that may log in over the network without TLS, unless the
// server refuses that for all.
type accounts struct {
	err  error
	open []string
}

// set is certificate, key and authorities of one or more channels.
type set struct {
	channels      []string
	ca, cert, key string // paths
	caData        []byte
	certData      []byte
	keyData       []byte
	missing       []string // paths that are named and not there, with why
	keyMode       fs.FileMode
	keyOwner      string
	leaf          *x509.Certificate
	authorities   []*x509.Certificate
}

// keyFile is a private key that lies beside the certificates.
type keyFile struct {
	path        string
	fingerprint string
}

// wire is what the host's ports did.
type wire struct {
	clients  probe
	group    probe // with the node's own certificate
	stranger probe // without one
	first    tlsprobe.First
	firstErr error
	links    []probe // to each peer, in their order
}

// probe is a handshake.
type probe struct {
	at  string
	err error
	tlsprobe.Result
}
