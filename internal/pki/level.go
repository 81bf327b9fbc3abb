package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
)

// strengthOf gives the bits of security that a level asks for
// (SSL_CTX_set_security_level(3)).
func strengthOf(level int) int {
	bits := []int{0, 80, 112, 128, 192, 256}
	return bits[max(0, min(level, len(bits)-1))]
}

// keyStrength is a key's security in bits (EVP_PKEY_get_security_bits(3)). An
// RSA key of a length between those of the table counts as the shorter one, as
// in OpenSSL 1.1; OpenSSL 3 interpolates.
func keyStrength(pub crypto.PublicKey) int {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return stair(k.N.BitLen(), [][2]int{{15360, 256}, {7680, 192}, {3072, 128}, {2048, 112}, {1024, 80}})
	case *ecdsa.PublicKey:
		return stair(k.Curve.Params().N.BitLen(), [][2]int{{512, 256}, {384, 192}, {256, 128}, {224, 112}, {160, 80}})
	case ed25519.PublicKey:
		return 128
	}
	return 0
}

// stair takes the first step that size reaches.
func stair(size int, steps [][2]int) int {
	for _, s := range steps {
		if size >= s[0] {
			return s[1]
		}
	}
	return 0
}

// digestStrength is a signature's security in bits: half the digest's length,
// and less where collisions are known (x509_sig_info_init in OpenSSL).
func digestStrength(a x509.SignatureAlgorithm) int {
	switch a {
	case x509.MD2WithRSA, x509.UnknownSignatureAlgorithm:
		return 0
	case x509.MD5WithRSA:
		return 39
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		return 63
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		return 192
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		return 256
	}
	return 128
}

// checkLevel judges the keys of all issuers, and all signatures but that of the
// trusted root, which nobody has to believe.
func checkLevel(path []*x509.Certificate, level int) error {
	for i, c := range path {
		switch {
		case i > 0 && keyStrength(c.PublicKey) < strengthOf(level):
			return chainError(codeCAKeyTooSmall, path, i, "the CA's key is too short: "+keyName(c.PublicKey))
		case i < len(path)-1 && digestStrength(c.SignatureAlgorithm) < strengthOf(level):
			return chainError(codeDigestTooWeak, path, i, "its signature uses a digest that can be forged: "+c.SignatureAlgorithm.String())
		}
	}
	return nil
}
