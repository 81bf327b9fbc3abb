package plan

import (
	"slices"

	"lockstep/internal/source"
	"lockstep/steps"
)

// byKind makes a step of a kind: its parameters are resolved and decoded, and
// a step that evaluates a text by itself gets the variables that it uses.
func byKind(k steps.Kind) maker {
	raw := verbatim(k)
	return func(s *scope, params source.Value) (steps.Step, error) {
		v, err := s.resolveBut(params, raw)
		if err != nil {
			return nil, err
		}
		step, err := decode(k, v)
		if err != nil {
			return nil, err
		}
		return step, s.hand(step, v)
	}
}

// verbatim are the parameters of a kind whose {{ }} are not the plan's.
func verbatim(k steps.Kind) []string {
	if step, ok := k.New().(steps.Scoped); ok {
		return step.Verbatim()
	}
	return nil
}

func isScoped(k steps.Kind) bool { _, ok := k.New().(steps.Scoped); return ok }

// resolveBut resolves params but for the fields called raw.
func (s *scope) resolveBut(params source.Value, raw []string) (source.Value, error) {
	if len(raw) == 0 || params.Shape != source.Map {
		return s.resolve(params)
	}
	rest := params
	rest.Fields = slices.DeleteFunc(slices.Clone(params.Fields), func(f source.Field) bool { return slices.Contains(raw, f.Key) })
	resolved, err := s.resolve(rest)
	if err != nil {
		return params, err
	}
	out := params
	out.Fields = slices.Clone(params.Fields)
	for i, f := range out.Fields {
		if v, ok := resolved.Get(f.Key); ok {
			out.Fields[i] = v
		}
	}
	return out, nil
}

// hand gives a step the variables of its host that its text uses.
func (s *scope) hand(step steps.Step, at source.Value) error {
	scoped, ok := step.(steps.Scoped)
	if !ok {
		return nil
	}
	uses, err := scoped.Uses()
	if err != nil {
		return err
	}
	names := s.names()
	vars := map[string]source.Value{}
	var wait error
	for _, use := range uses {
		if !slices.Contains(names, use.Name) {
			if !use.Optional {
				return use.Missing(names)
			}
			continue
		}
		if use.Optional && s.absent(use.Name) && s.unfilled(use.Name).Value == nil {
			continue
		}
		value, err := s.eval(at, use.Name)
		if delayed(err) {
			wait = waiting(wait, err)
			continue // to meet all mistakes and all secrets
		}
		if err != nil {
			return err
		}
		vars[use.Name] = at.WithScalar(value)
	}
	if wait != nil {
		return wait
	}
	scoped.SetVars(vars)
	return nil
}
