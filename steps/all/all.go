// Package all lists the kinds of steps that lockstep has. A new kind adds its
// line here and nowhere else.
package all

import (
	"lockstep/steps"
	"lockstep/steps/copy"
	"lockstep/steps/directory"
	"lockstep/steps/file"
	"lockstep/steps/mycnf"
)

// Registry returns the registry of all kinds.
func Registry() (*steps.Registry, error) {
	return steps.NewRegistry(
		copy.Kind(),
		directory.Kind(),
		file.Kind(),
		mycnf.Kind(),
	)
}
