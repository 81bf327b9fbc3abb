// Package all lists the kinds of steps that lockstep has. A new kind adds its
// line here and nowhere else.
package all

import (
	"lockstep/steps"
	"lockstep/steps/certs"
	"lockstep/steps/command"
	"lockstep/steps/copy"
	"lockstep/steps/directory"
	"lockstep/steps/file"
	"lockstep/steps/galera"
	"lockstep/steps/galeraaudit"
	"lockstep/steps/mycnf"
	"lockstep/steps/service"
	"lockstep/steps/survey"
	"lockstep/steps/template"
	"lockstep/steps/tls"
	"lockstep/steps/trust"
	"lockstep/steps/verify"
	"lockstep/steps/waitfor"
)

// Registry returns the registry of all kinds.
func Registry() (*steps.Registry, error) {
	return steps.NewRegistry(
		certs.Kind(),
		command.Kind(),
		copy.Kind(),
		directory.Kind(),
		file.Kind(),
		galera.Kind(),
		galeraaudit.Kind(),
		mycnf.Kind(),
		service.Kind(),
		survey.Kind(),
		template.Kind(),
		tls.Kind(),
		trust.Kind(),
		verify.Kind(),
		waitfor.Kind(),
	)
}
