package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"lockstep/internal/acmepki/acmetest"
)

// serveACME is the command that starts an ACME server. It asks the DNS that a
// directory is, and port ACME_HTTP of every name; ACME_URL is its directory,
// FOLDER/tls.pem vouches for itself, FOLDER/root.pem for what it signs. It wants
// the external account kid-1.
func serveACME(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: acme ZONE FOLDER")
	}
	s, err := acmetest.Start(acmetest.Options{Zone: ts.MkAbs(args[0]), Seconds: 90 * 24 * 3600,
		Bindings: map[string]string{"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}})
	ts.Check(err)
	ts.Defer(func() { ts.Check(s.Close()) })
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+"/tls.pem"), s.CA, 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+"/root.pem"), s.Root, 0o644))
	ts.Setenv("ACME_URL", s.URL)
	ts.Setenv("ACME_HTTP", s.HTTP)
}
