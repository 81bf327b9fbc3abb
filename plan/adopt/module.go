package adopt

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/source"
	"lockstep/steps"
	"lockstep/steps/param"
)

// module is a module of Ansible's.
type module struct {
	name   string
	kind   string // the kind that does its work
	params []word // of its parameters, those that the kind does not have itself
	note   string // where there is no such kind: what to do instead
	// own judges a module whose parameters depend on each other.
	own func(r *reader, f source.Field, args source.Value)
}

// shortName takes the collection off a module's name; ours tells that it is a
// collection whose modules are known here.
func shortName(name string) (short string, ours bool) {
	at := strings.LastIndexByte(name, '.')
	if at < 0 {
		return name, true
	}
	known := []string{"ansible.builtin", "ansible.legacy", "ansible.posix", "community.general", "community.mysql", "community.crypto"}
	return name[at+1:], slices.Contains(known, name[:at])
}

func lookup(name string) (module, bool) {
	known := modules()
	i := slices.IndexFunc(known, func(m module) bool { return m.name == name })
	if i < 0 {
		return module{}, false
	}
	return known[i], true
}

// module judges the key of a task that names its module.
func (r *reader) module(f source.Field) {
	short, ours := shortName(f.Key)
	m, known := lookup(short)
	kind, _, isKind := r.lang.Kinds.Lookup(short)
	args := arguments(f.Value)
	switch {
	case !ours || !known && !isKind && !slices.Contains(r.lang.Words, short):
		r.unknown(f, short)
		return
	case m.own != nil:
		m.own(r, f, args)
		return
	case isKind:
		r.named(f, short)
	default:
		r.instead(f, m)
		return
	}
	if f.Value.Shape == source.Scalar {
		r.note(f.Value.Pos, Spelled, "parameters in one text", "a map: {"+strings.Join(mapped(args.Fields, func(p source.Field) string { return p.Key + ": ..." }), ", ")+"}")
	}
	r.params(kind, m, args)
}

// unknown names the kind that is nearest to a module that nobody here knows.
func (r *reader) unknown(f source.Field, short string) {
	if _, nearest, isKind := r.lang.Kinds.Lookup(short); isKind || nearest != "" {
		if isKind {
			nearest = short
		}
		r.note(f.KeyPos, Missing, f.Key, fmt.Sprintf("this module is not known; the nearest kind is %s (`lockstep steps %s`)", nearest, nearest))
		return
	}
	r.note(f.KeyPos, Missing, f.Key, "this module is not known; the kinds are "+strings.Join(r.lang.Kinds.Names(), ", "))
}

// named notes a module whose work a kind of the name to does.
func (r *reader) named(f source.Field, to string) {
	if f.Key == to {
		r.note(f.KeyPos, Same, f.Key, "")
		return
	}
	r.note(f.KeyPos, Spelled, f.Key, to)
}

// instead notes a module without a kind of its name.
func (r *reader) instead(f source.Field, m module) {
	if _, _, ok := r.lang.Kinds.Lookup(m.kind); m.kind != "" && ok {
		r.note(f.KeyPos, Spelled, f.Key, m.kind+": "+m.note)
		return
	}
	if _, _, ok := r.lang.Kinds.Lookup("command"); ok && m.note == "" {
		r.note(f.KeyPos, Missing, f.Key, "only a `command` could do that")
		return
	}
	if to, isLeft := strings.CutPrefix(m.note, leave); isLeft {
		r.note(f.KeyPos, Spelled, f.Key, leave+to)
		return
	}
	r.note(f.KeyPos, Missing, f.Key, m.note)
}

// params judges the parameters of a module by those of the kind.
func (r *reader) params(k steps.Kind, m module, args source.Value) {
	var set param.Set
	k.New().Params(&set)
	for _, f := range args.Fields {
		i := slices.IndexFunc(set.Fields(), func(p *param.Field) bool { return p.Name == f.Key })
		w, renamed := find(m.params, f.Key)
		what := k.Name + ": " + f.Key
		switch {
		case i >= 0:
			r.param(k, set.Fields()[i], f)
		case renamed:
			r.say(f.KeyPos, what, w)
			r.templates(f.Value)
		default:
			r.note(f.KeyPos, Missing, what, k.Name+" has no such parameter")
		}
	}
}

// param judges a parameter that the kind has too.
func (r *reader) param(k steps.Kind, p *param.Field, f source.Field) {
	what := k.Name + ": " + f.Key
	if len(p.Enum) > 0 && f.Value.Shape == source.Scalar && !strings.Contains(f.Value.Text, "{{") && !slices.Contains(p.Enum, f.Value.Text) {
		r.note(f.Value.Pos, Missing, what+": "+shown(f.Value.Text), "it is one of "+strings.Join(p.Enum, ", "))
		return
	}
	if k.Name == "copy" && f.Key == "dest" && strings.HasSuffix(f.Value.Text, "/") {
		r.note(f.KeyPos, Spelled, what, "dest: "+oneLine(f.Value.Text)+"NAME: it is the file, not its folder")
		r.templates(f.Value)
		return
	}
	r.same(f, what, p.Type)
}

// arguments are a module's parameters as a map, also where they stand in one
// text as name=value.
func arguments(v source.Value) source.Value {
	if v.Shape != source.Scalar {
		return v
	}
	out := v.WithScalar(nil)
	out.Shape = source.Map
	for _, word := range words(v.Text) {
		name, value, ok := strings.Cut(word, "=")
		if ok && name != "" {
			out.Fields = append(out.Fields, source.Field{Key: name, KeyPos: v.Pos, Value: v.WithScalar(value)})
		}
	}
	return out
}

// words cuts a text at blanks outside of quotes and of {{ }}.
func words(text string) []string {
	var out []string
	var word strings.Builder
	in, depth := rune(0), 0
	for _, c := range text {
		switch {
		case depth == 0 && in == 0 && (c == ' ' || c == '\n' || c == '\t'):
			if word.Len() > 0 {
				out = append(out, word.String())
				word.Reset()
			}
			continue
		case depth == 0 && (c == '"' || c == '\'') && (in == 0 || in == c):
			in ^= c
			continue
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		}
		word.WriteRune(c)
	}
	if word.Len() > 0 {
		out = append(out, word.String())
	}
	return out
}
