package source

import (
	"github.com/hashicorp/go-multierror"

	"lockstep/internal/secret"
)

// SecretTag marks a value that is kept elsewhere: a reference stands in its
// place. Callers of ParseYAML that take such values name the tag.
const SecretTag = "!secret"

// SecretRef reads the reference that v is, a value with SecretTag. All problems
// are in the one error, each with its place.
func (v Value) SecretRef() (secret.Ref, error) {
	plain, ok := v.Plain().(map[string]any)
	if !ok {
		return secret.Ref{}, v.Errorf("write !secret {env: NAME}, or with file, command or age", "a secret is a map that says where it is kept, but this is %s", v.Shape)
	}
	ref, err := secret.ParseRef(plain)
	if err == nil {
		return ref, nil
	}
	var problems *multierror.Error
	for _, e := range multierror.Append(nil, err).Errors {
		problems = multierror.Append(problems, v.Errorf("", "%v", e))
	}
	return ref, problems
}
