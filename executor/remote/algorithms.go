package remote

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"lockstep/steps"
)

// choose makes the list of algorithms that an ssh_config list asks for, as far
// as there are such: with + it adds to the safe ones, with - it takes some out,
// with ^ it puts some first, and else it is the list.
func choose(wish string, safe, unsafe []string) []string {
	all := slices.Concat(safe, unsafe)
	sign, names := wish[0], wish[1:]
	if !strings.ContainsRune("+-^", rune(sign)) {
		sign, names = ' ', wish
	}
	var named []string
	for _, pattern := range strings.Split(names, ",") {
		for _, a := range all {
			if fits, _ := path.Match(pattern, a); fits && !slices.Contains(named, a) {
				named = append(named, a)
			}
		}
	}
	without := slices.DeleteFunc(slices.Clone(safe), func(a string) bool { return slices.Contains(named, a) })
	switch sign {
	case '+':
		return append(slices.Clone(safe), slices.DeleteFunc(named, func(a string) bool { return slices.Contains(safe, a) })...)
	case '-':
		return without
	case '^':
		return append(named, without...)
	}
	return named
}

func noAlgorithm(t Target, name, wish string) error {
	return &steps.Problem{
		What: fmt.Sprintf("ssh to %s: %s leaves no algorithm", t.login(), name),
		Why:  "none is known here that fits " + wish,
		Do:   "add a current one in ssh_config",
		Err:  steps.ErrRefused,
	}
}
