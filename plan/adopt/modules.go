package adopt

// modules are the modules that are known here. One that is not listed and has
// the name of a kind is judged by that kind's parameters alone.
func modules() []module {
	out := []module{
		{name: "command", own: (*reader).command}, {name: "shell", own: (*reader).command},
		{name: "script", own: (*reader).command}, {name: "raw", own: (*reader).command},
		{name: "file", own: (*reader).file},
		{name: "ini_file", own: (*reader).iniFile}, {name: "lineinfile", own: (*reader).lineInFile},
		{name: "blockinfile", own: (*reader).lineInFile}, {name: "replace", own: (*reader).lineInFile},
		{name: "copy", kind: "copy", params: copyWords()},
		{name: "template", kind: "template", params: copyWords(), note: "`copy` with `content` has {{ }}, but no {% %}"},
		{name: "service", own: (*reader).service}, {name: "systemd", own: (*reader).service},
		{name: "systemd_service", own: (*reader).service},
		{name: "set_fact", own: (*reader).setFact}, {name: "pause", own: (*reader).pause}, {name: "assert", own: (*reader).assert}, {name: "fail", own: (*reader).fail},
		{name: "include_tasks", own: (*reader).include}, {name: "import_tasks", own: (*reader).include}, {name: "include", own: (*reader).include},
	}
	for _, names := range [][2]string{
		{"debug", leave + ": the dry run shows what a step would change"},
		{"setup", leave + ": nothing is gathered before it is needed"}, {"gather_facts", leave + ": nothing is gathered before it is needed"},
		{"ping", leave + ": every host is reached before anything is changed"}, {"wait_for_connection", leave + ": every host is reached before anything is changed"},
		{"meta", leave + ": there are no handlers to flush, and a failed host stops the stage"},
	} {
		out = append(out, module{name: names[0], note: names[1]})
	}
	return append(append(out, certificateModules()...), without()...)
}

func copyWords() []word {
	return []word{
		{"backup", "", "nothing is left on the host beside the file; keep the old content where the plan is kept"},
		{"remote_src", "", "src is on the control machine; a `command` with `creates` copies on the host"},
		{"directory_mode", "directory: {path: ..., mode: ...}", "a step in front"},
		{"force", "", "a file that differs is replaced; a `command` with `creates` writes a file once"},
		{"validate", "", "a `command` behind the step can check the file, but it is in place by then"},
		{"follow", leave, "what a link leads to is replaced, and the link stays"},
		{"checksum", leave, "content is compared as a whole"}, {"decrypt", leave, "files are taken as they are"},
		{"unsafe_writes", "", "a file is always replaced in one act"},
		{"seuser", leave, "SELinux labels are kept"}, {"serole", leave, "SELinux labels are kept"}, {"setype", leave, "SELinux labels are kept"}, {"selevel", leave, "SELinux labels are kept"},
		{"attributes", "", "only owner, group and mode are kept"}, {"attr", "", "only owner, group and mode are kept"},
		{"newline_sequence", leave, "files are taken as they are"}, {"trim_blocks", "", "only in templates of Ansible"}, {"lstrip_blocks", "", "only in templates of Ansible"},
	}
}

// certificateModules are done by certs, all in one step.
func certificateModules() []module {
	note := "one step, {dir: ..., name: ...}, makes the authority, keys and certificates on the control machine, and `copy` brings them"
	var out []module
	for _, name := range []string{"openssl_privatekey", "openssl_csr", "openssl_csr_pipe", "x509_certificate", "x509_certificate_pipe", "openssl_certificate", "openssl_publickey"} {
		out = append(out, module{name: name, kind: "certs", note: note})
	}
	return append(out,
		module{name: "openssl_dhparam", kind: "command", note: "{argv: [openssl, dhparam, -out, PATH, \"2048\"], creates: PATH}"},
		module{name: "x509_certificate_info", kind: "verify", note: "{certificates: {files: [...], expires_in: 30d}}"},
		module{name: "get_certificate", kind: "verify", note: "{mysql: {ca: ..., server_cert: ...}}"})
}

// without are well-known modules that no kind stands for.
func without() []module {
	var out []module
	for _, group := range []struct {
		note  string
		names []string
	}{
		{"packages are installed beforehand", []string{"apt", "yum", "dnf", "dnf5", "package", "zypper", "pip", "apt_key", "apt_repository", "yum_repository", "deb822_repository", "rpm_key", "package_facts", "npm", "snap"}},
		{"accounts and data are the business of SQL: `command` with a script and a `check`", []string{"mysql_user", "mysql_db", "mysql_query", "mysql_role", "mysql_replication"}},
		{"`verify: {sql: [{query: ..., want: ...}]}` compares what the server runs with", []string{"mysql_info"}},
		{"`my_cnf` sets it in the file, and `service: {state: current}` restarts what runs on the old one", []string{"mysql_variables"}},
		{"kinds look at the host themselves; `command` has creates and removes", []string{"stat", "find", "slurp", "service_facts"}},
		{"a stage waits for health by its `gate`", []string{"wait_for", "uri"}},
		{"variables stand in `vars` and in the inventory, and mean the same in the whole run", []string{"include_vars", "set_stats", "add_host", "group_by"}},
		{"there are no roles: put their tasks into `steps` and their defaults into `vars`", []string{"include_role", "import_role"}},
		{"files come from the control machine: fetch them there, and `copy` brings them", []string{"get_url", "unarchive", "synchronize", "git", "assemble"}},
		{"nothing is brought from hosts", []string{"fetch", "tempfile"}},
		{"users and groups are made beforehand", []string{"user", "group", "authorized_key"}},
		{"this is about the system, not about the plan's services", []string{"cron", "sysctl", "hostname", "reboot", "firewalld", "ufw", "iptables", "selinux", "seboolean", "sefcontext", "mount", "timezone", "known_hosts", "locale_gen", "alternatives"}},
	} {
		for _, name := range group.names {
			out = append(out, module{name: name, note: group.note})
		}
	}
	return out
}
