package galeraaudit

import (
	"fmt"
	"strings"

	"lockstep/steps"
	"lockstep/steps/wsrep"
)

func driftChecks() []check {
	const why, do = "the next restart, planned or not, changes how the node talks, or lets it fail", "restart the node in a gated sequence, or correct the files"
	return []check{{
		id: "drift.clients", area: areaDrift, severity: steps.Warning,
		looked: "ssl-ca, ssl-cert, ssl-key and require_secure_transport, of the option files and of the running server", expected: "the same",
		why: why, do: do, source: "MySQL Reference Manual, \"Using Option Files\"", judge: driftClients,
	}, {
		id: "drift.replication", area: areaDrift, severity: steps.Warning,
		looked: "socket.ssl* and socket.dynamic in wsrep_provider_options, of the option files and of the running server", expected: "the same",
		why: why, do: do, source: "Galera documentation, \"Galera parameters\": socket.ssl* is read at the start", judge: driftReplication,
	}, {
		id: "drift.sst_method", area: areaDrift, severity: steps.Warning,
		looked: "wsrep_sst_method, of the option files and of the running server", expected: "the same",
		why: "it can be changed at run time, so a transfer may go another way than the files say", do: "set the variable, or correct the files",
		source: "Galera documentation, wsrep_sst_method", judge: driftMethod,
	}}
}

// driftClients is silent about a server that has its values from SET PERSIST:
// MySQL reads those after all option files.
func driftClients(f facts) []verdict {
	m, files := f.self.member, f.self.files
	if !m.Running {
		return nil
	}
	onOff := func(yes bool) string {
		if yes {
			return "ON"
		}
		return "OFF"
	}
	var all []string
	for _, o := range []struct{ name, file, running string }{
		{"ssl-ca", files.CA, m.CA}, {"ssl-cert", files.Cert, m.Cert}, {"ssl-key", files.Key, m.Key},
		{"require_secure_transport", onOff(files.Required), onOff(m.Required)},
	} {
		if o.file == o.running || m.Flavour != wsrep.MariaDB && strings.HasPrefix(o.name, "ssl") && o.file == "" {
			continue // MySQL finds certificates in its data directory without being told
		}
		all = append(all, fmt.Sprintf("%s is %s in the files, %s in the server", o.name, first(o.file, "not set"), first(o.running, "not set")))
	}
	return differences("[mysqld]", all)
}

func differences(subject string, all []string) []verdict {
	if len(all) == 0 {
		return one(pass(subject, "the same"))
	}
	return one(wrong(subject, strings.Join(all, "; ")))
}

func driftReplication(f facts) []verdict {
	m := f.self.member
	if !m.Running || m.Auto {
		return nil // the automatic mode sets them itself
	}
	var all []string
	if file, running := wsrep.ReplicationOf(f.self.files.Options), m.Replication(); file != running {
		all = append(all, fmt.Sprintf("replication is %s by the files, %s in the server", words(file), words(running)))
	}
	for _, key := range []string{"socket.ssl_ca", "socket.ssl_cert", "socket.ssl_key"} {
		file, running := option(f.self.files.Options, key), option(m.Options, key)
		if file != running {
			all = append(all, fmt.Sprintf("%s is %s in the files, %s in the server", key, first(file, "not set"), first(running, "not set")))
		}
	}
	return differences("wsrep_provider_options", all)
}

func words(t wsrep.Talk) string {
	switch t {
	case wsrep.Plaintext:
		return "in plain text"
	case wsrep.Both:
		return "TLS or plain text"
	case wsrep.TLS:
		return "TLS"
	}
	return "unknown"
}

func driftMethod(f facts) []verdict {
	if !f.self.member.Running || f.self.sstMethod == "" {
		return nil
	}
	if f.self.sstMethod != f.self.member.SSTMethod {
		return one(wrong("wsrep_sst_method", fmt.Sprintf("%s in the files, %s in the server", f.self.sstMethod, f.self.member.SSTMethod)))
	}
	return one(pass("wsrep_sst_method", f.self.sstMethod))
}

