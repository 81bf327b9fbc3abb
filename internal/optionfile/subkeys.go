package optionfile

import (
	"fmt"
	"strings"

	"lockstep/internal/spell"
)

// knownSubKeys lists the parameters of the Galera provider by prefix: Galera
// documentation, "Galera Parameters", the option tables of the provider up to
// 26.4, and the additions of Percona XtraDB Cluster.
func knownSubKeys() map[string][]string {
	return map[string][]string{
		"":           {"base_dir", "base_host", "base_port", "debug", "signal"},
		"allocator.": words("disk_pages_encryption encryption_cache_page_size encryption_cache_size"),
		"cert.":      words("log_conflicts optimistic_pa"),
		"evs.": words("auto_evict causal_keepalive_period debug_log_mask delay_margin delayed_keep_period " +
			"inactive_check_period inactive_timeout info_log_mask install_timeout join_retrans_period " +
			"keepalive_period max_install_timeouts send_window stats_report_period suspect_timeout " +
			"use_aggregate user_send_window version view_forget_timeout"),
		"gcache.": words("debug dir encryption encryption_cache_page_size encryption_cache_size freeze_purge_at_seqno " +
			"keep_pages_count keep_pages_size keep_plaintext_size mem_size name page_size recover size"),
		"gcomm.": words("thread_prio"),
		"gcs.": words("check_appl_proto fc_auto_evict_threshold fc_auto_evict_window fc_debug fc_factor fc_limit " +
			"fc_master_slave fc_single_primary max_packet_size max_throttle recv_q_hard_limit " +
			"recv_q_soft_limit stateless sync_donor vote_policy"),
		"gmcast.":   words("group isolate listen_addr mcast_addr mcast_ttl peer_timeout segment time_wait version"),
		"ist.":      words("keep_keys recv_addr recv_bind"),
		"pc.":       words("announce_timeout bootstrap checksum ignore_quorum ignore_sb linger npvo recovery version wait_prim wait_prim_timeout wait_restored_prim_timeout weight"),
		"protonet.": words("backend version"),
		"repl.":     words("causal_read_timeout commit_order key_format max_ws_size proto_max"),
		"socket.": words("checksum dynamic if_addr if_loop mcast_ttl recv_buf_size send_buf_size ssl ssl_ca ssl_cert " +
			"ssl_cipher ssl_compression ssl_key ssl_password_file ssl_reload"),
	}
}

func words(s string) []string { return strings.Fields(s) }

// CheckSubKey judges a key of wsrep_provider_options by the parameters that
// Galera is known to have. The problem has severity Refuse for a key that cannot be
// right (wrong characters, unknown under socket.) and a Warning for one that
// is only unknown here; ok is true if there is none.
func CheckSubKey(key string) (p Problem, ok bool) {
	if err := checkKey(key); err != nil {
		return unknownSubKey(key, Refuse), false
	}
	for prefix, names := range knownSubKeys() {
		for _, name := range names {
			if prefix+name == key {
				return Problem{}, true
			}
		}
	}
	if strings.HasPrefix(lower(key), "socket") {
		return unknownSubKey(key, Refuse), false
	}
	return unknownSubKey(key, Warning), false
}

func unknownSubKey(key string, s Severity) Problem {
	p := Problem{Severity: s, Text: fmt.Sprintf("Galera has no parameter %s", quoteKey(key))}
	if s == Warning {
		p.Text = fmt.Sprintf("%s is no parameter of Galera known here, and an unknown one stops the server", quoteKey(key))
	}
	if near := nearestSubKey(key); near != "" {
		p.Do = fmt.Sprintf("did you mean %q?", near)
	}
	return p
}

// nearestSubKey returns the known key that is closest in spelling, the first
// in the alphabet of equals, or nothing if none is close.
func nearestSubKey(key string) string {
	best, least := "", 4
	for prefix, names := range knownSubKeys() {
		for _, name := range names {
			full := prefix + name
			d := spell.Distance(key, full)
			if strings.HasPrefix(key, full) && len(full) > len(prefix)+3 {
				d = min(d, 3)
			}
			if d < least || d == least && best != "" && closer(full, best) {
				best, least = full, d
			}
		}
	}
	return best
}

// closer orders two equally near keys: the longer one has more in common.
func closer(a, b string) bool {
	return len(a) > len(b) || len(a) == len(b) && a < b
}
