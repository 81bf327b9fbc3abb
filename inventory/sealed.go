package inventory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/source"
	"lockstep/inventory/vault"
)

// vaultTags are the tags of an encrypted value, as Ansible has them.
func vaultTags() []string { return []string{"!vault", "!vault-encrypted"} }

// vaultKey is the only key of an encrypted value in JSON.
const vaultKey = "__ansible_vault"

const vaultHint = "give the password with --vault-password-file FILE, --vault-id ID@FILE or --ask-vault-pass"

// opener opens what is encrypted.
func opener(ctx context.Context, v Vault) func([]byte) ([]byte, error) {
	return func(data []byte) ([]byte, error) {
		if v == nil {
			return nil, errNoPassword
		}
		passwords, err := v.Passwords(ctx)
		if err != nil {
			return nil, err
		}
		if len(passwords) == 0 {
			return nil, errNoPassword
		}
		return vault.Open(data, passwords)
	}
}

// errNoPassword decides the hint of unsealable.
var errNoPassword = errors.New("no vault password is given")

// unsealable tells why something encrypted cannot be read.
func unsealable(what string, data []byte, err error) (msg, hint string) {
	msg = fmt.Sprintf("%s is encrypted with ansible-vault: %v", what, err)
	id := vault.ID(data)
	switch {
	case errors.Is(err, errNoPassword):
		hint = vaultHint
	case errors.Is(err, vault.ErrPassword) && id != "":
		hint = fmt.Sprintf("its vault id is %q; %s", id, vaultHint)
	case errors.Is(err, vault.ErrPassword):
		hint = vaultHint
	}
	return msg, hint
}

// unlocked hands the text of a file to read, decrypted if need be. What is read
// of a file that was encrypted is secret, and its problems show no excerpt.
func (b *builder) unlocked(file string, data []byte, read func(plain []byte)) {
	if !vault.Is(data) {
		read(data)
		return
	}
	plain, err := b.open(data)
	if err != nil {
		msg, hint := unsealable("the file", data, err)
		b.fail(&source.Error{Pos: source.Pos{File: file, Line: 1}, Msg: msg, Hint: hint})
		return
	}
	b.sealed = true
	defer func() { b.sealed = false }()
	read(plain)
}

// unsealed decrypts the values in v that are encrypted one by one.
func (b *builder) unsealed(v source.Value) source.Value {
	if inner, ok := v.Get(vaultKey); ok && len(v.Fields) == 1 && inner.Value.Shape == source.Scalar {
		return b.unseal(inner.Value)
	}
	if slices.Contains(vaultTags(), v.Tag) || v.Shape == source.Scalar && vault.Is([]byte(v.Text)) {
		return b.unseal(v)
	}
	for i, item := range v.Items {
		v.Items[i] = b.unsealed(item)
	}
	for i, f := range v.Fields {
		v.Fields[i].Value = b.unsealed(f.Value)
	}
	return v
}

func (b *builder) unseal(v source.Value) source.Value {
	plain, err := b.open([]byte(v.Text))
	if err != nil {
		msg, hint := unsealable("the value", []byte(v.Text), err)
		b.fail(v.Errorf(hint, "%s", msg))
		return v.WithScalar(nil)
	}
	return v.WithScalar(string(plain)).Seal()
}

// Secrets returns every secret text and number among the values of the
// inventory, those that another hides included, sorted; the lines of a longer
// text also by themselves. It is for the redactor.
func (inv *Inventory) Secrets() []string {
	found := map[string]bool{}
	for _, g := range inv.groups {
		for _, a := range g.vars {
			collectSecrets(a.value, found)
		}
	}
	for _, h := range inv.hosts {
		for _, a := range h.own {
			collectSecrets(a.value, found)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Secrets is Inventory.Secrets for one host.
func (h *Host) Secrets() []string {
	found := map[string]bool{}
	for _, chain := range h.chains {
		for _, o := range chain {
			collectSecrets(o.Value, found)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// shortestLine is the length from which a line of a secret is one by itself.
const shortestLine = 8

// collectSecrets leaves out truth values: who masks every "true" hides nothing
// and makes a text unreadable.
func collectSecrets(v source.Value, to map[string]bool) {
	if v.Tag == source.SecretTag {
		return // where it is kept is no secret
	}
	for _, item := range v.Items {
		collectSecrets(item, to)
	}
	for _, f := range v.Fields {
		collectSecrets(f.Value, to)
	}
	_, isBool := v.Any.(bool)
	if !v.Secret || v.Shape != source.Scalar || isBool || v.Text == "" {
		return
	}
	to[v.Text] = true
	if lines := strings.Split(v.Text, "\n"); len(lines) > 1 {
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= shortestLine && !strings.HasPrefix(line, "-----") {
				to[line] = true
			}
		}
	}
}
