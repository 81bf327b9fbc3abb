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

// TestNoNameIsPassedOver: what the quick look lets through is all that has a name
// of setting in it.
func TestNoNameIsPassedOver(t *testing.T) {
	for _, name := range []string{"password", "PassWd", "passphrase", "pass", "PWD", "secret", "token", "to\u212Aen", "pa\u017F\u017Fword", "apikey", "API_KEY", "api-key",
		"credential", "Credentials", "sst_auth", "wsrep-SST-auth", "db.password_value", "token-env"} {
		text := "a = 1\n" + name + ": value\n"
		if !setting.MatchString(text) || MaskSettings(text) == text {
			t.Errorf("%q is not masked", text)
		}
	}
	for _, text := range []string{"", "[sst]\nssl-key = /etc/key.pem\n", "port: 3306, name: value"} {
		if mayName(text) || setting.MatchString(text) {
			t.Errorf("%q is searched", text)
		}
	}
}

func FuzzMaskSettings(f *testing.F) {
	f.Add("sst_auth = a:b")
	f.Add("to\u212Aen: x")
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := MaskSettings(text), setting.ReplaceAllString(text, "${1}"+Mask); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	})
}
