package stepstest

import (
	"testing"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// PlanFile is the file in which decoded YAML seems to stand: a relative local
// path counts from its folder, /plan.
const PlanFile = "/plan/plan.yml"

// Decode reads the YAML of a step's parameters and fails the test where they
// are wrong.
func Decode(t testing.TB, kind steps.Kind, yaml string) steps.Step {
	t.Helper()
	step, err := TryDecode(kind, yaml)
	if err != nil {
		t.Fatalf("decode %s: %v", kind.Name, err)
	}
	return step
}

// TryDecode reads the YAML of a step's parameters and checks them as the
// compiler does: each for itself, then together if the kind has a Check.
func TryDecode(kind steps.Kind, yaml string) (steps.Step, error) {
	v, err := source.ParseYAML(PlanFile, []byte(yaml))
	if err != nil {
		return nil, err
	}
	return decode(kind, v)
}

func decode(kind steps.Kind, v source.Value) (steps.Step, error) {
	step := kind.New()
	set := &param.Set{}
	step.Params(set)
	if err := set.Decode(v); err != nil {
		return nil, err
	}
	if checker, ok := step.(steps.Checker); ok {
		if err := checker.Check(); err != nil {
			return nil, err
		}
	}
	return step, nil
}
