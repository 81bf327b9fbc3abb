package survey

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/pki"
	"lockstep/steps/wsrep"
)

// Reports implements steps.Reporter.
func (s *step) Reports() []string {
	var names []string
	for name := range report(found{}) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// report is pure: it turns what was found into what a plan can ask for.
func report(f found) map[string]any {
	return map[string]any{
		"running": f.self.Running, "flavour": string(f.self.Flavour),
		"server_version": f.self.Version, "provider_version": f.self.Galera.String(),
		"cluster": f.self.Cluster, "cluster_uuid": f.self.UUID, "component": f.self.Component,
		"size": f.self.Size, "members": list(f.self.Addresses), "strangers": list(f.strangers()), "stopped": list(f.stopped()),

		"replication": string(f.self.Replication()), "replication_file": string(f.self.ReplicationAfter(f.files)),
		"ist": string(f.ist()), "ist_file": string(f.self.ISTAfter(f.files)),
		"clients": string(f.self.Clients()), "clients_file": string(f.clientsFile()),
		"sst_method": f.self.SSTMethod, "sst": string(f.sst()), "sst_encrypt": f.files.SST.Encrypt,
		"sst_ca": f.transfers().CA, "sst_cert": f.transfers().Cert, "sst_key": f.transfers().Key, "automatic": f.self.Auto,
		"plaintext": list(f.talking(wsrep.Plaintext)), "insisting": list(f.talking(wsrep.TLS)), "schema_changes": f.self.Schema, "needs_dynamic": wsrep.NeedsDynamic(f.self, f.others()),

		"clients_leaf_file": f.serverFile.leaf, "clients_leaf_presented": f.presentsClients, "clients_ca_file": list(f.serverFile.authorities),
		"replication_leaf_file": f.groupFile.leaf, "replication_leaf_presented": f.presentsMember, "replication_ca_file": list(f.groupFile.authorities),
		"keyrings": list(f.keyrings()),
	}
}

func list(texts []string) []any {
	out := []any{}
	for _, t := range texts {
		out = append(out, t)
	}
	return out
}

func (f found) others() []wsrep.Member {
	var all []wsrep.Member
	for _, name := range f.order {
		all = append(all, f.peers[name])
	}
	return all
}

// talking are the hosts whose servers replicate like that.
func (f found) talking(how wsrep.Talk) (names []string) {
	if f.self.Replication() == how {
		names = append(names, f.name)
	}
	for _, name := range f.order {
		if f.peers[name].Replication() == how {
			names = append(names, name)
		}
	}
	return names
}

func (f found) stopped() (names []string) {
	if f.name != "" && !f.self.Running {
		names = append(names, f.name)
	}
	for _, name := range f.order {
		if !f.peers[name].Running {
			names = append(names, name)
		}
	}
	return names
}

func (f found) strangers() []string {
	if f.name == "" {
		return nil
	}
	return f.self.Strangers(f.hosts)
}

func (f found) ist() wsrep.Talk {
	if !f.self.Running {
		return wsrep.Unknown
	}
	return wsrep.IST(f.self.Options)
}

// clientsFile is how the server would talk to clients after a restart.
func (f found) clientsFile() wsrep.Talk {
	if f.name == "" {
		return wsrep.Unknown
	}
	return wsrep.Member{Running: true, Cert: f.files.Cert, Key: f.files.Key, Required: f.files.Required}.Clients()
}

// sst is how a full copy of the data would travel now. The scripts read their
// files each time, so there is no difference between file and server. The
// automatic mode of Percona's cluster overrides them; rsync and mysqldump do not
// ask [sst] encrypt.
func (f found) sst() wsrep.Talk {
	switch {
	case f.name == "":
		return wsrep.Unknown
	case f.self.Auto:
		return wsrep.TLS
	case strings.HasPrefix(f.self.SSTMethod, "rsync"):
		return wsrep.Plaintext
	case f.self.SSTMethod == "mysqldump":
		return wsrep.Both
	}
	return f.files.SST.Talk()
}

// transfers are the files by which a full copy is encrypted. The automatic mode of
// Percona's cluster takes those of the server for it and does not ask [sst].
func (f found) transfers() wsrep.SST {
	if !f.self.Auto {
		return f.files.SST
	}
	return wsrep.SST{CA: f.self.Path(f.self.CA), Cert: f.self.Path(f.self.Cert), Key: f.self.Path(f.self.Key)}
}

func (f found) keyrings() []string {
	all := slices.Clone(f.self.Keyrings)
	if f.manifest != "" {
		all = append(all, f.manifest)
	}
	return all
}

// notes are what people see.
func (f found) notes() []string {
	if !f.self.Running {
		return []string{"no server runs here"}
	}
	notes := []string{
		fmt.Sprintf("%s %s, Galera %s, member of %s (%d members, %s)", f.self.Flavour, f.self.Version, f.self.Galera, f.self.Cluster, f.self.Size, f.self.Component),
		"clients (3306): " + both(f.self.Clients(), f.clientsFile()) + f.seen(f.presentsClients, f.serverFile.leaf),
		"replication (4567): " + both(f.self.Replication(), f.self.ReplicationAfter(f.files)) + f.seen(f.presentsMember, f.groupFile.leaf),
		"incremental transfer (4568): " + both(f.ist(), f.self.ISTAfter(f.files)),
		fmt.Sprintf("full transfer (4444): %s by %s", words(f.sst()), f.self.SSTMethod),
	}
	if unknown := f.strangers(); len(unknown) > 0 {
		notes = append(notes, "members that are not in the inventory: "+strings.Join(unknown, ", "))
	}
	if rings := f.keyrings(); len(rings) > 0 {
		notes = append(notes, "tables may be encrypted ("+strings.Join(rings, ", ")+"): full transfers must be, too")
	}
	return notes
}

func words(t wsrep.Talk) string {
	switch t {
	case wsrep.Plaintext:
		return "plain text"
	case wsrep.Both:
		return "TLS or plain text, as the other side likes"
	case wsrep.TLS:
		return "TLS only"
	}
	return "unknown"
}

func both(now, file wsrep.Talk) string {
	if now == file {
		return words(now)
	}
	return fmt.Sprintf("%s (by its files %s, after a restart)", words(now), words(file))
}

func (f found) seen(presented, file string) string {
	switch {
	case !f.looked:
		return ""
	case presented == "" && file == "":
		return ""
	case presented == "":
		return ", presents no certificate"
	case presented == file:
		return ", presents " + pki.Short(presented)
	case file == "":
		return ", presents " + pki.Short(presented) + ", which is not in its files"
	}
	return fmt.Sprintf(", presents %s, but the file holds %s", pki.Short(presented), pki.Short(file))
}
