package inventory

import (
	"context"

	"lockstep/inventory/vault"
)

// Options say how inventories are read beside their paths. The zero Options
// read what stands beside the inventories and open nothing that is encrypted.
type Options struct {
	// PlanFolder is the folder of the plan, whose group_vars/ and host_vars/
	// are read too. In the same group or host they win over those beside the
	// inventory.
	PlanFolder string
	// Vault has the passwords for what is encrypted with ansible-vault. It is
	// asked when the first such thing is found.
	Vault Vault
}

// Vault has passwords; *vault.Keyring is one.
type Vault interface {
	Passwords(ctx context.Context) ([]vault.Password, error)
}
