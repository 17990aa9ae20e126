// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// readers is a policy that kills who reads the file /tmp/NAME; scope stands below spec, workloads in the matchWorkloads of its selector.
func readers(t *testing.T, name, scope, workloads string) string {
	if workloads != "" {
		workloads = "matchWorkloads: {" + workloads + "}"
	}
	return policyFile(t, fmt.Sprintf(`apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: %s}
spec:
  %s
  kprobes:
  - call: security_file_permission
    syscall: false
    args: [{index: 0, type: file}, {index: 1, type: int}]
    selectors:
    - matchArgs: [{index: 0, operator: Equal, values: [/tmp/%s]}, {index: 1, operator: Mask, values: ["4"]}]
      %s
      matchActions: [{action: Sigkill}]
`, name, scope, name, workloads))
}

const (
	everyPod = "podSelector: {}"
	ofWeb    = "podSelector: {matchLabels: {app: web}}"
	ofSide   = "containerSelector: {matchLabels: {name: side}}"
)

// makeFiles makes the files that policies are about, and runs until there is one more.
const makeFiles = "for f in web db side both image; do echo $f > /tmp/$f; done; until [ -e /tmp/end ]; do /bin/sleep 0.2; done"

// twoContainers is a pod of containers main and side.
func twoContainers(node string) corev1.PodSpec {
	spec := shell(node, makeFiles)
	side := *spec.Containers[0].DeepCopy()
	side.Name = "side"
	spec.Containers = append(spec.Containers, side)
	return spec
}

// reads says which of the files a container can read.
func (s *scene) reads(pod, container string) string {
	s.Helper()
	const script = "for f in web db side both image; do /bin/dd if=/tmp/$f of=/dev/null bs=1 count=1 2>/dev/null && echo $f; done"
	return strings.Join(strings.Fields(strings.ReplaceAll(s.execInContainer(pod, container, "/bin/sh", "-c", script), "Killed", "")), " ")
}

const readsAll = "web db side both image"

// workloads makes pods web and db with two containers each, which can read everything.
func (s *scene) workloads() {
	s.Helper()
	for _, name := range []string{"web", "db"} {
		s.pod(name, map[string]string{"app": name}, twoContainers(s.nodes[0]))
		for _, container := range []string{"main", "side"} {
			s.eventuallyDoing("files in "+name+"/"+container, func() bool { return s.reads(name, container) == readsAll })
		}
	}
}

// expectReads wants containers, as POD/CONTAINER, to read these files and no others.
func (s *scene) expectReads(want map[string]string, b *background) {
	s.Helper()
	for who, files := range want {
		pod, container, _ := strings.Cut(who, "/")
		if got := s.reads(pod, container); got != files {
			s.Errorf("%s reads %q, want %q", who, got, files)
		}
	}
	if s.Failed() {
		s.Logf("stderr:\n%s", b.err.String())
	}
}

func (s *scene) armed(args ...string) *background {
	s.Helper()
	b := s.background(append([]string{"enforce", "--yes"}, args...)...)
	s.eventuallyDoing("enforcement", func() bool { return strings.Contains(b.err.String(), "node "+s.nodes[0]+": armed: ") })
	return b
}

// TestEnforceOnSomeWorkloads: in one session each policy acts on the pods and containers that it is about, and on no others;
// also on a container that is started again.
func TestEnforceOnSomeWorkloads(t *testing.T) {
	s := newScene(t)
	s.workloads()
	repo := workload[:strings.LastIndexByte(workload, ':')]
	b := s.armed("-f", readers(t, "web", ofWeb, ""), "-f", readers(t, "db", "podSelector: {matchLabels: {app: db}}", ""), "-f", readers(t, "side", ofSide, ""),
		"-f", readers(t, "both", everyPod, ofWeb+", "+ofSide),
		"-f", readers(t, "image", "containerSelector: {matchLabels: {repo: "+repo+"}}", ""), "--pod", "web", "--pod", "db")
	want := map[string]string{"web/main": "db side both", "web/side": "db", "db/main": "web side both", "db/side": "web both"}
	s.expectReads(want, b)
	preview := strings.Join(strings.Fields(b.err.String()), " ")
	for policy, on := range map[string]string{"web": "NS/web", "side": "NS/web (container side), NS/db (container side)", "both": "NS/web (container side)"} {
		if line := "policy " + policy + " on " + strings.ReplaceAll(on, "NS", s.namespace) + " security_file_permission:"; !strings.Contains(preview, line) {
			t.Errorf("the preview lacks %q:\n%s", line, b.err.String())
		}
	}
	s.restart("web", "side")
	s.eventuallyDoing("enforcement in the new container", func() bool { return s.reads("web", "side") == want["web/side"] })
	s.expectReads(want, b)
}

// restart ends a container's first process, and waits until the container runs again.
func (s *scene) restart(pod, container string) {
	s.Helper()
	restarts := func(ctx context.Context) (count int32) {
		got, err := client.CoreV1().Pods(s.namespace).Get(ctx, pod, metav1.GetOptions{})
		if err != nil {
			return 0
		}
		for _, status := range got.Status.ContainerStatuses {
			if status.Name == container && status.State.Running != nil {
				return status.RestartCount
			}
		}
		return 0
	}
	before := restarts(s.Context())
	s.execInContainer(pod, container, "/bin/touch", "/tmp/end")
	s.eventually("restart of "+pod+"/"+container, func(ctx context.Context) bool { return restarts(ctx) > before })
}

// TestEnforceInNamedContainers: --container narrows what all policies act on.
func TestEnforceInNamedContainers(t *testing.T) {
	s := newScene(t)
	s.workloads()
	s.pod("single", map[string]string{"app": "web"}, shell(s.nodes[0], makeFiles))
	b := s.armed("-f", readers(t, "web", ofWeb, ""), "-f", readers(t, "db", everyPod, ""), "--container", "side", "--all-pods")
	s.expectReads(map[string]string{
		"web/main": readsAll, "web/side": "side both image", "db/main": readsAll, "db/side": "web side both image", "single/main": readsAll,
	}, b)
	if want := "1 left out: without a container of --container"; !strings.Contains(b.err.String(), want) {
		t.Errorf("stderr lacks %q:\n%s", want, b.err.String())
	}
}

// TestRunSelectorsOfWorkloads: a selector's events come from the pods and containers that it is about.
func TestRunSelectorsOfWorkloads(t *testing.T) {
	s := newScene(t)
	s.workloads()
	r := s.start("run", "-f", readers(t, "both", everyPod, ofWeb+", "+ofSide), "-f", readers(t, "db", "podSelector: {matchLabels: {app: db}}", ""), "--strict")
	r.awaitHello(s.nodes[0])
	for _, pod := range []string{"db", "web"} { // what is awaited comes last
		for _, container := range []string{"main", "side"} {
			if got := s.reads(pod, container); got != readsAll {
				t.Errorf("%s/%s reads %q: nothing is enforced", pod, container, got)
			}
		}
	}
	r.await("read in web", func(e *event.Event) bool { return readOf(e, "web") })
	got := r.end()
	if got.code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	seen := map[string]int{}
	for _, e := range r.events {
		if k := e.ProcessKprobe; k != nil {
			container := ""
			if pod := s.podOf(&e); pod.Container != nil {
				container = pod.Container.Name
			}
			seen[k.PolicyName+" "+s.podOf(&e).Name+"/"+container]++
		}
	}
	if len(seen) != 3 || seen["both web/side"] != 1 || seen["db db/main"] != 1 || seen["db db/side"] != 1 {
		t.Errorf("events by policy and container: %v", seen)
	}
}
