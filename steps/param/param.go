// Package param lets a step declare each of its parameters once. From the one
// declaration come decoding with positions, checking, and the reference of
// `lockstep steps KIND`. It knows nothing of hosts or plans.
package param

import (
	"fmt"
	"io/fs"
	"math"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/source"
	"lockstep/internal/spell"
)

// Set collects the parameters of one value. It is filled by the value's Params
// method and then decodes into the variables that were declared.
type Set struct{ fields []*Field }

// Field is one declared parameter, as documentation needs it.
type Field struct {
	Name, Doc string
	Type      string // "text", "path", "mode", "true or false", "number", "duration", "list of text", ...
	Default   string // as it would be written; empty when there is none
	Required  bool
	Enum      []string
	Sub       *Set // the fields of a map, or of each map in a list

	check  []func(text string) error
	decode func(v source.Value) error
}

// Fields returns the declared parameters in the order of their declaration.
func (s *Set) Fields() []*Field { return s.fields }

// Has reports whether a parameter called name was declared.
func (s *Set) Has(name string) bool { return s.lookup(name) != nil }

// Option narrows a parameter.
type Option func(*Field)

// Required makes leaving the parameter out an error.
func Required() Option { return func(f *Field) { f.Required = true } }

// OneOf allows only the given words.
func OneOf(words ...string) Option {
	return func(f *Field) {
		f.Enum = words
		f.check = append(f.check, func(text string) error {
			for _, w := range words {
				if text == w {
					return nil
				}
			}
			return &hinted{fmt.Sprintf("%s is %q, but it must be one of %s", f.Name, text, strings.Join(words, ", ")), didYouMean(text, words)}
		})
	}
}

// Check adds a condition on the written text; its error names the problem.
func Check(check func(text string) error) Option {
	return func(f *Field) { f.check = append(f.check, check) }
}

type hinted struct{ msg, hint string }

func (h *hinted) Error() string { return h.msg }

func didYouMean(text string, known []string) string {
	if n := spell.Nearest(text, known); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}

func (s *Set) add(name, typ, doc, def string, opts []Option, decode func(f *Field, v source.Value) error) *Field {
	f := &Field{Name: name, Type: typ, Doc: doc, Default: def}
	for _, o := range opts {
		o(f)
	}
	f.decode = func(v source.Value) error { return decode(f, v) }
	s.fields = append(s.fields, f)
	return f
}

// checked runs the conditions on text and places their errors at v.
func (f *Field) checked(v source.Value, text string) error {
	for _, check := range f.check {
		if err := check(text); err != nil {
			hint := ""
			if h, ok := err.(*hinted); ok {
				hint = h.hint
			}
			return v.Errorf(hint, "%v", err)
		}
	}
	return nil
}

func (f *Field) scalar(v source.Value) error {
	if v.Shape != source.Scalar {
		return v.Errorf("", "%s must be %s, but this is %s", f.Name, f.Type, v.Shape)
	}
	return nil
}

// String declares a text. What dst holds now is the default. A bare true, yes
// or number is taken as it was written.
func (s *Set) String(dst *string, name, doc string, opts ...Option) {
	s.add(name, "text", doc, *dst, opts, func(f *Field, v source.Value) error {
		if err := f.scalar(v); err != nil {
			return err
		}
		*dst = v.Text
		return f.checked(v, v.Text)
	})
}

// Path declares an absolute path on a host.
func (s *Set) Path(dst *string, name, doc string, opts ...Option) {
	s.add(name, "path", doc, *dst, opts, func(f *Field, v source.Value) error {
		if err := f.scalar(v); err != nil {
			return err
		}
		if err := absolute(v); err != nil {
			return err
		}
		*dst = path.Clean(v.Text)
		return f.checked(v, *dst)
	})
}

