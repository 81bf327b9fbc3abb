package executor

import (
	"testing"

	"lockstep/steps"
)

// TestQueriesAreToldApart: by the bounds of their words, too.
func TestQueriesAreToldApart(t *testing.T) {
	keys := map[string]steps.Command{}
	for _, c := range []steps.Command{
		{}, {Argv: []string{"a"}}, {Argv: []string{"a", "b"}}, {Argv: []string{"ab"}}, {Argv: []string{"a b"}}, {Argv: []string{"", "ab"}},
		{Argv: []string{"a"}, Dir: "b"}, {Argv: []string{"a"}, Env: []string{"b"}}, {Argv: []string{"a"}, Env: []string{"b", ""}},
		{Argv: []string{"a"}, Stdin: []byte("b")}, {Argv: []string{"a"}, Env: []string{"b"}, Stdin: []byte("c")}, {Argv: []string{"a"}, Env: []string{"b", "c"}},
	} {
		if other, there := keys[queryKey(c)]; there {
			t.Errorf("%+v and %+v are the same question", c, other)
		}
		keys[queryKey(c)] = c
	}
	if queryKey(steps.Command{Argv: []string{"a"}}) != queryKey(steps.Command{Argv: []string{"a"}, Reads: []string{"/x"}}) {
		t.Error("what an answer rests on makes another question")
	}
}
