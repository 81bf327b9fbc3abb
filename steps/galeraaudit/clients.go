package galeraaudit

import (
	"crypto/tls"
	"fmt"
	"strings"

	"lockstep/internal/pki"
	"lockstep/internal/tlsprobe"
	"lockstep/steps"
	"lockstep/steps/wsrep"
)

func clientChecks() []check {
	return []check{{
		id: "clients.tls", area: areaClients, severity: steps.Critical,
		looked: "the greeting of the port, and a handshake", expected: "TLS 1.2 or newer",
		why:    "what clients send and get, passwords' hashes included, can be read on the way",
		do:     "set ssl-ca, ssl-cert and ssl-key under [mysqld] and restart; if they are set, the server could not load them: look for SSL in its log",
		source: "MySQL Reference Manual, \"Configuring MySQL to Use Encrypted Connections\"; RFC 8996", judge: clientsTLS,
	}, {
		id: "clients.enforced", area: areaClients, severity: steps.Critical,
		looked: "require_secure_transport of the running server", expected: "ON",
		why:    "a client that is not set up for TLS sends its data in the clear, and nobody notices",
		do:     "find who connects without TLS, then set require_secure_transport = ON under [mysqld] and SET GLOBAL require_secure_transport = ON",
		source: "MySQL Reference Manual, require_secure_transport; MariaDB 10.5.2", judge: clientsEnforced,
	}, {
		id: "clients.trusted", area: areaClients, severity: steps.Critical,
		looked: "the chain that the port presents, against the server's ssl_ca by OpenSSL's rules", expected: "it verifies",
		why:    "clients that check the server's certificate are refused",
		do:     "bring a certificate of this authority to the host and reload it, or the right authority",
		source: "openssl-verify(1)", judge: clientsTrusted,
	}, {
		id: "clients.loaded", area: areaClients, severity: steps.Warning,
		looked: "the certificate that the port presents, and the one in the server's ssl_cert", expected: "the same",
		why:    "the server has not loaded the file, and will surprise at its next restart",
		do:     "reload it (FLUSH SSL, ALTER INSTANCE RELOAD TLS) or restart the node",
		source: "MariaDB Knowledge Base, FLUSH SSL; MySQL Reference Manual, ALTER INSTANCE", judge: clientsLoaded,
	}, {
		id: "clients.connected", area: areaClients, severity: steps.Critical,
		looked: "the sessions over TCP that the server lists", expected: "none without TLS",
		why:    "their traffic is readable now, and they are refused as soon as TLS is enforced",
		do:     "let these programs connect with TLS; where the server cannot tell, switch on the performance schema (performance_schema = ON), or look at the wire",
		source: "MySQL Reference Manual, the threads table", judge: clientsConnected,
	}}
}

const port3306, port4567 = "port 3306", "port 4567"

func clientsTLS(f facts) []verdict {
	if f.wire == nil {
		return nil
	}
	p := f.wire.clients
	switch {
	case p.Version >= tls.VersionTLS12:
		return one(pass(port3306, p.VersionName()+", "+p.CipherName()))
	case p.Version != 0:
		return one(wrong(port3306, "nothing newer than "+p.VersionName()))
	case p.err != nil && p.ServerVersion == "":
		return one(unknown(port3306, p.at+" could not be looked at: "+p.err.Error()))
	case !p.OfferedTLS:
		return one(wrong(port3306, "the server offers no TLS"))
	case p.err != nil:
		return one(wrong(port3306, "TLS is offered, but the handshake fails: "+p.err.Error()))
	}
	return one(wrong(port3306, "TLS is offered, but the handshake is refused: "+p.Alert))
}

// clientsEnforced goes by the server: the wire cannot tell without an account,
// since MariaDB answers a login without TLS like one with a wrong password.
func clientsEnforced(f facts) []verdict {
	switch f.self.member.Clients() {
	case wsrep.TLS:
		return one(pass(port3306, "ON"))
	case wsrep.Both:
		return one(wrong(port3306, "OFF: TLS is offered, and not asked for"))
	}
	return nil // down, or without TLS at all
}

func clientsTrusted(f facts) []verdict {
	s := f.self.uses("clients")
	if f.wire == nil || len(f.wire.clients.Chain) == 0 || s.ca == "" {
		return nil
	}
	if len(s.authorities) == 0 {
		return one(unknown(port3306, s.ca+" holds no certificate that could be read"))
	}
	chain := f.wire.clients.Chain
	err := pki.Verify(chain, s.authorities, pki.Rules{Now: f.now, Purpose: pki.PurposeServer, Level: pki.UsualLevel})
	if err != nil {
		return one(wrong(port3306, err.Error()))
	}
	return one(pass(port3306, shown(chain[0].Subject.CommonName, pki.Fingerprint(chain[0]))))
}

func shown(name, fingerprint string) string {
	return strings.TrimSpace(fmt.Sprintf("%s (sha256 %s)", name, pki.Short(fingerprint)))
}

func clientsLoaded(f facts) []verdict {
	if f.wire == nil {
		return nil
	}
	return loaded(port3306, f.wire.clients.Result, f.self.uses("clients"))
}

// loaded compares what a port presents with a file.
func loaded(subject string, r tlsprobe.Result, s set) []verdict {
	if len(r.Chain) == 0 {
		return nil
	}
	wire := pki.Fingerprint(r.Chain[0])
	switch {
	case s.cert == "":
		return one(unknown(subject, "the server names no file; it presents "+pki.Short(wire)))
	case s.leaf == nil:
		return one(wrong(subject, fmt.Sprintf("it presents %s, but %s holds no certificate", pki.Short(wire), s.cert)))
	case pki.Fingerprint(s.leaf) != wire:
		return one(wrong(subject, fmt.Sprintf("it presents %s, but %s holds %s", pki.Short(wire), s.cert, pki.Short(pki.Fingerprint(s.leaf)))))
	}
	return one(pass(subject, fmt.Sprintf("%s, as in %s", pki.Short(wire), s.cert)))
}

// clientsConnected: where the server does not list how each is connected, it is
// still known when there is none, when it offers no TLS, and when it has refused
// all others since its start.
func clientsConnected(f facts) []verdict {
	const subject = "sessions over TCP"
	m, s := f.self.member, f.self.sessions
	if !m.Running {
		return nil
	}
	switch {
	case s.err != nil:
		return one(unknown(subject, s.err.Error()))
	case len(s.plain) > 0:
		return one(wrong(subject, "without TLS: "+counted(s.plain)))
	case len(s.tcp) == 0:
		return one(pass(subject, "there are none now"))
	case s.told:
		return one(pass(subject, fmt.Sprintf("all %d use TLS", len(s.tcp))))
	case m.Clients() == wsrep.Plaintext:
		return one(wrong(subject, "the server knows no TLS: "+counted(s.tcp)))
	case m.Required && s.origin == "CONFIG":
		return one(pass(subject, fmt.Sprintf("all %d use TLS: others were refused since the server began", len(s.tcp))))
	}
	return one(unknown(subject, "the server does not tell which of its sessions use TLS: "+counted(s.tcp)))
}

// counted lists texts once, with how often each is there.
func counted(all []string) string {
	var parts []string
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j] == all[i] {
			j++
		}
		part := all[i]
		if j-i > 1 {
			part = fmt.Sprintf("%s (%d times)", part, j-i)
		}
		parts = append(parts, part)
		i = j
	}
	return strings.Join(parts, ", ")
}
