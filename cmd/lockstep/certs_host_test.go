package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"lockstep/steps"
	"lockstep/steps/stepstest"
)

// certsHost is a host whose server answers for its variables with these values,
// or not at all, and that has files with their own paths in them.
func certsHost(running map[string]string, conf string, files ...string) *stepstest.Fake {
	h := stepstest.NewFake("db1")
	h.PutFile("/etc/my.cnf", conf)
	for _, f := range files {
		h.PutFile(f, f)
	}
	h.OnOther(func(_ *stepstest.Fake, c steps.Command) steps.Output {
		text := strings.Join(c.Argv, " ")
		switch {
		case strings.Contains(text, "how the server was started"):
			return steps.Output{}
		case !strings.Contains(text, "a query of"):
			return steps.Output{Stdout: []byte("mysqld  Ver 8.0.36 for Linux")}
		case running == nil:
			return steps.Output{Code: 1, Stderr: []byte("ERROR 2002 (HY000): Can't connect")}
		}
		for name, value := range running {
			if strings.Contains(text, "VARIABLE_NAME = '"+name+"'") {
				return steps.Output{Stdout: []byte(value + "\tCOMPILED\t\n")}
			}
		}
		return steps.Output{}
	})
	return h
}

func TestImportFindsTheSetOfAServer(t *testing.T) {
	const data, etc = "/var/lib/mysql/", "/etc/mysql/certs/"
	inData := []string{data + "ca.pem", data + "server-cert.pem", data + "server-key.pem"}
	inEtc := []string{etc + "ca.pem", etc + "server-cert.pem", etc + "server-key.pem"}
	whole := slices.Concat(inData, []string{data + "ca-key.pem", data + "client-cert.pem", data + "client-key.pem"})
	for _, tt := range []struct {
		name    string
		running map[string]string
		conf    string
		files   []string
		flags   importFlags
		want    []string // nil: an error
		told    string
	}{
		{name: "made by the server itself", running: map[string]string{"datadir": data, "ssl_ca": "ca.pem", "ssl_cert": "server-cert.pem", "ssl_key": "server-key.pem"},
			files: whole, want: whole, told: data + "ca-key.pem is the authority's key"},
		{name: "another data directory", running: map[string]string{"datadir": "/srv/db/"}, files: []string{"/srv/db/ca.pem", "/srv/db/server-cert.pem", "/srv/db/server-key.pem"},
			want: []string{"/srv/db/ca.pem", "/srv/db/server-cert.pem", "/srv/db/server-key.pem"}, told: "by the running server"},
		{name: "not those of the data directory", running: map[string]string{"datadir": data, "ssl_ca": inEtc[0], "ssl_cert": inEtc[1], "ssl_key": inEtc[2]},
			files: slices.Concat(whole, inEtc), want: inEtc, told: "by the running server"},
		{name: "by the option files", conf: "[client]\nssl-ca=/x\n[mysqld]\nssl-ca=/a\nloose_ssl_ca=" + inEtc[0] + "\nssl-cert=" + inEtc[1] + "\nssl-key=server-key.pem\ndatadir=/srv\n",
			files: []string{inEtc[0], inEtc[1], "/srv/server-key.pem"}, want: []string{inEtc[0], inEtc[1], "/srv/server-key.pem"}, told: "by its option files: no server answers on the local socket"},
		{name: "nothing is set", conf: "", files: inData, want: inData, told: "by its option files"},
		{name: "no files", running: map[string]string{"datadir": data}, told: data + "ca.pem"},
		{name: "half a client", running: map[string]string{"datadir": data}, files: append(inData, data+"client-key.pem")},
		{name: "a directory", running: map[string]string{"datadir": data}, files: slices.Concat(inData, inEtc), flags: importFlags{from: "/etc/mysql/certs"}, want: inEtc},
		{name: "a relative directory", files: inData, flags: importFlags{from: "certs"}},
		{name: "single files", running: map[string]string{"datadir": data}, files: slices.Concat(inData, inEtc), flags: importFlags{files: map[string]*string{caFile: &inEtc[0]}},
			want: []string{inEtc[0], inData[1], inData[2]}},
		{name: "a single file that is not there", running: map[string]string{"datadir": data}, files: inData, flags: importFlags{files: map[string]*string{caFile: &inEtc[0]}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := certsHost(tt.running, tt.conf, tt.files...)
			before := h.State()
			files := map[string]*string{}
			for _, name := range []string{caFile, caKeyFile, serverFile, serverKeyFile, clientFile, clientKeyFile} {
				files[name] = new(string)
			}
			maps.Copy(files, tt.flags.files)
			tt.flags.files = files
			found, told, err := tt.flags.readHost(t.Context(), h)
			var got []string
			for _, text := range found {
				got = append(got, string(text))
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(tt.want))
			if (err == nil) != (tt.want != nil) || err == nil && !slices.Equal(got, want) || !strings.Contains(strings.Join(told, "\n"), tt.told) {
				t.Errorf("got %v (%v), %q, %v", got, slices.Sorted(maps.Keys(found)), told, err)
			}
			if len(h.Execs()) > 0 || h.State() != before {
				t.Error("the host was changed")
			}
		})
	}
}
