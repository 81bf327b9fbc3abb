package galeraaudit

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/steps"
	"lockstep/steps/wsrep"
)

func transferChecks() []check {
	const scripts = "wsrep_sst_common and wsrep_sst_mariabackup of MariaDB 10.11; Percona XtraDB Cluster manual, \"Encrypt PXC traffic\""
	return []check{{
		id: "ist.tls", area: areaIST, severity: steps.Critical,
		looked: "socket.ssl_key, socket.ssl and socket.dynamic of the running server; the port is open during a transfer only", expected: "TLS, and nothing else",
		why:    "a node that was away gets the rows that it missed over that port",
		do:     "set socket.ssl_key, socket.ssl_cert and socket.ssl_ca, and no socket.dynamic, or remove all of them; they count after a restart",
		source: "Galera source, ist.cpp", judge: istTLS,
	}, {
		id: "sst.tls", area: areaSST, severity: steps.Critical,
		looked: "the transfer method of the server, and what its script finds in the option files; the port is open during a transfer only", expected: "TLS",
		why:    "a full copy of all data goes over that port, to a node that joins or was away for long",
		do:     "set encrypt = 4 with tca, tcert and tkey (MariaDB) or ssl-ca, ssl-cert and ssl-key (Percona) under [sst] on all nodes; the scripts read them at each transfer",
		source: scripts, judge: sstTLS,
	}, {
		id: "sst.agree", area: areaSST, severity: steps.Critical,
		looked: "encrypt of all nodes, as their scripts find it", expected: "the same on all",
		why:    "donor and joiner do not understand each other then: the joiner fails, or hangs while it is starting",
		do:     "set the same encrypt under [sst] on all nodes",
		source: scripts, judge: sstAgree,
	}, {
		id: "sst.deprecated", area: areaSST, severity: steps.Warning,
		looked: "encrypt and the method", expected: "encrypt = 4, and a method that is still there",
		why:    "encrypt 1, 2 and 3 are deprecated, and removed in Percona XtraDB Cluster 8.0; 3 without an authority checks no peer",
		do:     "change to encrypt = 4 on all nodes at the same time",
		source: "Percona XtraDB Cluster 8.0 release notes (PXC-3017)", judge: sstDeprecated,
	}, {
		id: "sst.tools", area: areaSST, severity: steps.Critical,
		looked: "socat -V", expected: "a socat with OpenSSL, 1.7.3 or newer",
		why:    "the scripts encrypt with socat; one without OpenSSL fails the transfer, one before 1.7.3 uses Diffie-Hellman groups of 512 bits",
		do:     "install the socat of the distribution",
		source: "Percona XtraDB Cluster manual, \"Encrypt PXC traffic\" (PXC-722, PXC-723)", judge: sstTools,
	}, {
		id: "keyring.transfers", area: areaKeyring, severity: steps.Critical,
		looked: "variables of keyring plugins, and the manifest of a component", expected: "encrypted transfers where tables are encrypted",
		why:    "keys and pages of encrypted tables would travel in the clear",
		do:     "encrypt full transfers first, and use neither rsync nor mysqldump for them",
		source: "Percona XtraDB Cluster manual, \"Data at Rest Encryption\"", judge: keyringTransfers,
	}}
}

const subjectSST = "[sst]"

func istTLS(f facts) []verdict {
	m := f.self.member
	if !m.Running {
		return nil
	}
	talk := wsrep.IST(m.Options)
	switch {
	case m.Replication() == wsrep.Plaintext && talk != wsrep.Plaintext:
		v := wrong("port 4568", "socket.ssl is off, but socket.ssl_key is still there")
		v.why = "the provider encrypts incremental transfers by the key alone: donor and joiner do not understand each other, and abort (PXC-3936)"
		v.do = "remove all socket.ssl_* sub-options, or switch socket.ssl on"
		return one(v)
	case talk == wsrep.Plaintext:
		return one(wrong("port 4568", "plain text"))
	case talk == wsrep.Both:
		return one(wrong("port 4568", "TLS or plain text, as the other side likes (socket.dynamic)"))
	}
	return one(pass("port 4568", "TLS"))
}

// full is how a full transfer to or from the node would talk now, and why.
// Unknown comes with what cannot be told.
func (n node) full() (talk wsrep.Talk, why string) {
	method := first(n.member.SSTMethod, n.sstMethod)
	encrypt := fmt.Sprintf("encrypt = %s, by %s", n.files.SST.Encrypt, first(method, "the default method"))
	switch {
	case n.member.Auto:
		return wsrep.TLS, "pxc_encrypt_cluster_traffic is on"
	case method == "skip", method == "ist_only":
		return wsrep.TLS, "no full transfers are made: " + method
	case method == "mysqldump":
		return wsrep.Both, "mysqldump goes over 3306, encrypted as its account and [client] have it"
	case method == "clone" && n.sst.client:
		return wsrep.TLS, "clone, with ssl-ca, ssl-cert and ssl-key under [client]"
	case method == "clone":
		return wsrep.Plaintext, "clone connects without TLS unless ssl-ca, ssl-cert and ssl-key are under [client]"
	case strings.HasPrefix(method, "rsync"):
		return n.rsync(method)
	case n.files.SST.Format == "nc":
		return wsrep.Plaintext, "transferfmt = nc knows no TLS"
	case n.files.SST.Encrypt == "0" && slices.Contains([]string{"REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"}, n.sst.mode):
		return wsrep.TLS, "ssl-mode = " + n.sst.mode
	case n.files.SST.Encrypt == "0":
		return wsrep.Plaintext, encrypt
	}
	return wsrep.TLS, encrypt
}

