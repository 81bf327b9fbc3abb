package main

import (
	"context"

	"github.com/spf13/cobra"

	"lockstep/inventory/vault"
)

// vaultFlags say where the passwords of ansible-vault come from.
type vaultFlags struct {
	files, ids []string
	ask        bool
}

// vaultFlags declares them where inventories are read.
func (a *app) vaultFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&a.flags.vault.files, "vault-password-file", nil, "open what ansible-vault encrypted with the password in this `file`, or that this program prints; repeatable (default $LOCKSTEP_VAULT_PASSWORD_FILE)")
	f.StringArrayVar(&a.flags.vault.ids, "vault-id", nil, "the same for one vault id: `ID@FILE`, or ID@prompt; repeatable")
	f.BoolVarP(&a.flags.vault.ask, "ask-vault-pass", "J", false, "ask for the vault password")
}

// keyring has the passwords that the flags name. It asks for none before
// something encrypted is met.
func (a *app) keyring(ctx context.Context) (*vault.Keyring, error) {
	ring := &vault.Keyring{Ask: func(prompt string) (string, error) { return a.askVault(ctx, prompt) }}
	files := a.flags.vault.files
	if env := a.getenv("LOCKSTEP_VAULT_PASSWORD_FILE"); env != "" && len(files) == 0 {
		files = []string{env}
	}
	for _, id := range a.flags.vault.ids {
		s, err := vault.ParseSource(id)
		if err != nil {
			return nil, err
		}
		ring.Sources = append(ring.Sources, s)
	}
	for _, file := range files {
		ring.Sources = append(ring.Sources, vault.Source{ID: vault.DefaultID, From: file})
	}
	if a.flags.vault.ask {
		ring.Sources = append(ring.Sources, vault.Source{ID: vault.DefaultID, From: "prompt"})
	}
	return ring, nil
}

// askVault asks and learns the answer, so that nothing shows it.
func (a *app) askVault(ctx context.Context, prompt string) (string, error) {
	text, err := a.ask(ctx, prompt)
	a.redactor.Add(text)
	return text, err
}
