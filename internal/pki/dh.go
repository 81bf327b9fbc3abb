package pki

import (
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
)

// The form of PKCS#3, and that of X9.42, which has more numbers behind.
const (
	typeDHParams  = "DH PARAMETERS"
	typeX942DHPar = "X9.42 DH PARAMETERS"
)

func isDHParams(t string) bool { return t == typeDHParams || t == typeX942DHPar }

// ffdhe2048 is the prime of RFC 7919, appendix A.1; its generator is 2.
const ffdhe2048 = "FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8F681B202AEC4617AD3DF1ED5" +
	"D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797ABC0AB182B324FB61D108A94B" +
	"B2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F619172FE9CE98583FF8E4F1232EEF28183C3FE3B1B" +
	"4C6FAD733BB5FCBC2EC22005C58EF1837D1683B2C6F34A26C1B2EFFA886B423861285C97FFFFFFFFFFFFFFFF"

// dhParams are the first numbers of both forms.
type dhParams struct{ P, G *big.Int }

// DHParams is the Diffie-Hellman group ffdhe2048 as a file. It matters where
// socat older than 1.7.3 carries state transfers, whose own group of 512 bits
// every current OpenSSL refuses, and keeps a script from spending minutes to
// find a prime. A group that all know and have checked is safer than a new one
// (RFC 7919, section 1).
func DHParams() ([]byte, error) {
	p, ok := new(big.Int).SetString(ffdhe2048, 16)
	if !ok {
		return nil, errors.New("the prime of ffdhe2048 does not parse")
	}
	der, err := asn1.Marshal(dhParams{p, big.NewInt(2)})
	if err != nil {
		return nil, fmt.Errorf("DH parameters: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: typeDHParams, Bytes: der}), nil
}

// DHParamsBits reads a file of Diffie-Hellman parameters, and tells the size of
// its group.
func DHParamsBits(data []byte) (int, error) {
	blocks, err := ReadPEM(data)
	if err != nil {
		return 0, err
	}
	if len(blocks) != 1 || !isDHParams(blocks[0].Type) {
		return 0, errors.New("wanted one PEM block -----BEGIN DH PARAMETERS----- and nothing else")
	}
	var p dhParams
	rest, err := asn1.Unmarshal(blocks[0].Bytes, &p)
	switch {
	case err != nil || len(rest) > 0:
		return 0, errors.New("the DH parameters do not decode")
	case p.P.Sign() <= 0 || !p.P.ProbablyPrime(20):
		return 0, errors.New("the modulus of the DH parameters is not a prime")
	}
	return p.P.BitLen(), nil
}