// ControlPath declares a path on the control machine. A relative one counts
// from the folder of the file in which it is written.
func (s *Set) ControlPath(dst *string, name, doc string, opts ...Option) {
	s.add(name, "local path", doc, *dst, opts, func(f *Field, v source.Value) error {
		if err := f.scalar(v); err != nil {
			return err
		}
		if v.Text == "" || strings.ContainsAny(v.Text, "\x00\n") {
			return v.Errorf("", "%s is %q, which is not a path", f.Name, v.Text)
		}
		file := v.Text
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(v.Pos.File), file)
		}
		var err error
		if *dst, err = filepath.Abs(file); err != nil {
			return v.Errorf("", "%s: %v", f.Name, err)
		}
		return f.checked(v, *dst)
	})
}

func absolute(v source.Value) error {
	switch {
	case !strings.HasPrefix(v.Text, "/"):
		return v.Errorf("write it from the root: /etc/...", "the path %q is not absolute", v.Text)
	case strings.ContainsAny(v.Text, "\x00\n"):
		return v.Errorf("", "the path %q holds a line break or a zero byte", v.Text)
	}
	return nil
}

// Bool declares a truth value, written true or false.
func (s *Set) Bool(dst *bool, name, doc string, opts ...Option) {
	s.add(name, "true or false", doc, strconv.FormatBool(*dst), opts, func(f *Field, v source.Value) error {
		if err := f.scalar(v); err != nil {
			return err
		}
		b, ok := v.Any.(bool)
		if !ok || v.Quoted {
			return v.Errorf("write true or false", "%s must be true or false, but this is %q", f.Name, v.Text)
		}
		*dst = b
		return nil
	})
}

// Int declares a whole number.
func (s *Set) Int(dst *int, name, doc string, opts ...Option) {
	s.add(name, "number", doc, strconv.Itoa(*dst), opts, func(f *Field, v source.Value) error {
		if err := f.scalar(v); err != nil {
			return err
		}
		n, ok := whole(v.Any)
		if !ok || v.Quoted {
			return v.Errorf("", "%s must be a whole number, but this is %q", f.Name, v.Text)
		}
		*dst = n
		return f.checked(v, v.Text)
	})
}

// whole returns a whole number; 2.0 is one, as the 4 / 2 of an expression gives it.
func whole(v any) (int, bool) {
	if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int(f), true
	}
	n, ok := v.(int)
	return n, ok
}

// Duration declares a time span such as 30s, 10m, 12h or 90d.
func (s *Set) Duration(dst *time.Duration, name, doc string, opts ...Option) {
	s.add(name, "duration", doc, FormatDuration(*dst), opts, func(f *Field, v source.Value) error {
		if err := f.scalar(v); err != nil {
			return err
		}
		d, err := ParseDuration(v.Text)
		if err != nil {
			return v.Errorf("write a number with its unit: 30s, 10m, 12h, 90d", "%s must be a duration, but this is %q", f.Name, v.Text)
		}
		*dst = d
		return f.checked(v, v.Text)
	})
}

// Mode declares permission bits: text or a number that begins with 0.
func (s *Set) Mode(dst **fs.FileMode, name, doc string, opts ...Option) {
	def := ""
	if *dst != nil {
		def = fmt.Sprintf("%04o", uint32(**dst))
	}
	s.add(name, "mode", doc, def, opts, func(f *Field, v source.Value) error {
		if err := f.scalar(v); err != nil {
			return err
		}
		if _, number := v.Any.(int); number && v.Text[0] != '0' {
			return v.Errorf(fmt.Sprintf(`write "0%s" or 0%s`, v.Text, v.Text),
				"%s is the decimal number %s, which is not the mode it looks like", f.Name, v.Text)
		}
		m, err := strconv.ParseUint(strings.TrimPrefix(v.Text, "0o"), 8, 12)
		if err != nil {
			return v.Errorf("write three or four octal digits: \"0640\"", "%s is %q, which is not a mode", f.Name, v.Text)
		}
		mode := fs.FileMode(m)
		*dst = &mode
		return f.checked(v, v.Text)
	})
}

// Strings declares a list of texts; a single text stands for a list of one.
func (s *Set) Strings(dst *[]string, name, doc string, opts ...Option) {
	s.add(name, "list of text", doc, strings.Join(*dst, ", "), opts, func(f *Field, v source.Value) error {
		return f.texts(dst, v, func(item source.Value) (string, error) { return item.Text, nil })
	})
}

