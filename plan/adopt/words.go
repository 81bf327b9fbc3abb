package adopt

import (
	"slices"

	"lockstep/internal/source"
)

// lacks notes a module that a word of the language stands for, where the
// language does not have it.
func (r *reader) lacks(f source.Field, word, note string) bool {
	if slices.Contains(r.lang.Words, word) {
		return false
	}
	r.note(f.KeyPos, Missing, f.Key, note)
	return true
}

func (r *reader) setFact(f source.Field, args source.Value) {
	if r.lacks(f, "set", "variables stand in `vars` and in the inventory, and mean the same in the whole run") {
		return
	}
	r.note(f.KeyPos, Spelled, f.Key, "set: {NAME: VALUE, ...}")
	for _, p := range args.Fields {
		if p.Key == "cacheable" {
			r.note(p.KeyPos, Spelled, f.Key+": cacheable", leave+": nothing outlives a run")
			continue
		}
		r.templates(p.Value)
	}
}

// pause of Ansible's waits for a time or for a key; here a person approves.
func (r *reader) pause(f source.Field, args source.Value) {
	prompt, asks := args.Get("prompt")
	if !asks {
		r.note(f.KeyPos, Missing, f.Key, "a stage waits for health by its `gate`, and stays `settle` longer")
		return
	}
	if !r.lacks(f, "pause", "nobody is asked within a plan") {
		r.note(f.KeyPos, Spelled, f.Key, "pause: "+flow(prompt.Value)+", between stages")
	}
}

func (r *reader) assert(f source.Field, args source.Value) {
	if r.lacks(f, "assert", "`together` and a stage's `gate` stop a run before it begins") {
		return
	}
	r.named(f, "assert")
	for _, p := range args.Fields {
		switch p.Key {
		case "that":
			r.conditions(p)
		case "msg":
			r.note(p.KeyPos, Same, "assert: msg", "")
		case "fail_msg":
			r.note(p.KeyPos, Spelled, "assert: fail_msg", "msg")
		default:
			r.note(p.KeyPos, Spelled, "assert: "+p.Key, leave+": what holds is not spoken of")
		}
	}
}

// fail of Ansible's goes with a condition for the worst; an assert has one for
// the best.
func (r *reader) fail(f source.Field, args source.Value) {
	if r.lacks(f, "assert", "`together` and a stage's `gate` stop a run before it begins") {
		return
	}
	r.note(f.KeyPos, Spelled, f.Key, "assert: {that: the opposite of its `when`, msg: ...}")
	r.templates(f.Value)
}

// conditions judges each of a list by itself.
func (r *reader) conditions(f source.Field) {
	items := f.Value.Items
	if f.Value.Shape == source.Scalar {
		items = []source.Value{f.Value}
	}
	r.note(f.KeyPos, Same, "assert: "+f.Key, "")
	for _, item := range items {
		r.condition(source.Field{Key: "that", KeyPos: item.Pos, Value: item})
	}
}

func (r *reader) include(f source.Field, args source.Value) {
	if r.lacks(f, "include", "a plan is one file: put the steps where they belong") {
		return
	}
	file := f.Value
	if inner, ok := args.Get("file"); ok {
		file = inner.Value
	}
	if f.Key == "include" {
		r.note(f.KeyPos, Same, f.Key, "")
	} else {
		r.note(f.KeyPos, Spelled, f.Key, "include: "+flow(file)+", a file with a list of steps")
	}
	r.templates(file)
}
