package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"lockstep/cmd/lockstep/view"
	"lockstep/executor/saved"
)

// showSaved tells what is in a saved plan, also in one that is not good any more.
func (a *app) showSaved(file string, p *saved.Plan) error {
	bad := p.Check(time.Now())
	if a.flags.json {
		enc := json.NewEncoder(a.stdout) // no secret is in a saved plan
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(p)
	}
	if err := a.print(view.Printable(contents(file, p, bad))); err != nil {
		return err
	}
	if bad != nil {
		return &outcome{exitRefused, "the saved plan is not good", nil}
	}
	return nil
}

// contents are a saved plan in words.
func contents(file string, p *saved.Plan, bad error) string {
	var b strings.Builder
	b.WriteString(strings.TrimRight(p.Preview, "\n") + "\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name string, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, text)
		}
	}
	row("saved plan", "%s", file)
	row("planned", "%s by %s, with lockstep %s", p.Made.Local().Format("2006-01-02 15:04:05 MST"), p.User, p.Lockstep)
	row("good until", "%s", p.Expires.Local().Format("2006-01-02 15:04:05 MST"))
	row("plan", "%s", p.Args.Plan)
	row("inventory", "%s", strings.Join(p.Args.Inventory, " "))
	row("--limit", "%s", p.Args.Limit)
	row("--tags", "%s", strings.Join(p.Args.Tags, ","))
	row("--skip-tags", "%s", strings.Join(p.Args.SkipTags, ","))
	row("-e", "%s", strings.Join(p.Args.Extra, " "))
	for _, f := range p.Inputs {
		row("file", "%s  %.12s", f.Path, f.SHA256)
	}
	for _, h := range p.Hosts {
		row("host", "%s  %s  %s", h.Name, h.Address, h.Key)
	}
	row("changes", "%d steps", len(p.Steps))
	row("fingerprint", "%s", p.Fingerprint)
	_ = w.Flush() // into memory
	if bad != nil {
		fmt.Fprintf(&b, "\nlockstep apply would refuse: %v\n", bad)
		return b.String()
	}
	fmt.Fprintf(&b, "\nto carry it out: lockstep apply %s\n", file)
	return b.String()
}
