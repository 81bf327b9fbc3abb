package sshconfig

import (
	"slices"
	"strings"
)

// heeded tells which keywords say something about how a host is reached here.
func heeded(key string) bool {
	return slices.Contains([]string{
		"hostname", "port", "user", "identityfile", "certificatefile", "identitiesonly", "identityagent",
		"proxyjump", "proxycommand", "userknownhostsfile", "globalknownhostsfile", "hostkeyalias", "hashknownhosts",
		"revokedhostkeys", "hostkeyalgorithms", "kexalgorithms", "ciphers", "macs",
		"serveraliveinterval", "serveralivecountmax", "connecttimeout", "canonicalizehostname",
	}, key)
}

// passedOver tells which other keywords ssh knows. They are about terminals,
// tunnels, multiplexing and ways to log in that are not used here, or would
// loosen the check of host keys.
func passedOver(key string) bool {
	return slices.Contains(strings.Fields(`
		addkeystoagent addressfamily batchmode bindaddress bindinterface canonicaldomains
		canonicalizefallbacklocal canonicalizemaxdots canonicalizepermittedcnames casignaturealgorithms
		challengeresponseauthentication channeltimeout checkhostip cipher clearallforwardings
		compression compressionlevel connectionattempts controlmaster controlpath controlpersist
		dsaauthentication dynamicforward enableescapecommandline enablesshkeysign escapechar
		exitonforwardfailure fallbacktorsh fingerprinthash forkafterauthentication forwardagent
		forwardx11 forwardx11timeout forwardx11trusted gatewayports gssapiauthentication
		gssapiclientidentity gssapidelegatecredentials gssapikexalgorithms gssapikeyexchange
		gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns hostbasedacceptedalgorithms
		hostbasedauthentication hostbasedkeytypes identityfile2 ipqos kbdinteractiveauthentication
		kbdinteractivedevices keepalive knownhostscommand localcommand localforward loglevel
		logverbose mibprefix nohostauthenticationforlocalhost numberofpasswordprompts
		obscurekeystroketiming passwordauthentication permitlocalcommand permitremoteopen
		pkcs11provider preferredauthentications protocol proxyusefdpass pubkeyacceptedalgorithms
		pubkeyacceptedkeytypes pubkeyauthentication refuseconnection rekeylimit remotecommand
		remoteforward requesttty requiredrsasize rhostsrsaauthentication rsaauthentication
		securitykeyprovider sendenv sessiontype setenv skeyauthentication smartcarddevice
		stdinnull streamlocalbindmask streamlocalbindunlink stricthostkeychecking syslogfacility
		tag tcpkeepalive tunnel tunneldevice updatehostkeys useblacklistedkeys usekeychain
		useprivilegedport userroaming usersh verifyhostkeydns versionaddendum visualhostkey
		warnweakcrypto xauthlocation`), key)
}
