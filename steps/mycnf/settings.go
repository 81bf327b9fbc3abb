package mycnf

import (
	"errors"
	"slices"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/optionfile"
	"lockstep/internal/source"
)

const providerOptions = "wsrep_provider_options"

// settings returns what the parameters ask for, in the order in which they are
// written. All problems are in the one error.
func (s *step) settings() ([]optionfile.Setting, error) {
	d := &decoder{serverGroups: s.serverGroups}
	d.values(s.sections)
	d.lists(s.flags, "flags", optionfile.Setting{Flag: true})
	d.lists(s.absent, "absent", optionfile.Setting{Absent: true})
	d.lists(s.commented, "commented", optionfile.Setting{Commented: true})
	d.subs(s)
	if len(d.settings) == 0 && d.problems == nil {
		return nil, errors.New("nothing is asked for: give sections, flags, absent, commented, provider_options or absent_provider_options")
	}
	return d.settings, d.problems.ErrorOrNil()
}

type decoder struct {
	serverGroups []string
	settings     []optionfile.Setting
	problems     *multierror.Error
}

func (d *decoder) fail(err error) { d.problems = multierror.Append(d.problems, err) }

// in takes a setting of a section and judges it; v is where it is written.
func (d *decoder) in(section, key string, s optionfile.Setting, v source.Value) {
	s.Group, s.Key = section, key
	s = d.whole(s)
	d.judge(s, v)
	d.settings = append(d.settings, s)
}

// whole completes a setting: a section that the server reads brings in the
// others which it reads as if they were the same one.
func (d *decoder) whole(s optionfile.Setting) optionfile.Setting {
	if slices.Contains(d.serverGroups, s.Group) {
		s.Same = slices.DeleteFunc(slices.Clone(d.serverGroups), func(g string) bool { return g == s.Group })
	}
	return s
}

// judge places the problems of one setting at v. They do not show its value,
// but an excerpt of its line would.
func (d *decoder) judge(s optionfile.Setting, v source.Value) {
	if optionfile.IsSecret(s.Key) {
		v = v.Seal()
	}
	for _, p := range optionfile.Check([]optionfile.Setting{s}) {
		if p.Severity >= optionfile.Refuse {
			d.fail(v.Errorf(p.Do, "%s", p.Text))
		}
	}
}

// fields returns the fields of v, which must be a map of what.
func (d *decoder) fields(v source.Value, name, what string) []source.Field {
	switch v.Shape {
	case source.Map, source.Null:
	default:
		d.fail(v.Errorf("", "%s must be a map of %s, but this is %s", name, what, v.Shape))
	}
	return v.Fields
}

func (d *decoder) values(v source.Value) {
	for _, section := range d.fields(v, "sections", "sections") {
		for _, option := range d.fields(section.Value, section.Key, "options and values") {
			switch option.Value.Shape {
			case source.Scalar:
				d.in(section.Key, option.Key, optionfile.Setting{Value: option.Value.Text}, option.Value)
			case source.Null:
				d.fail(option.Value.ErrorAt(option.KeyPos, "list it under flags (the name alone) or absent (not there), or write \"\" for an empty value",
					"%s has no value", option.Key))
			default:
				d.fail(option.Value.Errorf("", "%s must be a single value, but this is %s", option.Key, option.Value.Shape))
			}
		}
	}
}

func (d *decoder) lists(v source.Value, name string, s optionfile.Setting) {
	for _, section := range d.fields(v, name, "sections") {
		if section.Value.Shape != source.List {
			d.fail(section.Value.Errorf("write ["+section.Value.Text+"]", "%s must be a list of options, but this is %s", section.Key, section.Value.Shape))
		}
		for _, item := range section.Value.Items {
			if item.Shape != source.Scalar {
				d.fail(item.Errorf("", "the name of an option is wanted, but this is %s", item.Shape))
				continue
			}
			d.in(section.Key, item.Text, s, item)
		}
	}
}

// subs makes one setting of all parameters inside wsrep_provider_options, each
// judged where it is written.
func (d *decoder) subs(s *step) {
	list := optionfile.Setting{Group: s.providerSection, Key: providerOptions}
	add := func(sub optionfile.Sub, v source.Value) {
		one := list
		one.Sub = []optionfile.Sub{sub}
		d.judge(one, v)
		list.Sub = append(list.Sub, sub)
	}
	for _, f := range d.fields(s.provider, "provider_options", "parameters and values") {
		if f.Value.Shape != source.Scalar {
			d.fail(f.Value.ErrorAt(f.KeyPos, "list it under absent_provider_options if it must go", "%s must be a single value, but this is %s", f.Key, f.Value.Shape))
			continue
		}
		add(optionfile.Sub{Key: f.Key, Value: f.Value.Text}, f.Value)
	}
	for _, item := range d.texts(s.absentProvider, "absent_provider_options") {
		add(optionfile.Sub{Key: item.Text, Absent: true}, item)
	}
	if list.Sub != nil {
		d.settings = append(d.settings, d.whole(list))
	}
}

// texts returns the texts of a list; a single one stands for a list of one.
func (d *decoder) texts(v source.Value, name string) []source.Value {
	switch v.Shape {
	case source.Null:
		return nil
	case source.Scalar:
		return []source.Value{v}
	case source.Map:
		d.fail(v.Errorf("", "%s must be a list, but this is %s", name, v.Shape))
		return nil
	}
	var texts []source.Value
	for _, item := range v.Items {
		if item.Shape != source.Scalar {
			d.fail(item.Errorf("", "%s must hold single values, but this is %s", name, item.Shape))
			continue
		}
		texts = append(texts, item)
	}
	return texts
}
