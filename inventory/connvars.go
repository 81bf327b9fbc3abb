package inventory

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/source"
	"lockstep/internal/spell"
)

// RunDirVar is the one connection variable that Ansible does not know: where
// lockstep keeps its private files on a host.
const RunDirVar = "lockstep_run_dir"

// ConnectionVars lists the ansible_* variables that say how a host is reached and
// whom to become there.
func ConnectionVars() []string {
	return slices.Concat(LoginPasswords(), BecomePasswords(), []string{
		"ansible_host", "ansible_ssh_host",
		"ansible_port", "ansible_ssh_port",
		"ansible_user", "ansible_ssh_user",
		"ansible_ssh_private_key_file", "ansible_private_key_file",
		"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args",
		"ansible_timeout", "ansible_ssh_timeout",
		"ansible_connection", "ansible_shell_type",
		"ansible_host_key_checking", "ansible_ssh_host_key_checking",
		"ansible_become", "ansible_become_user", "ansible_become_method",
		RunDirVar,
	})
}

// LoginPasswords and BecomePasswords list the names of the two passwords, which
// may be references to secrets.
func LoginPasswords() []string {
	return []string{"ansible_password", "ansible_ssh_pass", "ansible_ssh_password"}
}

// BecomePasswords lists the names of the other one; see LoginPasswords.
func BecomePasswords() []string {
	return []string{"ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"}
}

// harmless lists what changes how Ansible works, and nothing about which host
// is reached, how, or as whom.
func harmless() []string {
	return []string{
		priorityVar, // of a host: Ansible ignores it there
		"ansible_managed", "ansible_facts", "ansible_remote_tmp", "ansible_async_dir",
		"ansible_pipelining", "ansible_ssh_pipelining", "ansible_ssh_transfer_method",
		"ansible_scp_if_ssh", "ansible_sftp_batch_mode", "ansible_ssh_retries",
		"ansible_control_path", "ansible_control_path_dir", "ansible_ssh_control_path", "ansible_ssh_control_path_dir",
	}
}

// notYet lists well-known variables that would change how a host is reached.
func notYet() []string {
	return []string{
		"ansible_become_exe", "ansible_become_flags", "ansible_ssh_executable", "ansible_shell_executable",
		"ansible_sftp_extra_args", "ansible_scp_extra_args", "ansible_ssh_private_key", "ansible_private_key",
		"ansible_ssh_private_key_passphrase", "ansible_ssh_passphrase", "ansible_ssh_pkcs11_provider", "ansible_ssh_use_tty",
		"ansible_sudo_user", "ansible_sudo_exe", "ansible_sudo_flags", "ansible_su_user", "ansible_su_pass",
		"ansible_network_os", "ansible_winrm_transport", "ansible_paramiko_proxy_command",
	}
}

// facts are prefixes of what Ansible finds out about a host; an inventory that
// sets them by hand means data, not a connection.
func facts() []string {
	return []string{
		"ansible_distribution", "ansible_os_family", "ansible_architecture", "ansible_hostname", "ansible_fqdn",
		"ansible_domain", "ansible_nodename", "ansible_kernel", "ansible_mem", "ansible_processor", "ansible_default_ipv",
		"ansible_all_ipv", "ansible_interfaces", "ansible_eth", "ansible_date_time", "ansible_env", "ansible_service_mgr",
		"ansible_pkg_mgr", "ansible_virtualization", "ansible_system", "ansible_selinux",
	}
}

// checkConnectionVar refuses an ansible_* variable that Connection would not
// honour: dropping it could mean another host, user or path than was meant.
func checkConnectionVar(name string, v source.Value) error {
	hasPrefix := func(fact string) bool { return strings.HasPrefix(name, fact) }
	switch {
	case !strings.HasPrefix(name, "ansible_"), slices.Contains(ConnectionVars(), name), slices.Contains(harmless(), name),
		strings.HasSuffix(name, "_interpreter"), slices.ContainsFunc(facts(), hasPrefix):
		return nil
	case slices.Contains(notYet(), name):
		return v.Errorf("take it out for this host, if the host is reached without it", "%s is not honoured yet", name)
	}
	hint := "a variable of your own needs a name that does not begin with ansible_"
	if near := spell.Nearest(name, ConnectionVars()); near != "" {
		hint = fmt.Sprintf("did you mean %s? %s", near, hint)
	}
	return v.Errorf(hint, "%s is not a variable known here", name)
}
