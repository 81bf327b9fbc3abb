package optionfile

// The edits of one option each, as the tests write them.

func (f *File) set(group, key, value string, same ...string) (*File, error) {
	return f.one(Setting{Group: group, Same: same, Key: key, Value: value})
}

func (f *File) setFlag(group, key string, same ...string) (*File, error) {
	return f.one(Setting{Group: group, Same: same, Key: key, Flag: true})
}

func (f *File) remove(group, key string, same ...string) (*File, error) {
	return f.one(Setting{Group: group, Same: same, Key: key, Absent: true})
}

func (f *File) commentOut(group, key string, same ...string) (*File, error) {
	return f.one(Setting{Group: group, Same: same, Key: key, Commented: true})
}

func (f *File) setSub(group, sub, value string, same ...string) (*File, error) {
	return f.one(Setting{Group: group, Same: same, Key: providerOptions, Sub: []Sub{{Key: sub, Value: value}}})
}

func (f *File) removeSub(group, sub string, same ...string) (*File, error) {
	return f.one(Setting{Group: group, Same: same, Key: providerOptions, Sub: []Sub{{Key: sub, Absent: true}}})
}

func (f *File) one(s Setting) (*File, error) {
	out, _, err := Apply(f, []Setting{s})
	return out, err
}
