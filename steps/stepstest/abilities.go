package stepstest

import (
	"reflect"
	"testing"

	"lockstep/steps"
)

// conformAbilities makes sure that a step has each ability of which it has a
// method: those are found by type assertion, so that one with another signature
// would never be asked and nobody would notice.
func conformAbilities(t *testing.T, kind steps.Kind) {
	step := reflect.TypeOf(kind.New())
	for _, ability := range []reflect.Type{
		reflect.TypeFor[steps.Checker](), reflect.TypeFor[steps.Local](), reflect.TypeFor[steps.Expecter](),
		reflect.TypeFor[steps.Scoped](), reflect.TypeFor[steps.Verifier](), reflect.TypeFor[steps.Ranker](),
		reflect.TypeFor[steps.Judge](), reflect.TypeFor[steps.Reporter](), reflect.TypeFor[steps.Waiter](), reflect.TypeFor[steps.Auditor](),
	} {
		for m := range ability.Methods() {
			if _, has := step.MethodByName(m.Name); has && !step.Implements(ability) {
				t.Errorf("%s has a method %s, but is no %s, so it is never asked", step, m.Name, ability)
			}
		}
	}
}
