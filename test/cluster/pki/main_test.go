// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGenerate checks what the cluster's components check of each other: chain, usage, address, and who a client is.
func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	if err := generate(dir, net.IPv4(192, 0, 2, 1), []string{"n1", "n2"}); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("ca.crt has no certificate")
	}
	for _, c := range []struct {
		name, user, group, host string
		usage                   x509.ExtKeyUsage
	}{
		{"apiserver", "kube-apiserver", "", "192.0.2.1", x509.ExtKeyUsageServerAuth},
		{"apiserver", "kube-apiserver", "", "kubernetes.default.svc", x509.ExtKeyUsageServerAuth},
		{"apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters", "", x509.ExtKeyUsageClientAuth},
		{"admin", "kubernetes-admin", "system:masters", "", x509.ExtKeyUsageClientAuth},
		{"scheduler", "system:kube-scheduler", "", "", x509.ExtKeyUsageClientAuth},
		{"kubelet-n2", "system:node:n2", "system:nodes", "", x509.ExtKeyUsageClientAuth},
	} {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, c.name+".crt"), filepath.Join(dir, c.name+".key"))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		options := x509.VerifyOptions{Roots: roots, DNSName: c.host, KeyUsages: []x509.ExtKeyUsage{c.usage}}
		if _, err := pair.Leaf.Verify(options); err != nil {
			t.Errorf("%s for %q: %v", c.name, c.host, err)
		}
		subject := pair.Leaf.Subject
		if subject.CommonName != c.user || strings.Join(subject.Organization, ",") != c.group {
			t.Errorf("%s is %q of %q, want %q of %q", c.name, subject.CommonName, subject.Organization, c.user, c.group)
		}
	}
	kubeconfig, err := os.ReadFile(filepath.Join(dir, "kubelet-n1.kubeconfig"))
	if err != nil || !strings.Contains(string(kubeconfig), `server: "https://192.0.2.1:6443"`) || strings.Contains(string(kubeconfig), dir) {
		t.Errorf("kubeconfig, which must be complete in itself: %v\n%s", err, kubeconfig)
	}
}
