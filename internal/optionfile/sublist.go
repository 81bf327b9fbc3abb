package optionfile

import "errors"

// editList brings a list of wsrep_provider_options into the wanted state. Each
// edit is told like the pattern, which names the place.
func editList(value string, want []Sub, pattern Edit) (string, []Edit, error) {
	before, err := ParseProviderOptions(value)
	if err != nil {
		return "", nil, err
	}
	list := value
	var edits []Edit
	for _, sub := range want {
		next, e, err := editSub(list, sub)
		if err != nil {
			return "", nil, err
		}
		if e.Op == "" {
			continue
		}
		list = next
		e.File, e.Line, e.Group, e.Key, e.Sub = pattern.File, pattern.Line, pattern.Group, pattern.Key, sub.Key
		edits = append(edits, e)
	}
	return list, edits, readsBack(list, before, want)
}

// editSub returns the list with one parameter as wanted, and an edit without
// Op if it is so already.
func editSub(list string, want Sub) (string, Edit, error) {
	old, found, err := lookup(list, want.Key)
	switch {
	case err != nil:
		return "", Edit{}, err
	case want.Absent && !found, !want.Absent && found && old == want.Value:
		return list, Edit{}, nil
	case want.Absent:
		next, err := deleteSub(list, want.Key)
		return next, Edit{Op: Remove, Old: old}, err
	}
	op := Add
	if found {
		op = Change
	}
	next, err := setSub(list, SubOption{want.Key, want.Value})
	return next, Edit{Op: op, Old: old, New: want.Value}, err
}

// lookup returns the value that counts, which is the last one.
func lookup(list, key string) (value string, found bool, err error) {
	all, err := ParseProviderOptions(list)
	for _, o := range all {
		if o.Key == key {
			value, found = o.Value, true
		}
	}
	return value, found, err
}

// readsBack holds an edited list against the one before: parameters that were
// not named must come in the same order with the same values.
func readsBack(list string, before []SubOption, want []Sub) error {
	after, err := ParseProviderOptions(list)
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, sub := range want {
		named[sub.Key] = true
	}
	a, b := others(before, named), others(after, named)
	same := len(a) == len(b)
	for i := 0; same && i < len(a); i++ {
		same = a[i] == b[i]
	}
	if !same {
		return errors.New("the edited list does not read back as intended; correct the option by hand")
	}
	return nil
}

func others(all []SubOption, named map[string]bool) []SubOption {
	var out []SubOption
	for _, o := range all {
		if !named[o.Key] {
			out = append(out, o)
		}
	}
	return out
}
