package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lockstep/internal/pki"
	"lockstep/internal/secret"
)

func (a *app) certsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Make, renew, judge and join certificates on this machine",
		Long: `Works on a directory of certificates on this machine, the same that a step of
kind certs keeps: ca.pem, ca-key.pem, server-cert.pem, server-key.pem,
client-cert.pem and client-key.pem. No host is touched: bringing files to hosts,
and restarting what uses them, takes a plan.

Private keys get mode 0600 and are never shown.`,
	}
	cmd.AddCommand(a.certsInitCommand(), a.certsIssueCommand(), a.certsRenewCommand(), a.certsImportCommand(),
		a.certsVerifyCommand(), a.certsInspectCommand(), a.certsBundleCommand(), a.certsDHParamsCommand(), a.certsVaultCommand(), a.certsACMECommand())
	return cmd
}

// The names of the files, as steps/certs has them.
const (
	caFile, caKeyFile         = "ca.pem", "ca-key.pem"
	serverFile, serverKeyFile = "server-cert.pem", "server-key.pem"
	clientFile, clientKeyFile = "client-cert.pem", "client-key.pem"
)

// leafFiles are the files of a role.
func leafFiles(role pki.Role) (cert, key string) {
	if role == pki.RoleClient {
		return clientFile, clientKeyFile
	}
	return serverFile, serverKeyFile
}

// passphraseFlags say how the authority's key is opened.
type passphraseFlags struct {
	file    string
	encrypt bool
}

func (p *passphraseFlags) declare(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "ca-passphrase-file", "", "open the authority's key with the passphrase in this `file` (default: $LOCKSTEP_CA_PASSPHRASE, or ask)")
}

// passphrase is what opens the authority's key in dir, and what encrypts a new
// one; empty where neither is wanted.
func (a *app) passphrase(ctx context.Context, p passphraseFlags, keyFile string) (string, error) {
	key, err := os.ReadFile(keyFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if !p.encrypt && !pki.IsEncryptedKey(key) {
		return "", nil
	}
	text, err := a.readPassphrase(ctx, p, pki.IsEncryptedKey(key))
	a.redactor.Add(text)
	return text, err
}

func (a *app) readPassphrase(ctx context.Context, p passphraseFlags, opens bool) (string, error) {
	if p.file != "" {
		file, err := filepath.Abs(p.file)
		if err != nil {
			return "", err
		}
		return secret.Resolve(ctx, secret.Ref{File: file})
	}
	if text := a.getenv("LOCKSTEP_CA_PASSPHRASE"); text != "" {
		return text, nil
	}
	if opens {
		return a.ask(ctx, "Passphrase of the authority's key: ")
	}
	return a.askTwice(ctx)
}

// askTwice asks for a new passphrase; a terminal does not show it, so it may be
// mistyped.
func (a *app) askTwice(ctx context.Context) (string, error) {
	text, err := a.ask(ctx, "New passphrase of the authority's key: ")
	if err != nil || !term.IsTerminal(int(a.stdin.Fd())) {
		return text, err
	}
	again, err := a.ask(ctx, "The same again: ")
	if err == nil && again != text {
		err = fmt.Errorf("the two passphrases differ, and nothing was made")
	}
	return text, err
}
