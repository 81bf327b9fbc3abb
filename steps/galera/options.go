package galera

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/optionfile"
	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/sqlclient"
	"lockstep/steps/wsrep"
)

// dynamic lets a node with TLS also talk to one without (Galera documentation,
// "socket.dynamic").
const dynamic = "socket.dynamic"

// decodeOptions reads the map of unless_running. All problems are in the one
// error, each with its place.
func decodeOptions(v source.Value) ([]optionfile.SubOption, error) {
	if v.Shape == source.Null {
		return nil, nil
	}
	if v.Shape != source.Map || len(v.Fields) == 0 {
		return nil, v.Errorf("write socket.ssl: \"yes\", each parameter on a line", "unless_running must be a map of provider options and values")
	}
	var options []optionfile.SubOption
	var problems *multierror.Error
	for _, f := range v.Fields {
		if f.Value.Shape != source.Scalar {
			problems = multierror.Append(problems, f.Value.ErrorAt(f.KeyPos, "", "%s must be a single value, but this is %s", f.Key, f.Value.Shape))
			continue
		}
		if p, ok := optionfile.CheckSubKey(f.Key); !ok && p.Severity >= optionfile.Refuse {
			problems = multierror.Append(problems, f.Value.ErrorAt(f.KeyPos, p.Do, "%s", p.Text))
			continue
		}
		options = append(options, optionfile.SubOption{Key: f.Key, Value: strings.TrimSpace(f.Value.Text)})
	}
	return options, problems.ErrorOrNil()
}

// optionsQuery asks a server for the provider options that it runs with.
func optionsQuery(service string, l sqlclient.Login) steps.Command {
	return l.Query("SELECT @@GLOBAL.wsrep_provider_options", "service:"+service)
}

// lacks tells in words which of the wanted options the server of n does not
// run with, or "". A start that a dry run foresees reads them from the files
// that the run has written.
func (s *step) lacks(ctx context.Context, r steps.Reader, n node) (why string, err error) {
	if n.service.Foreseen() {
		return "", nil
	}
	out, err := r.Query(ctx, optionsQuery(n.unit, s.login))
	if err != nil {
		return "", err
	}
	text, err := sqlclient.Answer(out)
	if err != nil {
		return "", fmt.Errorf("the provider options: %w", withoutGalera(err))
	}
	running, err := optionfile.ParseProviderOptions(strings.TrimSpace(text))
	if err != nil {
		return "", fmt.Errorf("the provider options of the server cannot be read: %w", err)
	}
	return differences(s.options, running), nil
}

// differences is pure: it compares wanted options with running ones. Those
// that nobody asks for are left out, but for socket.dynamic: a node that has
// it on falls back to plain text, so it needs the full stop like one without
// TLS.
func differences(want, running []optionfile.SubOption) string {
	found := map[string]string{}
	for _, o := range running {
		found[o.Key] = o.Value
	}
	var lines []string
	asked := false
	for _, o := range want {
		asked = asked || o.Key == dynamic
		value, ok := found[o.Key]
		switch {
		case !ok && wsrep.Truth(o.Value) == "off":
		case !ok:
			lines = append(lines, "without "+o.Key)
		case !same(o.Value, value):
			lines = append(lines, fmt.Sprintf("with %s = %s, not %s", o.Key, value, o.Value))
		}
	}
	if wsrep.Truth(found[dynamic]) == "on" && !asked {
		lines = append(lines, fmt.Sprintf("with %s = %s", dynamic, found[dynamic]))
	}
	if len(lines) == 0 {
		return ""
	}
	return "it runs " + strings.Join(lines, ", ")
}

// same compares values as Galera does: it prints a truth in another word than
// it was given.
func same(a, b string) bool {
	return a == b || wsrep.Truth(a) != "" && wsrep.Truth(a) == wsrep.Truth(b)
}

// checkOptions finds what does not go with unless_running.
func (s *step) checkOptions() (err error) {
	if s.options, err = decodeOptions(s.unlessRunning); err != nil {
		return err
	}
	switch {
	case len(s.options) > 0 && s.state != stateStopped:
		return errors.New("unless_running goes with state: stopped")
	case len(s.options) > 0 && s.only != "":
		return errors.New("unless_running and only: stale exclude each other: each says by itself which nodes are left alone")
	}
	return nil
}
