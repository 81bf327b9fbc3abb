package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"lockstep/internal/pki"
	"lockstep/internal/secret"
	"lockstep/internal/vaultpki"
	"lockstep/steps/param"
)

// vaultPKIFlags say where the engine is and what it is asked for.
type vaultPKIFlags struct {
	address, mount, role, namespace string
	caCert, tokenFile, lifetime     string
	printCA                         bool
}

func (a *app) certsVaultCommand() *cobra.Command {
	f := &vaultPKIFlags{}
	cmd := &cobra.Command{
		Use:   "vault --role ROLE",
		Short: "Have a signing request signed by a Vault PKI mount",
		Long: `Reads a signing request from stdin, has it signed by the PKI engine of HashiCorp
Vault or OpenBao, and prints the certificate and its chain. It is what a step of
kind certs with source: command runs; the private key does not leave this machine.

The token comes from --token-file or $VAULT_TOKEN. $VAULT_ADDR, $VAULT_CACERT and
$VAULT_NAMESPACE stand for flags that are not given. The role must allow the common
names of lockstep, which are no host names (allow_any_name=true,
enforce_hostnames=false), and keep server_flag and client_flag.

With --print-ca it prints the authority and what is above it, for ca.pem.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.certsVault(cmd.Context(), *f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.address, "address", a.getenv("VAULT_ADDR"), "the server, such as https://vault:8200")
	fl.StringVar(&f.mount, "mount", "pki", "where the engine is mounted")
	fl.StringVar(&f.role, "role", "", "the engine's role")
	fl.StringVar(&f.namespace, "namespace", a.getenv("VAULT_NAMESPACE"), "the namespace, if there are any")
	fl.StringVar(&f.caCert, "ca-cert", a.getenv("VAULT_CACERT"), "the CA `file` of the server itself (default: those of the system)")
	fl.StringVar(&f.tokenFile, "token-file", "", "the `file` with the token (default: $VAULT_TOKEN)")
	fl.StringVar(&f.lifetime, "lifetime", "", "how long the certificate is valid (default: as the role says)")
	fl.BoolVar(&f.printCA, "print-ca", false, "print the authority, and sign nothing")
	return cmd
}

const vaultPatience = time.Minute

func (a *app) certsVault(ctx context.Context, f vaultPKIFlags) error {
	m, err := a.vaultMount(ctx, f)
	if err != nil {
		return err
	}
	if f.printCA {
		text, err := m.CA(ctx)
		return a.printPEM(noVaultAnswer, text, err)
	}
	r, err := a.vaultRequest(f)
	if err != nil {
		return err
	}
	text, err := m.Sign(ctx, r)
	return a.printPEM(noVaultAnswer, text, err)
}

const noVaultAnswer = "the Vault server gave no certificate"

// printPEM prints certificates; what is none is not passed on, and ends the
// command with the words of otherwise.
func (a *app) printPEM(otherwise string, text []byte, err error) error {
	if err == nil {
		_, err = pki.ParseCerts(text)
	}
	if err != nil {
		return &outcome{exitFailed, otherwise, err}
	}
	return a.print(string(text))
}

// signingRequest reads one from stdin.
func (a *app) signingRequest() (*x509.CertificateRequest, error) {
	data, err := io.ReadAll(io.LimitReader(a.stdin, maxInspect))
	if err != nil {
		return nil, err
	}
	r, err := pki.ParseRequest(data)
	if err != nil {
		return nil, fmt.Errorf("stdin: %w", err)
	}
	return r, nil
}

func (a *app) vaultRequest(f vaultPKIFlags) (vaultpki.Request, error) {
	r := vaultpki.Request{Role: f.role}
	if f.role == "" {
		return r, errors.New("--role is missing")
	}
	if f.lifetime != "" {
		var err error
		if r.Lifetime, err = param.ParseDuration(f.lifetime); err != nil {
			return r, fmt.Errorf("--lifetime is %q, which is not a time such as 90d", f.lifetime)
		}
	}
	csr, err := a.signingRequest()
	if err != nil {
		return r, err
	}
	r.CSR = pki.EncodeRequest(csr)
	r.CommonName, r.DNS = csr.Subject.CommonName, csr.DNSNames
	for _, ip := range csr.IPAddresses {
		r.IPs = append(r.IPs, ip.String())
	}
	return r, nil
}

func (a *app) vaultMount(ctx context.Context, f vaultPKIFlags) (vaultpki.Mount, error) {
	m := vaultpki.Mount{Address: f.address, Mount: f.mount, Namespace: f.namespace, Token: a.getenv("VAULT_TOKEN")}
	if f.address == "" {
		return m, errors.New("--address is missing, and VAULT_ADDR is not set")
	}
	if f.tokenFile != "" {
		file, err := filepath.Abs(f.tokenFile)
		if err != nil {
			return m, err
		}
		if m.Token, err = secret.Resolve(ctx, secret.Ref{File: file}); err != nil {
			return m, err
		}
	}
	a.redactor.Add(m.Token)
	if m.Token == "" && !f.printCA {
		return m, errors.New("there is no token: give --token-file, or set VAULT_TOKEN")
	}
	roots, err := rootsOf(f.caCert)
	if err != nil {
		return m, err
	}
	m.Client = &http.Client{Timeout: vaultPatience, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	return m, nil
}

// rootsOf are the authorities in a file, or nil for those of the system.
func rootsOf(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	certs, err := pki.ParseCerts(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, nil
}