// rsync is encrypted by MariaDB's script alone, by stunnel, once it finds a key
// and a certificate and ssl-mode is not DISABLED (wsrep_sst_rsync).
func (n node) rsync(method string) (wsrep.Talk, string) {
	switch {
	case n.member.Flavour != wsrep.MariaDB:
		return wsrep.Plaintext, method + " knows no TLS"
	case n.files.SST.Key == "" || n.files.SST.Cert == "" || n.sst.mode == "DISABLED":
		return wsrep.Plaintext, method + " uses stunnel only with a key and a certificate"
	case n.tools.err != nil:
		return wsrep.Unknown, "whether there is a stunnel could not be asked: " + n.tools.err.Error()
	case !n.tools.stunnel:
		return wsrep.Plaintext, method + " needs stunnel, and there is none; older scripts go on without"
	}
	return wsrep.TLS, method + " by stunnel"
}

func sstTLS(f facts) []verdict {
	talk, why := f.self.full()
	switch talk {
	case wsrep.TLS:
		return one(pass(subjectSST, why))
	case wsrep.Unknown:
		return one(unknown(subjectSST, why))
	case wsrep.Both:
		return one(unknown(subjectSST, why))
	}
	return one(wrong(subjectSST, why))
}

func sstAgree(f facts) []verdict {
	of := func(n node) string {
		if n.member.Auto {
			return "4"
		}
		return n.files.SST.Encrypt
	}
	return agree(f, subjectSST, of)
}

// agree tells a node that is not as most others are, so that one that differs is
// told once. Where there is no majority, all are told.
func agree(f facts, subject string, of func(node) string) []verdict {
	count := map[string]int{of(f.self): 1}
	known := 1
	for _, p := range f.peers {
		if p.err == nil {
			count[of(p)]++
			known++
		}
	}
	mine := of(f.self)
	if known == 1 || count[mine] == known {
		return one(pass(subject, first(mine, "none")+", on each node that could be asked"))
	}
	if 2*count[mine] > known {
		return one(pass(subject, first(mine, "none")+", as on most nodes"))
	}
	var others []string
	for _, p := range f.peers {
		if p.err == nil && of(p) != mine {
			others = append(others, fmt.Sprintf("%s has %s", p.name, first(of(p), "none")))
		}
	}
	return one(wrong(subject, fmt.Sprintf("%s here; %s", first(mine, "none"), strings.Join(others, ", "))))
}

func sstDeprecated(f facts) []verdict {
	n := f.self
	encrypt := n.files.SST.Encrypt
	switch {
	case n.member.Auto:
		return nil
	case slices.Contains([]string{"1", "2", "3"}, encrypt):
		v := wrong(subjectSST, "encrypt = "+encrypt)
		if n.member.Flavour == wsrep.PXC && !strings.HasPrefix(n.member.Version, "5.") {
			v.severity = steps.Critical
		}
		return one(v)
	case n.sstAuth && n.member.Flavour == wsrep.PXC && !strings.HasPrefix(n.member.Version, "5."):
		v := wrong("wsrep_sst_auth", "it is in the option files")
		v.severity = steps.Critical
		v.why, v.do = "this version does not know it, and does not start with it", "remove it from the option files"
		return one(v)
	}
	return one(pass(subjectSST, "encrypt = "+encrypt))
}

func sstTools(f facts) []verdict {
	n := f.self
	method := first(n.member.SSTMethod, n.sstMethod)
	talk, _ := n.full()
	if talk != wsrep.TLS || !strings.Contains(method, "backup") {
		return nil // socat has no part in it
	}
	switch {
	case n.tools.err != nil:
		return one(unknown("socat", n.tools.err.Error()))
	case n.tools.socat == "":
		return one(wrong("socat", "there is none"))
	case !n.tools.openSSL:
		return one(wrong("socat", n.tools.socat+", built without OpenSSL"))
	case old(n.tools.socat):
		v := wrong("socat", n.tools.socat)
		v.severity = steps.Warning
		return one(v)
	}
	return one(pass("socat", n.tools.socat+" with OpenSSL"))
}

// old is a version before 1.7.3.
func old(version string) bool {
	var a, b, c int
	if n, _ := fmt.Sscanf(version, "%d.%d.%d", &a, &b, &c); n < 3 {
		return false
	}
	return a*10000+b*100+c < 10703
}

func keyringTransfers(f facts) []verdict {
	rings := slices.Clone(f.self.member.Keyrings)
	if f.self.manifest != "" {
		rings = append(rings, f.self.manifest)
	}
	if len(rings) == 0 {
		return one(pass("keyring", "no keys of encrypted tables are kept"))
	}
	talk, why := f.self.full()
	if talk == wsrep.TLS {
		return one(pass(strings.Join(rings, ", "), "transfers are encrypted: "+why))
	}
	return one(wrong(strings.Join(rings, ", "), "transfers are not surely encrypted: "+why))
}
