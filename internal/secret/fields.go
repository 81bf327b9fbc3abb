package secret

import "reflect"

// Copy returns a copy of v in which all texts are masked, for data that becomes
// JSON: masked as texts and not as a line, a secret like `":"` or `true` cannot
// break it. Fields with the tag `secret:"fixed"`, whose words are all of our own,
// stay, and so do unexported ones, those that JSON leaves out, bytes, and the keys
// of maps.
func Copy[T any](r *Redactor, v T) T {
	return r.copied(reflect.ValueOf(&v).Elem()).Interface().(T)
}

func (r *Redactor) copied(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		out.SetString(r.String(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(r.copied(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(r.copied(v.Elem()))
		}
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			return out
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(r.copied(v.Index(i)))
		}
	case reflect.Map:
		if v.IsNil() {
			return out
		}
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for it := v.MapRange(); it.Next(); {
			out.SetMapIndex(it.Key(), r.copied(it.Value()))
		}
	case reflect.Struct:
		r.fields(out)
	}
	return out
}

func (r *Redactor) fields(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case f.Tag.Get("secret") == "fixed", f.Tag.Get("json") == "-":
		case f.IsExported():
			v.Field(i).Set(r.copied(v.Field(i)))
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			r.fields(v.Field(i))
		}
	}
}
