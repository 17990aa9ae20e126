// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// scripts is the image with the scripts that call scripts: /sub.sh runs sleep, /subsub.sh (which sleeps too), and sleep.
var scripts = fromEnv("TRACE_SEC_SCRIPTS_IMAGE", "localhost/debian:1")

// scriptLines is what Tetragon's compact view shows of /sub.sh, after its source.
var scriptLines = []string{
	"🚀 process POD /sub.sh /sub.sh",
	"🚀 process POD /usr/bin/sleep 5",
	"💥 exit    POD /usr/bin/sleep 5 0",
	"🚀 process POD /subsub.sh /subsub.sh",
	"🚀 process POD /usr/bin/sleep 5",
	"💥 exit    POD /usr/bin/sleep 5 0",
	"💥 exit    POD /subsub.sh /subsub.sh 0",
	"🚀 process POD /usr/bin/sleep 5",
	"💥 exit    POD /usr/bin/sleep 5 0",
	"💥 exit    POD /sub.sh /sub.sh 0",
}

// kindsOfNodes are the nodes with different kernels: on the project's own cluster one of this machine's and the virtual
// machine, elsewhere any two.
func (s *scene) kindsOfNodes() []string {
	s.Helper()
	list, err := client.CoreV1().Nodes().List(s.Context(), metav1.ListOptions{LabelSelector: "trace-sec.test/kind"})
	if err != nil {
		s.Fatal(err)
	}
	if len(list.Items) == 0 {
		return s.nodes[:]
	}
	byKind := map[string]string{}
	for _, n := range list.Items {
		byKind[n.Labels["trace-sec.test/kind"]] = n.Name
	}
	if byKind["vm"] == "" {
		s.Fatal("the test cluster has no virtual machine: make cluster-up VM=1")
	}
	return []string{byKind["namespace"], byKind["vm"]}
}

// background is a plugin whose output is looked at when it has ended.
type background struct {
	*scene
	cmd      *exec.Cmd
	out, err lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// background starts the plugin.
func (s *scene) background(args ...string) *background {
	s.Helper()
	return s.backgroundOf(s.command(args...))
}

// backgroundOf starts a command of the plugin.
func (s *scene) backgroundOf(cmd *exec.Cmd) *background {
	s.Helper()
	b := &background{scene: s, cmd: cmd}
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.err
	if err := b.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if b.cmd.ProcessState == nil {
			_ = b.cmd.Process.Signal(syscall.SIGINT)
			_ = b.cmd.Wait()
		}
	})
	return b
}

// interrupt ends it as Ctrl-C does.
func (b *background) interrupt() {
	b.Helper()
	_ = b.cmd.Process.Signal(syscall.SIGINT)
	watchdog := time.AfterFunc(patience, func() { _ = b.cmd.Process.Kill() })
	defer watchdog.Stop()
	if code := exitCode(b.cmd.Wait()); code != 0 {
		b.Errorf("exit code %d, stderr:\n%s", code, b.err.String())
	}
}

// awaitTracing waits until a command in each pod shows up: then all nodes are traced.
func (b *background) awaitTracing(pods ...*corev1.Pod) {
	b.Helper()
	for _, pod := range pods {
		b.eventuallyDoing("tracing of "+pod.Name, func() bool {
			b.execIn(pod.Name, "/bin/true", "sign")
			return strings.Contains(b.out.String(), pod.Name+" /bin/true sign") || strings.Contains(b.out.String(), pod.Name+" /usr/bin/true sign")
		})
	}
}

// TestScriptsAsInTheDocuments: on both kinds of node at once the lines of compact output are Tetragon's, in its order.
func TestScriptsAsInTheDocuments(t *testing.T) {
	s := newScene(t)
	labels := map[string]string{"app": "process-monitor"}
	var pods []*corev1.Pod
	for i, node := range s.kindsOfNodes() {
		spec := shell(node, "sleep 3600")
		spec.Containers[0].Image = scripts
		pods = append(pods, s.pod([]string{"one", "two"}[i], labels, spec))
	}
	b := s.background("exec", "-l", "app=process-monitor", "-o", "compact")
	b.awaitTracing(pods...)
	var running sync.WaitGroup
	for _, pod := range pods {
		running.Go(func() { s.execIn(pod.Name, "/sub.sh") })
	}
	running.Wait()
	for _, pod := range pods {
		s.eventuallyDoing("the end of /sub.sh in "+pod.Name, func() bool {
			return strings.Contains(b.out.String(), pod.Name+" /sub.sh /sub.sh 0\n")
		})
	}
	b.interrupt()
	for _, pod := range pods {
		source := s.namespace + "/" + pod.Name
		var got []string
		for line := range strings.Lines(b.out.String()) {
			if strings.Contains(line, source+" ") && !strings.Contains(line, "/true sign") {
				got = append(got, strings.ReplaceAll(strings.TrimSuffix(line, "\n"), source, "POD"))
			}
		}
		if !slices.Equal(got, scriptLines) {
			t.Errorf("%s on %s:\n%s", source, pod.Spec.NodeName, strings.Join(got, "\n"))
		}
	}
}

// TestHostileArguments: what a pod runs can't write to the user's terminal.
func TestHostileArguments(t *testing.T) {
	s := newScene(t)
	pod := s.pod("hostile", nil, shell(s.nodes[0], "sleep 3600"))
	for _, format := range []string{"tree", "compact", "wide", "json", "yaml"} {
		b := s.background("exec", "hostile", "-o", format)
		s.eventuallyDoing("the event", func() bool {
			s.execIn(pod.Name, "/bin/true", "\x1b[2J\x1b]0;owned\x07", "a\rb\nc", "\u202egnp.exe", "\u0085\u009b31m", "mark")
			return strings.Contains(b.out.String(), "mark")
		})
		b.interrupt()
		for _, r := range b.out.String() {
			if r != '\n' && (unicode.IsControl(r) || r == '\u202e' || r == unicode.ReplacementChar && format != "json" && format != "yaml") {
				t.Errorf("-o %s: %U comes out:\n%q", format, r, b.out.String())
				break
			}
		}
	}
}
