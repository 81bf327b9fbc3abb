package steps

import "testing"

func TestCommandString(t *testing.T) {
	for _, tt := range []struct {
		argv []string
		want string
	}{
		{[]string{"systemctl", "start", "mariadb"}, "systemctl start mariadb"},
		{[]string{"openssl", "pkey", "-in", "/secret"}, "openssl pkey -in ..."},
		{[]string{"sh", "-c", "# the list of servers\nps x"}, "the list of servers"},
		{[]string{"sh", "-c", "set -e\nrm x", "name"}, "sh -c set -e ..."},
	} {
		if got := (Command{Argv: tt.argv}).String(); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.argv, got, tt.want)
		}
	}
}
