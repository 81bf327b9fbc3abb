package wsrep

import (
	"strings"

	"lockstep/internal/optionfile"
)

// Talk is how a port talks.
type Talk string

// How a port can talk.
const (
	Plaintext Talk = "plaintext" // nothing else: it does not understand TLS
	Both      Talk = "both"      // TLS where the other side can, plain text otherwise
	TLS       Talk = "tls"       // nothing else
	Unknown   Talk = ""          // the server is down
)

// Replication is how the server of a member talks to other nodes.
func (m Member) Replication() Talk {
	if !m.Running {
		return Unknown
	}
	return ReplicationOf(m.Options)
}

// ReplicationOf judges provider options, those of a server or of a file. TLS is
// on when key and certificate are named, unless socket.ssl says no (Galera
// source, gu_asio.cpp, ssl_init_options).
func ReplicationOf(options []optionfile.SubOption) Talk {
	said := values(options)
	on := Truth(said["socket.ssl"])
	if on == "" && (said["socket.ssl_key"] != "" || said["socket.ssl_cert"] != "") {
		on = "on"
	}
	switch {
	case on != "on":
		return Plaintext
	case Truth(said[optionDynamic]) == "on":
		return Both
	}
	return TLS
}

const optionDynamic = "socket.dynamic"

// IST is how incremental state transfers to and from a member talk. The
// provider goes by the key alone and does not ask socket.ssl (Galera source,
// ist.cpp), so TLS that is switched off with the key left in place breaks them.
func IST(options []optionfile.SubOption) Talk {
	said := values(options)
	switch {
	case said["socket.ssl_key"] == "":
		return Plaintext
	case Truth(said[optionDynamic]) == "on":
		return Both
	}
	return TLS
}

// Clients is how the server of a member talks to clients over TCP.
func (m Member) Clients() Talk {
	switch {
	case !m.Running:
		return Unknown
	case m.NoTLS || m.Cert == "" || m.Key == "":
		return Plaintext
	case m.Required:
		return TLS
	}
	return Both
}

// NeedsDynamic tells whether a member must be run with socket.dynamic on its way
// to TLS: it talks plain text with somebody who knows nothing else, itself
// included, and does not insist on TLS already. The last such member ends that
// for all. Others are all members beside self.
func NeedsDynamic(self Member, others []Member) bool {
	if self.Replication() == TLS {
		return false
	}
	for _, m := range append(others[:len(others):len(others)], self) {
		if m.Replication() == Plaintext {
			return true
		}
	}
	return false
}

func values(options []optionfile.SubOption) map[string]string {
	said := map[string]string{}
	for _, o := range options {
		said[o.Key] = o.Value
	}
	return said
}

// Truth is the truth value that Galera takes a text for (gu::from_string of
// bool), on or off, or "" when it is none.
func Truth(text string) string {
	switch strings.ToLower(text) {
	case "1", "on", "yes", "true", "y":
		return "on"
	case "0", "off", "no", "false", "n":
		return "off"
	}
	return ""
}
