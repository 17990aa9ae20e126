// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// disarmedWithin is what the tool promises: the time after which nothing is enforced any more, however its command ended.
const disarmedWithin = 5 * time.Second

// relay forwards connections to the API server until it is cut.
type relay struct {
	net.Listener
	to          string
	mu          sync.Mutex
	cutOff      bool
	connections []net.Conn
}

// newRelay returns a relay and a kubeconfig that leads through it.
func newRelay(t *testing.T) (r *relay, config string) {
	t.Helper()
	c, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	cluster := c.Clusters[c.Contexts[c.CurrentContext].Cluster]
	server, err := url.Parse(cluster.Server)
	if err != nil {
		t.Fatal(err)
	}
	r = &relay{to: server.Host}
	if server.Port() == "" {
		r.to = net.JoinHostPort(server.Hostname(), "443")
	}
	if r.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.cut)
	go r.serve()
	if cluster.TLSServerName == "" {
		cluster.TLSServerName = server.Hostname()
	}
	server.Host = r.Addr().String()
	cluster.Server = server.String()
	config = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*c, config); err != nil {
		t.Fatal(err)
	}
	return r, config
}

func (r *relay) serve() {
	for {
		from, err := r.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", r.to)
		if err != nil {
			from.Close()
			continue
		}
		r.mu.Lock()
		r.connections = append(r.connections, from, to)
		cutOff := r.cutOff
		r.mu.Unlock()
		if cutOff {
			from.Close()
			to.Close()
			continue
		}
		go func() { _, _ = io.Copy(to, from); to.Close() }()
		go func() { _, _ = io.Copy(from, to); from.Close() }()
	}
}

// cut ends all connections, and lets none through any more.
func (r *relay) cut() {
	r.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cutOff = true
	for _, c := range r.connections {
		c.Close()
	}
}

// However the command ends, what it armed is disarmed: somebody who could not write can write again.
func TestEnforceDisarms(t *testing.T) {
	s := newScene(t)
	s.tracerNamespace(map[string]string{"pod-security.kubernetes.io/enforce": "privileged"})
	t.Run("by", func(t *testing.T) {
		for name, end := range map[string]func(*background, *relay){
			"interrupt": func(b *background, _ *relay) { _ = b.cmd.Process.Signal(syscall.SIGINT) },
			"kill":      func(b *background, _ *relay) { _ = b.cmd.Process.Kill() },
			"cut":       func(_ *background, r *relay) { r.cut() },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.in(t).disarms(name, end)
			})
		}
	})
	// A command that was killed or cut off can't remove its pod.
	s.eventually("end of the tracers", func(ctx context.Context) bool {
		return !slices.ContainsFunc(s.tracerPods(ctx), func(p corev1.Pod) bool {
			return p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed
		})
	})
	if got := s.cleanup(); got.code != 0 {
		t.Errorf("cleanup: exit code %d, stderr %q", got.code, got.stderr)
	}
}

// writeFile writes a file and says so.
const writeFile = "/bin/dd if=/etc/passwd of=/tmp/forbidden/file 2>/dev/null && echo written"

func (s *scene) disarms(name string, end func(*background, *relay)) {
	pod := s.pod(name, nil, shell(s.nodes[0], "mkdir -p /tmp/forbidden; sleep 1000000"))
	writes := func() bool { return strings.Contains(s.execIn(pod.Name, "/bin/sh", "-c", writeFile), "written") }
	s.eventuallyDoing("writing", writes)
	relay, config := newRelay(s.T)
	cmd := s.command("enforce", "--deny-write", "/tmp/forbidden", "--kill", "--yes", "--pod", pod.Name, "-o", "compact")
	cmd.Env = append(cmd.Env, "KUBECONFIG="+config)
	b := s.backgroundOf(cmd)
	s.eventuallyDoing("enforcement", func() bool { return strings.Contains(b.err.String(), "node "+s.nodes[0]+": armed: ") })
	if writes() {
		s.Errorf("a file is written below a prefix that is denied; stderr:\n%s", b.err.String())
	}
	end(b, relay)
	ended := time.Now()
	s.eventuallyDoing("writing again", writes)
	if took := time.Since(ended); took > disarmedWithin {
		s.Errorf("disarmed after %s, %s are promised; stderr:\n%s", took, disarmedWithin, b.err.String())
	}
	if name == "cut" { // it may go on trying
		_ = b.cmd.Process.Kill()
	}
	_ = b.cmd.Wait()
}
