// Package executor walks a compiled plan over live hosts: order, width, gates
// and stop rules, and the overlay that makes a dry run the same code as a run.
// It knows no kind of step by name and speaks to hosts only through Machine.
package executor
