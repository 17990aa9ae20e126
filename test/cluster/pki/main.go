// SPDX-License-Identifier: Apache-2.0

// Command pki makes the certificates, the service-account key and the kubeconfigs of a throw-away cluster:
//
//	pki DIR SERVER-IP NODE...
//
// It writes NAME.crt and NAME.key for each identity, and NAME.kubeconfig, complete in itself, for those that are clients.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

func main() {
	if len(os.Args) < 3 || net.ParseIP(os.Args[2]) == nil {
		fmt.Fprintln(os.Stderr, "usage: pki DIR SERVER-IP NODE...")
		os.Exit(2)
	}
	if err := generate(os.Args[1], net.ParseIP(os.Args[2]), os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "pki:", err)
		os.Exit(1)
	}
}

// A client's name and group are what the authorizer sees: common name and organisation of its certificate.
type client struct{ file, user, group string }

func generate(dir string, server net.IP, nodes []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ca, err := newAuthority(dir)
	if err != nil {
		return err
	}
	errs := []error{
		ca.issue(&x509.Certificate{
			Subject:     pkix.Name{CommonName: "kube-apiserver"},
			IPAddresses: []net.IP{server, net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
			DNSNames:    []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}, "apiserver"),
		ca.client(client{"apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"}),
		serviceAccountKey(dir),
	}
	clients := []client{
		{"admin", "kubernetes-admin", "system:masters"},
		{"controller-manager", "system:kube-controller-manager", ""},
		{"scheduler", "system:kube-scheduler", ""},
	}
	for _, n := range nodes {
		clients = append(clients, client{"kubelet-" + n, "system:node:" + n, "system:nodes"})
	}
	for _, c := range clients {
		errs = append(errs, ca.client(c), ca.kubeconfig(c.file, server))
	}
	return errors.Join(errs...)
}

type authority struct {
	dir    string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

func newAuthority(dir string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := &authority{dir: dir, key: key}
	ca.cert = &x509.Certificate{
		Subject:  pkix.Name{CommonName: "trace-sec-test-ca"},
		IsCA:     true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := ca.sign(ca.cert, &key.PublicKey)
	if err != nil {
		return nil, err
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return ca, ca.write("ca.crt", "CERTIFICATE", der)
}

func (ca *authority) sign(t *x509.Certificate, public any) ([]byte, error) {
	ca.serial++
	t.SerialNumber = big.NewInt(ca.serial)
	t.NotBefore = time.Now().Add(-time.Hour) // the clock of a VM node may lag
	t.NotAfter = time.Now().AddDate(1, 0, 0)
	t.BasicConstraintsValid = true
	return x509.CreateCertificate(rand.Reader, t, ca.cert, public, ca.key)
}

func (ca *authority) issue(t *x509.Certificate, file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := ca.sign(t, &key.PublicKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		ca.write(file+".crt", "CERTIFICATE", der),
		ca.write(file+".key", "EC PRIVATE KEY", keyDER))
}

func (ca *authority) client(c client) error {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: c.user},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if c.group != "" {
		t.Subject.Organization = []string{c.group}
	}
	return ca.issue(t, c.file)
}

// kubeconfig embeds everything, so that the file can be copied anywhere, into a VM for example.
func (ca *authority) kubeconfig(file string, server net.IP) error {
	var data [3]string
	for i, name := range []string{"ca.crt", file + ".crt", file + ".key"} {
		b, err := os.ReadFile(filepath.Join(ca.dir, name))
		if err != nil {
			return err
		}
		data[i] = base64.StdEncoding.EncodeToString(b)
	}
	return os.WriteFile(filepath.Join(ca.dir, file+".kubeconfig"), fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: trace-sec-test
  cluster: {server: "https://%s", certificate-authority-data: %s}
users:
- name: %s
  user: {client-certificate-data: %s, client-key-data: %s}
contexts:
- name: trace-sec-test
  context: {cluster: trace-sec-test, user: %s}
current-context: trace-sec-test
`, net.JoinHostPort(server.String(), "6443"), data[0], file, data[1], data[2], file), 0o600)
}

// serviceAccountKey is RSA because service-account tokens are signed with RS256 by default everywhere.
func serviceAccountKey(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	pub, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(filepath.Join(dir, "sa.key"), "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		writePEM(filepath.Join(dir, "sa.pub"), "PUBLIC KEY", pub))
}

func (ca *authority) write(file, kind string, der []byte) error {
	return writePEM(filepath.Join(ca.dir, file), kind, der)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
