package galeraaudit

import (
	"fmt"
	"strings"

	"lockstep/internal/tlsprobe"
	"lockstep/steps"
	"lockstep/steps/wsrep"
)

func replicationChecks() []check {
	const galera = "Galera source, gu_asio.cpp and gmcast; codership documentation, \"SSL for State Snapshot Transfers\" and \"Galera parameters\""
	return []check{{
		id: "replication.tls", area: areaReplication, severity: steps.Critical,
		looked: "a handshake with the node's own certificate, and what the port says unasked", expected: "TLS",
		why:    "every row that is written goes over that port, and can be read on the way",
		do:     "set socket.ssl_key, socket.ssl_cert and socket.ssl_ca in wsrep_provider_options on all nodes; they count after a restart",
		source: galera, judge: replicationTLS,
	}, {
		id: "replication.plaintext_refused", area: areaReplication, severity: steps.Critical,
		looked: "what the port says unasked, and socket.dynamic of the running server", expected: "silence, and socket.dynamic off",
		why:    "with socket.dynamic a node without TLS is let in for as long as it is set, so nothing is enforced",
		do:     "remove socket.dynamic from wsrep_provider_options and restart the nodes one after the other",
		source: "Galera 26.4.8 release notes, socket.dynamic", judge: plaintextRefused,
	}, {
		id: "replication.strangers_refused", area: areaReplication, severity: steps.Critical,
		looked: "a handshake without a certificate", expected: "it is refused",
		why:    "whoever reaches the port could join the cluster and take a full copy of the data",
		do:     "check socket.ssl_ca, and that this is the node itself and no proxy",
		source: galera, judge: strangersRefused,
	}, {
		id: "replication.links", area: areaReplication, severity: steps.Critical,
		looked: "a handshake from this node to the other's port with this node's certificate and authorities", expected: "each accepts the other",
		why:    "links that are up stay up whatever their certificates are; after the next cut of the network the nodes would not find together again",
		do:     "let every node trust the issuers of all certificates that are in use, and load that, before any node presents another one",
		source: galera, judge: links,
	}, {
		id: "replication.loaded", area: areaReplication, severity: steps.Warning,
		looked: "the certificate that the port presents, and the one in socket.ssl_cert", expected: "the same",
		why:    "the node has not loaded the file, and will surprise at its next restart",
		do:     "reload it (FLUSH SSL on MariaDB, socket.ssl_reload since Galera 26.4.8) or restart the node",
		source: "Galera 26.4.8 release notes, socket.ssl_reload", judge: func(f facts) []verdict {
			if f.wire == nil || f.self.member.Replication() == wsrep.Plaintext {
				return nil
			}
			return loaded(port4567, f.wire.group.Result, f.self.group())
		},
	}, {
		id: "replication.address", area: areaReplication, severity: steps.Warning,
		looked: "the addresses in wsrep_provider_options of the files", expected: "none that begins with tcp://",
		why:    "such an address wins over socket.ssl, and is in plain text",
		do:     "remove tcp:// from the address",
		source: galera, judge: tied,
	}}
}

func replicationTLS(f facts) []verdict {
	if f.wire == nil {
		if !f.self.member.Running {
			return nil
		}
		return one(unknown(port4567, "the port was not looked at (handshakes: false)"))
	}
	w := f.wire
	switch {
	case w.group.Version != 0:
		return one(pass(port4567, w.group.VersionName()+", "+w.group.CipherName()))
	case w.first.Plaintext():
		return one(wrong(port4567, "the node greets in plain text"))
	case w.group.OfferedTLS:
		return one(wrong(port4567, "it speaks TLS, and refuses the node's own certificate: "+w.group.Alert))
	case w.group.err != nil:
		return one(unknown(port4567, w.group.at+" could not be looked at: "+w.group.err.Error()))
	}
	return one(unknown(port4567, "it neither speaks TLS nor plain text"))
}

func plaintextRefused(f facts) []verdict {
	switch f.self.member.Replication() {
	case wsrep.Unknown, wsrep.Plaintext:
		return nil
	case wsrep.Both:
		return one(wrong(port4567, "socket.dynamic is set"))
	}
	switch {
	case f.wire == nil:
		return one(unknown(port4567, "the port was not looked at (handshakes: false)"))
	case f.wire.firstErr != nil:
		return one(unknown(port4567, f.wire.firstErr.Error()))
	case f.wire.first.Plaintext():
		return one(wrong(port4567, "the node greets in plain text, although it says socket.dynamic is off"))
	}
	return one(pass(port4567, "it is silent until TLS is spoken"))
}

func strangersRefused(f facts) []verdict {
	if f.wire == nil || f.wire.group.Version == 0 {
		return nil // whether it speaks TLS at all is another question
	}
	p := f.wire.stranger
	switch {
	case p.Outcome == tlsprobe.OutcomeRefused:
		return one(pass(port4567, "refused: "+p.Alert))
	case p.err == nil && p.Outcome == tlsprobe.OutcomeClosed:
		return one(pass(port4567, "the connection was closed"))
	case p.err != nil:
		return one(unknown(port4567, p.err.Error()))
	}
	return one(wrong(port4567, "a peer without a certificate is let in"))
}

func links(f facts) []verdict {
	if f.wire == nil {
		return nil
	}
	var all []verdict
	for i, p := range f.peers {
		if p.err != nil || !p.member.Running {
			continue // the cluster's checks tell
		}
		v := link(f.wire.links[i])
		v.peer, v.subject = p.name, "the way to "+p.name
		all = append(all, v)
	}
	return all
}

func link(p probe) verdict {
	switch {
	case p.err != nil && strings.Contains(p.err.Error(), "plain text"):
		return wrong("", p.at+" answers in plain text")
	case p.err != nil:
		return unknown("", fmt.Sprintf("%s could not be looked at: %v", p.at, p.err))
	case p.Outcome == tlsprobe.OutcomeRefused:
		return wrong("", fmt.Sprintf("%s refuses this node's certificate: %s", p.at, p.Alert))
	case p.VerifyError != nil:
		return wrong("", fmt.Sprintf("%s presents a certificate that this node's authorities do not verify: %v", p.at, p.VerifyError))
	case p.Version == 0, p.Outcome == tlsprobe.OutcomeClosed:
		return wrong("", p.at+" closes the connection during the handshake")
	}
	return pass("", p.VersionName())
}

func tied(f facts) []verdict {
	if found := wsrep.Tied(f.self.files.Options); len(found) > 0 {
		return one(wrong("wsrep_provider_options", strings.Join(found, ", ")))
	}
	return one(pass("wsrep_provider_options", "no address is tied to plain text"))
}
