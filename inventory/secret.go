package inventory

import (
	"strings"

	"lockstep/internal/source"
)

// checkSecrets records what is wrong with the references to secrets in v.
func (b *builder) checkSecrets(v source.Value) {
	if v.Tag == source.SecretTag {
		_, err := v.SecretRef()
		b.fail(err)
		return
	}
	for _, item := range v.Items {
		b.checkSecrets(item)
	}
	for _, f := range v.Fields {
		b.checkSecrets(f.Value)
	}
}

// isSecret tells whether v is a secret where only a variable can be one, and
// records that.
func (b *builder) isSecret(v source.Value, what string) bool {
	if v.Tag == source.SecretTag {
		b.fail(v.Errorf("give the tag to the value of one variable", "%s cannot be a secret", what))
	}
	return v.Tag == source.SecretTag
}

// refuseTag finds a reference to a secret where values have no tags.
func (r *iniReader) refuseTag(name, text string, at source.Value) bool {
	if text != source.SecretTag && !strings.HasPrefix(text, source.SecretTag+" ") {
		return false
	}
	r.fail(at.Errorf("put the variable into a file below group_vars/ or host_vars/, which are YAML", "%s cannot be a secret here: an INI inventory has no tags", name))
	return true
}
