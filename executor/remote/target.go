package remote

import (
	"net"
	"strconv"
	"time"

	"lockstep/internal/secret"
)

// Target says how one host is reached. It is plain data and may be copied.
type Target struct {
	Name    string // the host's name in the inventory
	Address string // host name or IP address
	Port    int    // 22 when zero
	User    string

	// Via is the jump host through which this host is reached; nil for none.
	Via *Target
	// ProxyCommand is a shell command over whose stdin and stdout SSH is spoken,
	// in place of a connection; empty for none.
	ProxyCommand string

	// Keys are private key files, tried in order and before the agent's keys. A
	// file with a public key names a key of the agent.
	Keys []string
	// Certificates are files with certificates for the keys. One beside a key,
	// named KEY-cert.pub, is found without.
	Certificates []string
	// IdentitiesOnly leaves out those keys of the agent that Keys do not name.
	IdentitiesOnly bool
	// Passphrase is asked for the passphrase of an encrypted key file that the
	// agent does not hold, when the host takes the key: by many hosts at the
	// same time, and again when a connection is made again. When nil, such a key
	// is an error.
	Passphrase func(file string) (string, error)
	// AgentSocket is the ssh-agent's socket; empty means no agent.
	AgentSocket string
	// Password is tried after the keys when it is not empty.
	Password string
	// Answer is asked what the host asks besides a password, such as a one-time
	// code. When nil, such a question fails the login.
	Answer func(Question) (string, error)

	// KnownHosts are the files with the host keys that are trusted, in
	// OpenSSH's format. Files that do not exist are passed over.
	KnownHosts []string
	// HostKeyAlias is the name under which the host's keys are known; the
	// address and port when empty.
	HostKeyAlias string
	// HashKnownHosts hides the host's name in lines that are added for it.
	HashKnownHosts bool

	// Lists of algorithms as ssh_config writes them; empty means our default.
	HostKeyAlgorithms, KexAlgorithms, Ciphers, MACs string

	Become Become

	// Timeout bounds the connect and login together, with their repetitions and
	// without the wait for a jump host or a person, and each start of a process
	// on the host; 15 s when zero.
	Timeout time.Duration
	// Keepalive is how often an idle connection is tried; 15 s when zero. A
	// connection that stays silent KeepaliveCount times as long is lost; 3 when
	// zero.
	Keepalive      time.Duration
	KeepaliveCount int
	// RunDir is a private directory on the host, where results wait until they are
	// fetched and where it is noted who holds the host; /run/lockstep when empty,
	// and one below /tmp where that cannot be made. It is made when it is missing,
	// has no characters that a shell takes for its own, and is best in memory.
	RunDir string
	// Secrets learns the passwords, so that no sink shows them. May be nil.
	Secrets *secret.Redactor

	path string // where programs are looked for; searchPath when empty
}

// searchPath has the sbin directories too, since a login user's own path often
// lacks them.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// runDir is in memory on most systems, and only root can make it.
const runDir = "/run/lockstep"

// Question is what a host asks at the login.
type Question struct {
	Login       string // who is asked, as USER@HOST:PORT
	Instruction string // what the host says before; may be empty
	Text        string
	Hidden      bool // the answer must not be shown
}

// Become says as whom commands run and files are written.
type Become struct {
	Enabled bool
	Method  string // one of BecomeMethods; "sudo" when empty
	User    string // "root" when empty
	// Password is given over stdin, once, and only when it is asked for: to sudo
	// it is the login user's, to su the other user's.
	Password string
}

func (t Target) withDefaults() Target {
	if t.Port == 0 {
		t.Port = 22
	}
	if t.Timeout == 0 {
		t.Timeout = 15 * time.Second
	}
	if t.Keepalive == 0 {
		t.Keepalive = 15 * time.Second
	}
	if t.KeepaliveCount == 0 {
		t.KeepaliveCount = 3
	}
	if t.RunDir == "" {
		t.RunDir = runDir
	}
	if t.path == "" {
		t.path = searchPath
	}
	if t.Become.User == "" {
		t.Become.User = "root"
	}
	if t.Become.Method == "" {
		t.Become.Method = "sudo"
	}
	return t
}

func (t Target) hostport() string { return net.JoinHostPort(t.Address, strconv.Itoa(t.Port)) }

func (t Target) login() string { return t.User + "@" + t.hostport() }

// learnSecrets tells the redactor what must never be shown.
func (t Target) learnSecrets() {
	if t.Secrets == nil {
		return
	}
	t.Secrets.Add(t.Password)
	t.Secrets.Add(t.Become.Password)
}
