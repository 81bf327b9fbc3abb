package verify

import (
	"context"
	"fmt"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/pki"
	"lockstep/steps"
	"lockstep/steps/param"
)

// set is what a server or a client needs on the host to present itself.
type set struct{ ca, cert, key, role, reader string }

func (s *set) params(p *param.Set) {
	s.role = string(pki.RoleServer)
	p.Path(&s.ca, "ca", "the file of trusted authorities", param.Required())
	p.Path(&s.cert, "cert", "the certificate, with intermediates behind it", param.Required())
	p.Path(&s.key, "key", "the key of cert", param.Required())
	p.String(&s.reader, "reader", "the user who must be able to read all three, such as mysql; without it nobody's rights are judged")
	p.String(&s.role, "role", "what it is for; a server's must be usable at both ends, since Galera nodes are both", param.OneOf(string(pki.RoleServer), string(pki.RoleClient)))
}

// check refuses a set that a server or a client would refuse.
func (s *set) check(ctx context.Context, w world) error {
	found, err := s.findings(ctx, w)
	if err != nil {
		return err
	}
	_, err = s.judge(found)
	return err
}

// judge parts findings into what is refused and what people should know.
func (s *set) judge(found []pki.Finding) (notes []string, err error) {
	var problems *multierror.Error
	for _, f := range found {
		what := fmt.Sprintf("%s: %s", s.cert, f.What)
		if f.Severity >= pki.Fail {
			problems = multierror.Append(problems, &steps.Problem{What: what, Why: f.Why, Do: f.Do})
		} else {
			notes = append(notes, what+"; "+f.Do)
		}
	}
	return notes, problems.ErrorOrNil()
}

// judgeSets judges all sets, one after the other: they are files.
func (c *certs) judgeSets(ctx context.Context, w world) (notes []string, err error) {
	var problems *multierror.Error
	for i := range c.sets {
		found, err := c.sets[i].findings(ctx, w)
		if err == nil {
			var more []string
			more, err = c.sets[i].judge(found)
			notes = append(notes, more...)
		}
		if err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	if problems != nil && len(problems.Errors) == 1 {
		return notes, problems.Errors[0]
	}
	return notes, problems.ErrorOrNil()
}

// readable refuses files that the reader cannot read.
func (s *set) readable(ctx context.Context, w world) error {
	if s.reader == "" {
		return nil
	}
	u, err := w.user(ctx, s.reader)
	if err != nil {
		return err
	}
	for _, file := range []string{s.ca, s.cert, s.key} {
		if err := w.mayRead(ctx, u, file); err != nil {
			return err
		}
	}
	return nil
}

// findings judges the files as they are on the host, or as a dry run foresees
// them, by the host's clock.
func (s *set) findings(ctx context.Context, w world) ([]pki.Finding, error) {
	var data [3][]byte
	for i, file := range []string{s.ca, s.cert, s.key} {
		var err error
		if data[i], err = w.present(ctx, file); err != nil {
			return nil, err
		}
	}
	if err := s.readable(ctx, w); err != nil {
		return nil, err
	}
	o := pki.CheckOptions{Now: w.now, Role: pki.Role(s.role)}
	if o.Role == pki.RoleServer {
		o.Names = []string{w.address}
	}
	return pki.Check(pki.Set{CA: data[0], Cert: data[1], Key: data[2]}, o), nil
}

// present reads a file. Content that only the real run makes is judged by what
// stands for it; without that it cannot be foreseen.
func (w world) present(ctx context.Context, file string) ([]byte, error) {
	at, stat, err := steps.Follow(ctx, w.view.Self, file)
	if err != nil {
		return nil, err
	}
	if stat.Kind == steps.Absent {
		return nil, &steps.Problem{What: file + " does not exist on " + w.view.Self.Name(),
			Why: "a server that is to read it does not start, or starts without TLS", Do: "bring it to the host in a step before this one"}
	}
	data, err := w.view.Self.ReadFile(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if stat.Unsettled && len(data) == 0 {
		return nil, &steps.Unforeseen{Resource: "the content of " + file, By: "the run, which makes it"}
	}
	return data, nil
}
