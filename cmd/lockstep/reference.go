package main

import (
	"fmt"
	"strings"

	"lockstep/plan"
	"lockstep/steps"
	"lockstep/steps/param"
)

// The reference is Markdown that reads well in a terminal too: what
// `lockstep steps KIND` prints is what stands in docs/steps/KIND.md. It comes
// from each kind's doc.md and from the declarations that decode.

// pages returns the files of docs/steps with their content.
func pages(kinds *steps.Registry) map[string]string {
	out := map[string]string{"README.md": index(kinds)}
	for _, k := range kinds.Kinds() {
		out[k.Name+".md"] = page(k)
	}
	return out
}

// page explains one kind.
func page(k steps.Kind) string {
	var set param.Set
	k.New().Params(&set)
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n## Parameters\n\n", k.Name, strings.TrimSpace(k.Doc))
	writeParams(&b, &set, "")
	return b.String()
}

// index lists the kinds, and the keys of plans, stages and steps.
func index(kinds *steps.Registry) string {
	var b strings.Builder
	b.WriteString("# Steps\n\nEach step of a plan names one kind. `lockstep steps KIND` prints these pages,\n" +
		"and `lockstep schema plan` describes all of it for editors.\n\n")
	for _, k := range kinds.Kinds() {
		item(&b, "", fmt.Sprintf("[%s](%s.md): %s", k.Name, k.Name, k.Summary))
	}
	d := plan.Declared()
	for _, part := range []struct {
		title, text string
		set         *param.Set
	}{
		{"Keys of a plan", "A plan is a map with these keys.", d.Plan},
		{"Keys of a stage", "A stage is a step that holds `steps` of its own.", d.Stage},
		{"Keys of a step", "Besides its kind a step may have these keys.", d.Step},
		{"Keys of a group", "Inside of a stage steps may hold `steps` of their own.", d.Group},
		{"include", "Takes in the steps of another file.", d.Include},
		{"pause", "Waits, between stages, until a person approves.", d.Pause},
		{"assert", "A step that ends the work on a host where something does not hold: one\ncondition, a list of them, or a map with these keys.", d.Assert},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", part.title, part.text)
		writeParams(&b, part.set, "")
	}
	writeFunctions(&b)
	return b.String()
}

// writeFunctions lists what expressions may call and the facts they may use.
func writeFunctions(b *strings.Builder) {
	b.WriteString("\n## Expressions\n\nWhat stands in {{ }}, and the whole of `when`, `until` and `that`, is an\n" +
		"expression of expr-lang.org, with functions besides:\n\n")
	for _, f := range plan.Functions() {
		item(b, "", fmt.Sprintf("`%s`: %s; `%s` is `%s`", f.Usage, f.Doc, f.Example, f.Gives))
	}
	b.WriteString("\nThe variable `facts` has these fields, found out when a step needs them:\n")
	b.WriteString("`" + strings.Join(plan.Facts(), "`, `") + "`.\n")
}

// writeParams lists parameters, those of maps below theirs.
func writeParams(b *strings.Builder, set *param.Set, indent string) {
	for _, f := range set.Fields() {
		notes := []string{f.Type}
		if f.Required {
			notes = append(notes, "required")
		}
		if f.Default != "" {
			notes = append(notes, "default "+f.Default)
		}
		if len(f.Enum) > 0 {
			notes = append(notes, "one of "+strings.Join(f.Enum, ", "))
		}
		item(b, indent, fmt.Sprintf("`%s` (%s): %s", f.Name, strings.Join(notes, "; "), f.Doc))
		if f.Sub != nil {
			writeParams(b, f.Sub, indent+"  ")
		}
	}
}

// item writes one item of a list, in lines that fit a terminal.
func item(b *strings.Builder, indent, text string) {
	const width = 80
	line := indent + "-"
	for word := range strings.FieldsSeq(text) {
		if len([]rune(line))+1+len([]rune(word)) > width && strings.TrimSpace(line) != "-" {
			b.WriteString(line + "\n")
			line = indent + " "
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
