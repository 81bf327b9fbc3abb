package service

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lockstep/internal/pki"
	"lockstep/internal/tlsprobe"
	"lockstep/steps"
	"lockstep/steps/param"
	"lockstep/steps/unit"
)

// checkName keeps options and paths out of the arguments of systemctl.
func checkName(name string) error {
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:_.@\\-]*$`).MatchString(name) {
		return fmt.Errorf("%q is not the name of a service", name)
	}
	if ext := path.Ext(name); slices.Contains([]string{".socket", ".timer", ".target", ".mount", ".path"}, ext) {
		return fmt.Errorf("%q is a %s unit, not a service", name, ext[1:])
	}
	return nil
}

// probeCurrent decides from evidence whether the running service has read what
// it is to run on. The cheapest evidence comes first, and one piece is enough.
func (s *step) probeCurrent(ctx context.Context, r steps.Reader, found unit.State) (*steps.Edit, error) {
	why, err := unit.Stale(ctx, r, found, s.files...)
	if err != nil {
		return nil, err
	}
	if why == "" && !found.Foreseen() {
		why, err = s.asked(ctx, r)
	}
	if err != nil || why == "" {
		return nil, err
	}
	return s.run(restart, why, steps.Restarts), nil
}

// asked is the evidence that only the process itself can give.
func (s *step) asked(ctx context.Context, r steps.Reader) (why string, err error) {
	for _, c := range s.certificates {
		if why, err := c.differs(ctx, r); err != nil || why != "" {
			return why, err
		}
	}
	for _, t := range s.settings {
		if why, err := t.differs(ctx, r, unit.Resource(s.name)); err != nil || why != "" {
			return why, err
		}
	}
	return "", nil
}

// certificate is one that the service must present.
type certificate struct {
	address, protocol, file string
	port                    int
}

func (c *certificate) params(p *param.Set) {
	c.address, c.protocol, c.port = "127.0.0.1", "mysql", 3306
	p.String(&c.address, "address", "where it listens, as the host itself sees it")
	p.Int(&c.port, "port", "the port it listens on")
	p.String(&c.protocol, "protocol", "mysql asks for TLS as a MySQL client does, tls begins with it", param.OneOf("mysql", "tls"))
	p.Path(&c.file, "file", "the certificate file on the host", param.Required())
}

// differs compares the certificate on the wire with that in the file.
func (c certificate) differs(ctx context.Context, r steps.Reader) (why string, err error) {
	_, s, err := steps.Follow(ctx, r, c.file)
	if err != nil {
		return "", err
	}
	if s.Unsettled {
		return fmt.Sprintf("%s will hold a certificate that is made at apply", c.file), nil
	}
	data, err := r.ReadFile(ctx, c.file)
	if err != nil {
		return "", fmt.Errorf("the certificate %s: %w", c.file, err)
	}
	want, err := pki.ParseCerts(data)
	if err != nil {
		return "", &steps.Problem{What: c.file + " holds no certificate that can be read", Why: err.Error(), Err: err,
			Do: "put a sound certificate there before the service is restarted"}
	}
	return c.presents(ctx, r, want[0])
}

func (c certificate) presents(ctx context.Context, r steps.Reader, want *x509.Certificate) (why string, err error) {
	at := net.JoinHostPort(c.address, strconv.Itoa(c.port))
	conn, err := r.Dial(ctx, at)
	if err != nil {
		return "", fmt.Errorf("ask %s for its certificate: %w", at, err)
	}
	probe := tlsprobe.TLS
	if c.protocol == "mysql" {
		probe = tlsprobe.MySQL
	}
	seen, err := probe(ctx, conn, tlsprobe.Options{Settle: 1})
	switch {
	case err != nil:
		return "", fmt.Errorf("ask %s for its certificate: %w", at, err)
	case len(seen.Chain) == 0:
		return fmt.Sprintf("it does not offer TLS on %s", at), nil
	case !seen.Chain[0].Equal(want):
		return fmt.Sprintf("it presents another certificate on %s than %s holds (sha256 %s, not %s)", at, c.file,
			pki.Short(pki.Fingerprint(seen.Chain[0])), pki.Short(pki.Fingerprint(want))), nil
	}
	return "", nil
}

// setting is one value that the running service must have.
type setting struct {
	query         []string
	want, matches string
	pattern       *regexp.Regexp
}

func (t *setting) params(p *param.Set) {
	p.Strings(&t.query, "query", "the command that asks the service and changes nothing", param.Required())
	p.String(&t.want, "want", "what the command must print, without blanks around it")
	p.String(&t.matches, "matches", "a regular expression that must match what it prints, in place of want")
}

func (t *setting) check() (err error) {
	switch {
	case len(t.query) == 0:
		return fmt.Errorf("a setting's query is empty: write a command and its arguments as a list")
	case (t.want == "") == (t.matches == ""):
		return fmt.Errorf("the setting of %q needs either want or matches", t.query[0])
	case t.matches != "":
		if t.pattern, err = regexp.Compile(t.matches); err != nil {
			return fmt.Errorf("matches %q is not a regular expression: %w", t.matches, err)
		}
	}
	return nil
}

// differs runs the query. What it prints is not shown: it may hold anything.
func (t setting) differs(ctx context.Context, r steps.Reader, resource string) (why string, err error) {
	c := steps.Command{Argv: t.query, Reads: []string{resource}}
	out, err := r.Query(ctx, c)
	if err := steps.Succeed(c, out, err); err != nil {
		return "", fmt.Errorf("ask for a setting: %w", err)
	}
	said := strings.TrimSpace(string(out.Stdout))
	switch {
	case t.pattern == nil && said != strings.TrimSpace(t.want):
		return fmt.Sprintf("%s does not tell %q", c, t.want), nil
	case t.pattern != nil && !t.pattern.MatchString(said):
		return fmt.Sprintf("%s tells nothing that matches %q", c, t.matches), nil
	}
	return "", nil
}
