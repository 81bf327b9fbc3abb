package audit

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"lockstep/steps"
)

// Prometheus writes a report for the textfile collector of the node exporter.
// All series of a plan are there in each report, also those that are 0.
func Prometheus(w io.Writer, r Report) error {
	var p prom
	plan := label{"plan", r.Plan}
	p.head("lockstep_audit_clean", "Whether the verdict of the audit is that nothing is wrong.")
	p.series("lockstep_audit_clean", bit(r.Clean()), plan)
	p.head("lockstep_audit_timestamp_seconds", "When the audit ended.")
	p.series("lockstep_audit_timestamp_seconds", r.At.Unix(), plan)
	p.head("lockstep_audit_findings", "Findings by severity and result: passed, wrong, unknown or excepted.")
	for _, host := range r.Hosts {
		for _, severity := range steps.Severities() {
			for _, result := range []string{"passed", "wrong", "unknown", "excepted"} {
				n := len(r.where(func(f Finding) bool {
					return f.Host == host && f.Severity == severity && promResult(f) == result
				}))
				p.series("lockstep_audit_findings", int64(n), plan, label{"host", host}, label{"severity", string(severity)}, label{"result", result})
			}
		}
	}
	p.head("lockstep_audit_certificate_end_timestamp_seconds", "When a certificate ends.")
	for _, l := range r.Lifetimes() {
		p.series("lockstep_audit_certificate_end_timestamp_seconds", l.Until.Unix(), plan, label{"host", l.Host}, label{"subject", l.Subject})
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func promResult(f Finding) string {
	if f.Result != steps.Passed && f.Excepted != "" {
		return "excepted"
	}
	return string(f.Result)
}

type prom struct{ strings.Builder }

type label struct{ name, value string }

func (p *prom) head(name, help string) {
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
}

func (p *prom) series(name string, value int64, labels ...label) {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var all []string
	for _, l := range labels {
		all = append(all, l.name+`="`+escape.Replace(strings.ToValidUTF8(l.value, "\uFFFD"))+`"`)
	}
	fmt.Fprintf(p, "%s{%s} %d\n", name, strings.Join(all, ","), value)
}

func bit(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// Lifetime is that of a certificate on a host.
type Lifetime struct {
	Host, Subject string
	steps.Validity
}

// Lifetimes are those of all certificates, each subject of a host once: by the
// one that ends first.
func (r Report) Lifetimes() []Lifetime {
	var all []Lifetime
	for _, f := range r.Findings {
		if f.Valid == nil {
			continue
		}
		l := Lifetime{f.Host, f.Subject, *f.Valid}
		i := slices.IndexFunc(all, func(o Lifetime) bool { return o.Host == l.Host && o.Subject == l.Subject })
		switch {
		case i < 0:
			all = append(all, l)
		case l.Until.Before(all[i].Until):
			all[i] = l
		}
	}
	return all
}
