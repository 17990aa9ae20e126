// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// readsOfSecrets reports reads of files below /run/secret in pods with label app=web, and would kill the reader.
const readsOfSecrets = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: secrets
spec:
  podSelector:
    matchLabels: {app: web}
  kprobes:
  - call: security_file_permission
    syscall: false
    args:
    - {index: 0, type: file}
    - {index: 1, type: int}
    selectors:
    - matchArgs:
      - {index: 0, operator: Prefix, values: [/run/secret/]}
      - {index: 1, operator: Mask, values: ["4"]}
      matchActions:
      - {action: Sigkill}
`

// readSecrets reads one byte of /run/secret/key again and again, and of a file whose directory only begins with that name.
const readSecrets = `mkdir -p /run/secret /run/secrets-not; echo k >/run/secret/key; echo k >/run/secrets-not/key
while sleep 0.3; do for f in /run/secrets-not/key /run/secret/key; do /bin/dd if=$f of=/dev/null bs=1 count=1 2>/dev/null; done; done`

// policyFile writes a policy to a file.
func policyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// readOf says whether e is the policy's event about a pod.
func readOf(e *event.Event, pod string) bool {
	return e.ProcessKprobe != nil && e.ProcessKprobe.Process.Pod != nil && e.ProcessKprobe.Process.Pod.Name == pod
}

// podOf is the pod of an event's process. That an event has none is an error of its own.
func (s *scene) podOf(e *event.Event) event.Pod {
	s.Helper()
	p := e.Process()
	if p == nil || p.Pod == nil {
		s.Errorf("event %s of a traced pod comes without its pod: %+v", e.Kind(), p)
		return event.Pod{}
	}
	return *p.Pod
}

// A policy's events come from the pods that it selects, and from no others, also of pods that come later.
func TestRunPolicy(t *testing.T) {
	s := newScene(t)
	web, other := map[string]string{"app": "web"}, map[string]string{"app": "other"}
	s.pod("web", web, shell(s.nodes[0], readSecrets))
	s.pod("other", other, shell(s.nodes[0], readSecrets))
	r := s.start("run", "-f", policyFile(t, readsOfSecrets), "--strict")
	r.awaitHello(s.nodes[0])
	s.pod("later", web, shell(s.nodes[1], readSecrets))
	for _, pod := range []string{"web", "later"} {
		e := r.await("read in "+pod, func(e *event.Event) bool { return readOf(e, pod) }).ProcessKprobe
		file := e.Args[0].FileArg
		if file == nil || file.Path != "/run/secret/key" || e.PolicyName != "secrets" || e.FunctionName != "security_file_permission" {
			t.Errorf("event %+v of file %+v", e, file)
		}
		if len(e.Would) != 1 || e.Would[0] != event.ActionSigkill || e.Action == event.ActionSigkill {
			t.Errorf("action %s, would %v: nothing is enforced", e.Action, e.Would)
		}
	}
	r.await("exec in web", func(e *event.Event) bool { return execOf(e, "web", "/bin/dd") })
	got := r.end()
	if got.code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	for _, want := range []string{"observing: policy secrets (Sigkill not carried out", "1 hook attached: 1 by "} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, got.stderr)
		}
	}
	reads := map[string]int{}
	for _, e := range r.events {
		p := e.Process()
		if p == nil {
			continue
		}
		if p.Pod == nil || p.Pod.PodLabels["app"] != "web" {
			t.Errorf("event of a pod that the policy does not select: %+v", p.Pod)
		}
		if k := e.ProcessKprobe; k != nil {
			reads[k.Args[0].FileArg.Path]++
		}
	}
	if len(reads) != 1 || reads["/run/secret/key"] < 2 {
		t.Errorf("reads by file: %v", reads)
	}
}

// Two policies about different pods on one node: each reports its own.
func TestRunPoliciesOfDifferentPods(t *testing.T) {
	s := newScene(t)
	s.pod("web", map[string]string{"app": "web"}, shell(s.nodes[0], readSecrets))
	s.pod("db", map[string]string{"app": "db"}, shell(s.nodes[0], readSecrets))
	databases := strings.NewReplacer("name: secrets", "name: databases", "app: web", "app: db").Replace(readsOfSecrets)
	r := s.start("run", "-f", policyFile(t, readsOfSecrets), "-f", policyFile(t, databases), "--strict")
	for range 2 {
		for pod, policy := range map[string]string{"web": "secrets", "db": "databases"} {
			r.await("read in "+pod, func(e *event.Event) bool { return readOf(e, pod) && e.ProcessKprobe.PolicyName == policy })
		}
	}
	if got := r.end(); got.code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	for _, e := range r.events {
		if k := e.ProcessKprobe; k != nil && (s.podOf(&e).Name == "web") != (k.PolicyName == "secrets") {
			t.Errorf("policy %s reports pod %s", k.PolicyName, s.podOf(&e).Name)
		}
	}
}

// What needs more privilege gets it, and a hook that a node refuses is said and makes the coverage incomplete.
func TestRunTracepointAndRefusedHook(t *testing.T) {
	s := newScene(t)
	s.pod("busy", nil, shell(s.nodes[0], sayName))
	policy := policyFile(t, `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: mixed}
