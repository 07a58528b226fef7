package pgtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// StartSecured makes a server that is spoken to over TCP and TLS. authority is a file with the certificate that its own is signed by.
func StartSecured(args ...string) (s *Server, authority string, err error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	if s, err = newServer("", args); err != nil {
		return nil, "", err
	}
	dir := filepath.Join(s.Dir, "tls")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, "", err
	}
	own, authority, err := Certificate(dir, "127.0.0.1")
	if err != nil {
		return nil, "", err
	}
	if s.as != nil {
		if err := os.Chown(own+".key", int(s.as.Uid), int(s.as.Gid)); err != nil {
			return nil, "", err
		}
	}
	s.args = append([]string{"-c", "listen_addresses=127.0.0.1", "-c", "port=" + strconv.Itoa(port), "-c", "ssl=on", "-c", "ssl_cert_file=" + own, "-c", "ssl_key_file=" + own + ".key"}, args...)
	s.port = port
	return s, authority, s.make()
}

// Secured is the address over TCP, for whoever believes an authority.
func (s *Server) Secured(authority string) string {
	return fmt.Sprintf("postgres://town@127.0.0.1:%d/postgres?sslmode=verify-full&sslrootcert=%s", s.port, authority)
}

// Certificate makes an authority, and a certificate of an address that it signs: own, with its key in own.key.
func Certificate(dir, address string) (own, authority string, err error) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: address}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, IPAddresses: []net.IP{net.ParseIP(address)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &signer.PublicKey, signer)
	if err != nil {
		return "", "", err
	}
	ofDER, err := x509.CreateCertificate(rand.Reader, of, ca, &key.PublicKey, signer)
	if err != nil {
		return "", "", err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", "", err
	}
	own, authority = filepath.Join(dir, "server.pem"), filepath.Join(dir, "authority.pem")
	for file, block := range map[string]*pem.Block{authority: {Type: "CERTIFICATE", Bytes: caDER}, own: {Type: "CERTIFICATE", Bytes: ofDER}, own + ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		mode := os.FileMode(0o644)
		if block.Type != "CERTIFICATE" {
			mode = 0o600
		}
		if err := os.WriteFile(file, pem.EncodeToMemory(block), mode); err != nil {
			return "", "", err
		}
	}
	return own, authority, nil
}