// Paths declares a list of absolute paths on a host.
func (s *Set) Paths(dst *[]string, name, doc string, opts ...Option) {
	s.add(name, "list of paths", doc, strings.Join(*dst, ", "), opts, func(f *Field, v source.Value) error {
		return f.texts(dst, v, func(item source.Value) (string, error) { return path.Clean(item.Text), absolute(item) })
	})
}

func (f *Field) texts(dst *[]string, v source.Value, convert func(source.Value) (string, error)) error {
	items := v.Items
	if v.Shape == source.Scalar {
		items = []source.Value{v}
	} else if v.Shape != source.List {
		return v.Errorf("", "%s must be a list, but this is %s", f.Name, v.Shape)
	}
	*dst = nil
	var problems *multierror.Error
	for _, item := range items {
		if item.Shape != source.Scalar {
			problems = multierror.Append(problems, item.Errorf("", "%s must hold single values, but this is %s", f.Name, item.Shape))
			continue
		}
		text, err := convert(item)
		if err == nil {
			err = f.checked(item, text)
		}
		if err != nil {
			problems = multierror.Append(problems, err)
		}
		*dst = append(*dst, text)
	}
	return problems.ErrorOrNil()
}

// Raw declares a parameter that the step decodes itself in its Check method.
// typ is the word for its type in the reference.
func (s *Set) Raw(dst *source.Value, name, typ, doc string, opts ...Option) {
	s.add(name, typ, doc, "", opts, func(_ *Field, v source.Value) error {
		*dst = v
		return nil
	})
}

// Object declares a map whose keys are declared by fields.
func (s *Set) Object(name, doc string, fields func(*Set), opts ...Option) {
	sub := &Set{}
	fields(sub)
	f := s.add(name, "map", doc, "", opts, func(_ *Field, v source.Value) error { return sub.Decode(v) })
	f.Sub = sub
}

// List declares a list of maps; fields declares the keys of one of them.
func List[T any](s *Set, dst *[]T, name, doc string, fields func(*T, *Set), opts ...Option) {
	f := s.add(name, "list of maps", doc, "", opts, func(f *Field, v source.Value) error {
		if v.Shape != source.List {
			return v.Errorf("", "%s must be a list of maps, but this is %s", f.Name, v.Shape)
		}
		var problems *multierror.Error
		*dst = make([]T, len(v.Items))
		for i, item := range v.Items {
			one := &Set{}
			fields(&(*dst)[i], one)
			if err := one.Decode(item); err != nil {
				problems = multierror.Append(problems, err)
			}
		}
		return problems.ErrorOrNil()
	})
	f.Sub = &Set{}
	fields(new(T), f.Sub)
}

// Decode fills the declared variables from the map v. Unknown keys, missing
// ones and wrong types are all in the one error.
func (s *Set) Decode(v source.Value) error {
	if v.Shape != source.Map && v.Shape != source.Null {
		return v.Errorf("", "expected a map of parameters (%s), but this is %s", strings.Join(s.names(), ", "), v.Shape)
	}
	var problems *multierror.Error
	for _, given := range v.Fields {
		f := s.lookup(given.Key)
		if f == nil {
			problems = multierror.Append(problems, s.unknown(v, given))
			continue
		}
		if err := f.decode(given.Value); err != nil {
			problems = multierror.Append(problems, err)
		}
	}
	for _, f := range s.fields {
		if _, given := v.Get(f.Name); f.Required && !given {
			problems = multierror.Append(problems, v.Errorf("", "the parameter %q is missing: %s", f.Name, f.Doc))
		}
	}
	return problems.ErrorOrNil()
}

func (s *Set) unknown(v source.Value, given source.Field) error {
	hint := didYouMean(given.Key, s.names())
	if hint == "" {
		hint = "the parameters are " + strings.Join(s.names(), ", ")
	}
	return v.ErrorAt(given.KeyPos, hint, "there is no parameter %q", given.Key)
}

func (s *Set) lookup(name string) *Field {
	for _, f := range s.fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func (s *Set) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.Name
	}
	return names
}