spec:
  tracepoints: [{subsystem: sched, event: sched_process_exec}]
  kprobes: [{call: no_kernel_has_this_function, syscall: false}]
`)
	r := s.start("run", "-f", policy, "--pod", "busy", "--strict")
	r.await("tracepoint", func(e *event.Event) bool {
		return e.ProcessTracepoint != nil && e.ProcessTracepoint.Event == "sched_process_exec"
	})
	got := r.end()
	if got.code != 3 || strings.Count(got.stderr, "hook no_kernel_has_this_function of policy mixed is not attached on "+s.nodes[0]) != 1 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
}

func TestRunErrors(t *testing.T) {
	s := newScene(t)
	s.tracerNamespace(map[string]string{"pod-security.kubernetes.io/enforce": "privileged"})
	s.pod("other", map[string]string{"app": "other"}, shell(s.nodes[0], "sleep 1000000"))
	policy := policyFile(t, readsOfSecrets)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no policy is about the pods": {[]string{"run", "-f", policy}, "policy secrets is about pods app=web"},
		"no policy is about the pod":  {[]string{"run", "-f", policy, "other"}, "no policy is about"},
		"a problem":                   {[]string{"run", "-f", policyFile(t, strings.Replace(readsOfSecrets, "index: 0", "index: 9", 1)), "other"}, "spec.kprobes[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.in(t).run(test.args...)
			if got.code != 1 || !strings.Contains(got.stderr, test.want) || got.stdout != "" {
				t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
			}
		})
	}
	if pods := s.tracerPods(t.Context()); len(pods) > 0 {
		t.Errorf("%d tracer pods were made", len(pods))
	}
}

// The pods of a dry run have what the policy's hooks need, and no more.
func TestRunDryRun(t *testing.T) {
	s := newScene(t)
	s.tracerNamespace(map[string]string{"pod-security.kubernetes.io/enforce": "privileged"})
	s.pod("web", map[string]string{"app": "web"}, shell(s.nodes[0], "sleep 1000000"))
	got := s.run("run", "-f", policyFile(t, readsOfSecrets), "--dry-run", "server")
	if got.code != 0 || !strings.Contains(got.stdout, "security_file_permission") || strings.Contains(got.stdout, string(corev1.HostPathDirectory)) {
		t.Errorf("exit code %d, stdout:\n%s\nstderr:\n%s", got.code, got.stdout, got.stderr)
	}
}

func TestPolicyCommandsLocally(t *testing.T) {
	for name, test := range map[string]struct {
		nobody bool
		args   []string
		code   int
		want   string
	}{
		"lint":             {true, []string{"policy", "lint", "-f", "-"}, 0, "TracingPolicy secrets: kprobe security_file_permission; enforces Sigkill; pods app=web\n"},
		"explain":          {false, []string{"policy", "explain", "-f", "-"}, 0, "accepted, taken"},
		"explain not root": {true, []string{"policy", "explain", "-f", "-"}, 1, "policy explain needs root"},
		"run not root":     {true, []string{"run", "-f", "-", "--local", "--", "true"}, 1, "--local needs root"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(plugin, test.args...)
			cmd.Env = []string{"LANG=C.UTF-8", "PATH=/usr/bin:/bin", "KUBECONFIG=/nonexistent"}
			cmd.Stdin = strings.NewReader(readsOfSecrets)
			if test.nobody {
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
			out, err := cmd.CombinedOutput()
			if code := exitCode(err); code != test.code || !strings.Contains(string(out), test.want) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, test.code, test.want, out)
			}
		})
	}
}

// What is enforced on a program that enters a pod by kubectl exec is told with the pod, though no event told of its process before.
func TestDeniedEntryHasItsPod(t *testing.T) {
	s := newScene(t)
	s.pod("victim", nil, shell(s.nodes[0], "sleep 1000000"))
	r := s.start("enforce", "--deny-exec", "/bin/id", "--kill", "--yes", "--pod", "victim")
	s.eventuallyDoing("enforcement", func() bool { return strings.Contains(r.stderr.String(), "armed: ") })
	s.execIn("victim", "/bin/id")
	e := r.await("enforcement", func(e *event.Event) bool { return len(e.Enforced()) > 0 })
	if pod := s.podOf(e); pod.Name != "victim" || pod.Container == nil || pod.Container.Name != "main" {
		t.Errorf("told of pod %+v, container %+v", pod, pod.Container)
	}
	if got := r.end(); got.code != 0 {
		t.Errorf("exit code %d, stderr:\n%s", got.code, got.stderr)
	}
	for i := range r.events {
		if e := &r.events[i]; e.Process() != nil {
			s.podOf(e)
		}
	}
}
