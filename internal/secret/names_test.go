package secret

import "testing"

func TestMaskSettings(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{`db_pass = hunter99`, `db_pass = <secret>`},
		{`+API_KEY=sk-123 # live`, `+API_KEY=<secret>`},
		{`wsrep_sst_auth: "sst:top secret"`, `wsrep_sst_auth: <secret>`},
		{`    secret_env: {MYSQL_PWD: "correct horse"}, x: 1`, `    secret_env: <secret>}, x: 1`},
		{`{user: a, password: 'b c', port: 1}`, `{user: a, password: <secret>, port: 1}`},
		{`password: "unclosed`, `password: <secret>`},
		{`password_file: /etc/pw`, `password_file: /etc/pw`},
		{`validate_password_length = 8`, `validate_password_length = 8`},
		{`ssl-key = /etc/key.pem`, `ssl-key = /etc/key.pem`},
		{`password:`, `password:`},
		{"password =\nport = 1", "password =\nport = 1"},
	} {
		if got := MaskSettings(row.text); got != row.want {
			t.Errorf("%q: got %q, want %q", row.text, got, row.want)
		}
	}
}

func TestIsName(t *testing.T) {
	for name, want := range map[string]bool{"db_password": true, "token": true, "API_KEY": true, "password_file": false, "port": false, "name": false} {
		if got := IsName(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
