package pki

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	ca, other := newCA(t, ECDSAP256), newCA(t, ECDSAP256)
	server := issue(t, ca, LeafRequest{CommonName: "s", Role: RoleServer, Algorithm: ECDSAP256})
	client := issue(t, ca, LeafRequest{CommonName: "c", Role: RoleClient, Algorithm: ECDSAP256})
	foreign := issue(t, other, LeafRequest{CommonName: "f", Role: RoleServer, Algorithm: ECDSAP256})
	old, twin := root("one").make(t, nil), root("one").make(t, nil)
	dh, err := DHParams()
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, data []byte) File { return File{Name: name, Data: data, Mode: 0o600} }
	all := []File{file("ca.pem", ca.CertPEM()), file("ca-key.pem", keyPEM(t, ca)), file("s.pem", server.CertPEM()), file("s-key.pem", keyPEM(t, server)),
		file("c.pem", client.CertPEM()), file("c-key.pem", keyPEM(t, client)), file("ibdata1", []byte("\x00\x01")), file("dh.pem", dh)}
	add := func(more ...File) []File { return append(slices.Clone(all), more...) }
	weak, _ := openssl(t, nil, "dhparam", "-dsaparam", "512")
	weak = weak[strings.Index(weak, "-----BEGIN"):]

	for _, row := range []struct {
		name    string
		files   []File
		verdict string
		sets    string // role:cert:key:ca
		found   string // file:severity:code
	}{
		{"a whole set", all, "sound; the first certificate to end is s.pem", "server:s.pem:s-key.pem:ca.pem client:c.pem:c-key.pem:ca.pem", "ca-key.pem:note:authority-key"},
		{"no CA beside it", []File{all[2], all[3]}, "sound; ", "server:s.pem:s-key.pem:", ""},
		{"one of another authority", add(file("f.pem", foreign.CertPEM())), "NOT USABLE",
			"server:s.pem:s-key.pem:ca.pem client:c.pem:c-key.pem:ca.pem server:f.pem::ca.pem", "ca-key.pem:note:authority-key"},
		{"two authorities, each with its own", add(file("f.pem", foreign.CertPEM()), file("f-ca.pem", other.CertPEM())), "sound",
			"server:s.pem:s-key.pem:ca.pem client:c.pem:c-key.pem:ca.pem server:f.pem::f-ca.pem", "ca-key.pem:note:authority-key"},
		{"strange key", []File{all[0], all[2], file("f-key.pem", keyPEM(t, foreign))}, "usable, with warnings", "server:s.pem::ca.pem", "f-key.pem:warn:key-mismatch"},
		{"open key", []File{all[0], all[2], {"s-key.pem", all[3].Data, fs.FileMode(0o644)}}, "usable, with warnings", "server:s.pem:s-key.pem:ca.pem", "s-key.pem:warn:open-key"},
		{"damaged file", []File{file("ca.pem", ca.CertPEM()[:200])}, "NOT USABLE", "", "ca.pem:fail:unreadable"},
		{"bundle of twins", []File{file("ca.pem", certsPEM(list(old, twin)))}, "NOT USABLE", "", "ca.pem:fail:same-subject"},
		{"weak group", []File{file("dh.pem", []byte(weak))}, "NOT USABLE", "", "dh.pem:fail:weak-key"},
		{"nothing", []File{file("ibdata1", []byte("\x00\x01"))}, "nothing to judge", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := Inspect(row.files, testNow)
			var sets, found []string
			for _, s := range in.Sets {
				sets = append(sets, fmt.Sprintf("%s:%s:%s:%s", s.Role, s.Cert, s.Key, s.CA))
			}
			for _, f := range in.Findings {
				found = append(found, fmt.Sprintf("%s:%s:%s", f.File, f.Severity, f.Code))
			}
			if got := strings.Join(sets, " "); got != row.sets {
				t.Errorf("sets: got %q, want %q", got, row.sets)
			}
			if got := strings.Join(found, " "); got != row.found {
				t.Errorf("findings: got %q, want %q", got, row.found)
			}
			if !strings.HasPrefix(in.Verdict(), row.verdict) {
				t.Errorf("verdict %q, want %q", in.Verdict(), row.verdict)
			}
			if text := fmt.Sprintf("%+v", in); strings.Contains(text, "MII") || strings.Contains(text, "MHc") {
				t.Error("it shows content")
			}
		})
	}
}

func TestInspectFindsEqualSerials(t *testing.T) {
	files := runScript(t, `set -e
openssl req -newkey rsa:2048 -nodes -x509 -days 3600 -subj /CN=ca -keyout ca-key.pem -out ca.pem
for n in a b; do
  openssl req -newkey rsa:2048 -nodes -subj /CN=$n -keyout $n-key.pem -out $n-req.pem
  openssl x509 -req -in $n-req.pem -days 3600 -CA ca.pem -CAkey ca-key.pem -set_serial 01 -out $n.pem
done
`, "ca.pem", "a.pem", "b.pem")
	in := Inspect([]File{{Name: "ca.pem", Data: files["ca.pem"]}, {Name: "a.pem", Data: files["a.pem"]}, {Name: "b.pem", Data: files["b.pem"]}}, testNow)
	if len(in.Findings) != 1 || in.Findings[0].Code != CodeSameSerial || in.Findings[0].File != "b.pem" {
		t.Errorf("got %v, want the serial number of b.pem", in.Findings)
	}
}

func TestDHParamsAreThoseOfOpenSSL(t *testing.T) {
	data, err := DHParams()
	if err != nil {
		t.Fatal(err)
	}
	out, ok := openssl(t, map[string][]byte{"dh.pem": data}, "dhparam", "-in", "dh.pem", "-check", "-text")
	if !ok || !strings.Contains(out, "GROUP: ffdhe2048") || !strings.Contains(out, string(data)) {
		t.Errorf("openssl says %s", out)
	}
	if bits, err := DHParamsBits(data); bits != 2048 || err != nil {
		t.Errorf("got %d, %v", bits, err)
	}
	for _, bad := range []string{"", "text", strings.Replace(string(data), "MIIB", "MIIC", 1), string(data) + string(data)} {
		if _, err := DHParamsBits([]byte(bad)); err == nil {
			t.Errorf("no error for %.30q", bad)
		}
	}
}

func TestCheckBundle(t *testing.T) {
	a, b := root("one").make(t, nil), root("one").make(t, nil)
	leaf := leafOf("x").make(t, a)
	if fs := CheckBundle(list(a, b), testNow); Worst(fs) != Fail {
		t.Errorf("twins: %v", fs)
	}
	if fs := CheckBundle(list(a, leaf), testNow); Worst(fs) != Fail {
		t.Errorf("a leaf: %v", fs)
	}
	renewed := recipe{subject: "one", ca: true, pathLen: -1, usage: a.Cert.KeyUsage, from: -day, to: 900 * day, key: a.Key}.make(t, nil)
	if fs := CheckBundle(list(a, renewed, root("two").make(t, nil)), testNow); Worst(fs) == Fail {
		t.Errorf("a renewed authority of the same key: %v", fs)
	}
}
