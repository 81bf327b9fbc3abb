package optionfile

import "testing"

// TestNamesAreComparedAsTheServerFindsThem: comparing two names and giving each
// its one spelling are the same.
func TestNamesAreComparedAsTheServerFindsThem(t *testing.T) {
	names := []string{"", "ssl-ca", "SSL_CA", "loose-ssl-ca", "LOOSE_Loose-ssl_ca", "ssl-cax", "skip-ssl", "loose-", "loose", "loosessl-ca", "ssl ca", "\u00C4", "\u00E4"}
	for _, a := range names {
		for _, b := range names {
			if got, want := sameKey(a, b), canonical(a) == canonical(b); got != want {
				t.Errorf("%q and %q are compared as %v, and their one spelling as %v", a, b, got, want)
			}
		}
	}
	if !sameKey("ssl-ca", "LOOSE_Loose-ssl_ca") || sameKey("ssl-ca", "ssl-cax") || sameKey("loose", "loose-") {
		t.Error("names are compared wrongly")
	}
	if !sameGroup("mysqld", "MYSQLD") || sameGroup("my_sqld", "my-sqld") {
		t.Error("groups are compared wrongly")
	}
}
