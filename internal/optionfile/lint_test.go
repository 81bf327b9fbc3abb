package optionfile

import (
	"strings"
	"testing"
)

func TestLint(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		severity         Severity
	}{
		{"shadowed", "[mysqld]\nport=1\nPORT=2\n", "my.cnf:2: port has no effect: my.cnf:3 sets it later", Warning},
		{"list shadowed", "[mysqld]\nwsrep_provider_options=\"gcache.size=1G\"\nwsrep-provider-options=\"socket.ssl=yes\"\n", "replaces the whole list", Warning},
		{"skip-ssl", "[mysqld]\nssl-ca=/a\nskip-ssl\n", "my.cnf:3: skip-ssl turns TLS off", Refuse},
		{"ssl=0", "[mysqld]\nssl=0\nssl_cert=/a\nssl_key=/b\n", "ssl turns TLS off", Refuse},
		{"disable-ssl", "[mysqld]\nloose-disable_ssl\nssl_ca=/a\n", "turns TLS off", Refuse},
		{"no value", "[mysqld]\nssl-ca\n", "has no value", Fatal},
		{"empty value", "[mysqld]\nssl-ca=\n", "is empty", Warning},
		{"relative", "[mysqld]\nssl-ca=ca.pem\n", "relative to the data directory", Warning},
		{"half", "[mysqld]\nssl-cert=/a\n", "without ssl-key", Warning},
		{"other half", "[mysqld]\nssl-key=/a\n", "without ssl-cert", Warning},
		{"list refused", "[mysqld]\nwsrep_provider_options=\"a=1,b=2\"\n", "More than one value", Fatal},
		{"unknown parameter", "[mysqld]\nwsrep_provider_options=\"socket,ssl_cert=/a\"\n", `did you mean "socket.ssl_cert"?`, Refuse},
		{"capitals", "[sst]\nENCRYPT=4\n", "write encrypt", Warning},
		{"old mode", "[sst]\nencrypt=3\n", "deprecated", Warning},
		{"abbreviation", "[mysqld]\nssl-c=/x\n", "abbreviation of ssl-ca", Warning},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Lint(parse(t, c.text).Options())
			for _, p := range got {
				if p.Severity == c.severity && strings.Contains(p.Error(), c.want) {
					return
				}
			}
			t.Errorf("got %v, want %s: %s", got, c.severity, c.want)
		})
	}
}

func TestLintIsQuietOnSoundOptions(t *testing.T) {
	text := "[mysqld]\nskip-ssl\nssl=on\nssl-ca=/a\nssl-cert=/b\nssl-key=/c\nwsrep_provider=/p\n" +
		"wsrep_provider_options=\"gcache.size=1G;socket.ssl=yes\"\nplugin-load-add=x\nplugin-load-add=y\n[sst]\nencrypt=4\n"
	if got := Lint(parse(t, text).Options()); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

func TestIsSecret(t *testing.T) {
	for key, want := range map[string]bool{
		"password": true, "PASSWORD": true, "pass": true, "wsrep_sst_auth": true, "loose-wsrep-sst-auth": true,
		"master_password": true, "report-password": true, "encrypt-key": true, "ssl-passphrase": true, "password1": true,
		"ssl-key": false, "validate_password_length": false, "socket.ssl_password_file": false, "port": false,
		"default_password_lifetime": false,
	} {
		if got := IsSecret(key); got != want {
			t.Errorf("%s: got %v", key, got)
		}
	}
}

func TestNoMessageShowsASecret(t *testing.T) {
	const secret = "hush-hush"
	for _, text := range []string{
		"[mysqld]\nwsrep_sst_auth=”" + secret + "”\n", "[mysqld]\npassword=\"" + secret + "\npassword=" + secret + "2\n",
		"[mysqld]\nwsrep_sst_auth=" + secret + "#x\n",
	} {
		f := parse(t, text)
		for _, p := range append(f.Problems(), Lint(f.Options())...) {
			if strings.Contains(p.Error(), secret) {
				t.Errorf("%v", p)
			}
		}
	}
	f, edits, err := Apply(parse(t, "[mysqld]\npassword=old\n"), []Setting{{Group: "mysqld", Key: "password", Value: secret}})
	if err != nil || len(edits) != 1 || edits[0].New != "" || strings.Contains(edits[0].String(), secret) || f.Find("password")[0].Value != secret {
		t.Errorf("%v %v", edits, err)
	}
	_, _, err = Apply(f, []Setting{{Group: "mysqld", Key: "password", Value: secret + strings.Repeat("x", 5000)}, {Group: "mysqld", Key: "passwd", Value: secret + "\x01"}})
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("%v", err)
	}
}