func accountChecks() []check {
	return []check{{
		id: "accounts.tls", area: areaAccounts, severity: steps.Warning,
		looked: "mysql.user: accounts with a host that is not this one, and their REQUIRE", expected: "none may log in without TLS",
		why:    "whoever uses such an account without TLS shows its data to the network",
		do:     "enforce TLS for all (require_secure_transport = ON), or for each account (ALTER USER ... REQUIRE SSL)",
		source: "MySQL Reference Manual, ALTER USER, \"SSL/TLS Options\"", judge: accountsTLS,
	}}
}

func accountsTLS(f facts) []verdict {
	const subject = "accounts of the network"
	m, a := f.self.member, f.self.accounts
	switch {
	case !m.Running:
		return nil
	case m.Required:
		return one(pass(subject, "the server refuses all logins over the network without TLS"))
	case a.err != nil:
		return one(unknown(subject, a.err.Error()))
	case len(a.open) > 0:
		return one(wrong(subject, strings.Join(a.open, ", ")))
	}
	return one(pass(subject, "each requires TLS"))
}

func clusterChecks() []check {
	return []check{{
		id: "cluster.running", area: areaCluster, severity: steps.Critical,
		looked: "the server over its local socket", expected: "it answers, as a member of the primary component",
		why:    "of a node that is down nobody can tell how it would talk, and the cluster has one less",
		do:     "find out from its log why it is down, and start it",
		source: "Galera documentation, wsrep_cluster_status", judge: running,
	}, {
		id: "cluster.members", area: areaCluster, severity: steps.Warning,
		looked: "the members by the cluster's own view, and the hosts of the plan", expected: "the same",
		why:    "a member that is not in the inventory is not looked at, and takes no part in changes; an arbitrator is one",
		do:     "add it to the inventory, or find out who it is",
		source: "Galera documentation, wsrep_incoming_addresses and wsrep_cluster_size", judge: members,
	}, {
		id: "cluster.peers", area: areaCluster, severity: steps.Critical,
		looked: "the other hosts of the plan", expected: "each could be looked at, and is in the same cluster",
		why: "what is said of all nodes rests on all of them", do: "see what keeps it from being looked at",
		source: "Galera documentation, wsrep_cluster_state_uuid", judge: peers,
	}}
}

func running(f facts) []verdict {
	m := f.self.member
	switch {
	case !m.Running:
		return one(wrong(f.self.name, "no server answers"))
	case m.Component != "Primary":
		return one(wrong(f.self.name, "it is in a component that is "+first(m.Component, "unknown")))
	}
	return one(pass(f.self.name, fmt.Sprintf("%s %s with Galera %s, member of %s (%d members)", m.Flavour, m.Version, m.Galera, m.Cluster, m.Size)))
}

func members(f facts) []verdict {
	m := f.self.member
	if !m.Running {
		return nil
	}
	hosts := []string{f.self.address}
	for _, p := range f.peers {
		hosts = append(hosts, p.address)
	}
	if strangers := m.Strangers(hosts); len(strangers) > 0 {
		return one(wrong("members of "+m.Cluster, "not among the hosts of the plan: "+strings.Join(strangers, ", ")))
	}
	return one(pass("members of "+m.Cluster, fmt.Sprintf("%d members, all of them hosts of the plan", m.Size)))
}

func peers(f facts) []verdict {
	var all []verdict
	for _, p := range f.peers {
		switch {
		case p.err != nil:
			all = append(all, unknown(p.name, p.err.Error()))
		case p.member.Running && f.self.member.Running && p.member.UUID != f.self.member.UUID:
			all = append(all, wrong(p.name, fmt.Sprintf("it is in another cluster: %s, not %s", p.member.UUID, f.self.member.UUID)))
		}
	}
	if len(all) == 0 {
		return one(pass("the other hosts", fmt.Sprintf("%d looked at", len(f.peers))))
	}
	return all
}
