// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/test/golden"
)

const manifests = "../../../manifests/"

const manifestHead = `# SPDX-License-Identifier: Apache-2.0
#
# A tracer pod, as kubectl trace-sec starts one on each node with traced pods: for reading, not for applying. The same
# for a given command: kubectl trace-sec ... --dry-run=client. The tracer is carried: it comes over the pod's standard input. With an
# image (--image) that has it, command, starter and volumes are not there.
#
# Written by "go test ./pkg/plugin/launch -update" from the function that makes these pods, and compared with it in the
# tests. Plainly: it has no API token, mounts nothing of the node and listens to nothing, but it sees every process of its node and what
# they do. And whoever may create it may create any other pod in its namespace too, which is to be root on the node, unless the policy of
# admission.yaml is there.
#
# What the hooks of policies (kubectl trace-sec run) or the node's kernel need is added, and only then:
`

// explained puts the reasons into a pod's YAML, behind what stands at the head of the manifest.
func explained(text string) []byte {
	var out bytes.Buffer
	out.WriteString(manifestHead)
	for _, p := range privileges {
		if p.of != "" {
			fmt.Fprintf(&out, "# - %s: %s%s (%s)\n", p.of, map[bool]string{true: "mounts read-only "}[p.directory != ""], cmp.Or(string(p.capability), p.directory), p.why)
		}
	}
	out.WriteString(Explained(text))
	return out.Bytes()
}

// Of every line that a tracer pod may have it is known why it is there, and reasons change nothing.
func TestEveryLineHasItsReason(t *testing.T) {
	pods, err := filepath.Glob("testdata/pod-*.yaml")
	if err != nil || len(pods) < 5 {
		t.Fatalf("%d pods (%v)", len(pods), err)
	}
	for _, name := range pods {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var pod, again corev1.Pod
		if err := errors.Join(yaml.Unmarshal(text, &pod), yaml.Unmarshal([]byte(Explained(string(text))), &again)); err != nil {
			t.Fatal(err)
		}
		if !equality.Semantic.DeepEqual(pod, again) {
			t.Errorf("%s: the comments change the pod", name)
		}
		pod.Spec.Containers[0].Args, pod.Spec.Containers[0].Command = nil, nil // folded, and explained as a whole
		short, err := yaml.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(short)) {
			entry := strings.TrimSpace(strings.TrimPrefix(strings.TrimLeft(line, " "), "- "))
			if _, known := reasonFor(entry); !known {
				t.Errorf("%s: nothing says why: %s", name, entry)
			}
		}
	}
}

// What a configuration says stays what it is, whatever it looks like.
func TestReasonsLeaveConfigurationsAlone(t *testing.T) {
	text := strings.Repeat("long ", 30) + "\nreadOnly: true\n- hostPID: true\n}'' nodeName: x " + strings.Repeat("more ", 30)
	pod := imagePod(testConfig(), wire.TracerConfig{Node: "n", Policies: []wire.PolicySource{{Name: "p", Text: text}}})
	before, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	var after corev1.Pod
	if err := yaml.Unmarshal([]byte(Explained(string(before))), &after); err != nil {
		t.Fatal(err)
	}
	if got, want := after.Spec.Containers[0].Args, pod.Spec.Containers[0].Args; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTracerPodManifest(t *testing.T) {
	c := Config{Namespace: DefaultNamespace, Session: "0123456789ab", Version: "v0.0.0", Expires: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)}
	program := Program{image: "registry.example/web:1", policy: corev1.PullNever, kernel: "6.1.0", runtime: "containerd://1.7.2",
		carried: &carry.Tracer{Architecture: "amd64", Payload: make([]byte, 3_800_000), Digest: "sha256...", Size: 11_200_000}}
	config := wire.TracerConfig{Node: "node-1", Targets: wire.Targets{Pods: []wire.Pod{{UID: "11111111-2222-3333-4444-555555555555"}}}}
	pod := tracerPod(c, program, completed(c, config))
	for i := range pod.Spec.Volumes {
		if starter := pod.Spec.Volumes[i].ConfigMap; starter != nil {
			starter.Name = starterName("...")
		}
	}
	text, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, manifests+"tracer-pod.yaml", explained(strings.TrimSuffix(string(text), "status: {}\n")))
	var back corev1.Pod
	read(t, "tracer-pod.yaml", &back)
	if !equality.Semantic.DeepEqual(*pod, back) {
		t.Error("the comments change the pod")
	}
}

func TestNamespaceManifest(t *testing.T) {
	want := tracerNamespace(Config{Namespace: DefaultNamespace})
	want.Annotations = nil // one that an administrator makes is not a session's
	want.Labels["trace-sec/admission"] = "required"
	var got corev1.Namespace
	read(t, "namespace.yaml", &got)
	if !equality.Semantic.DeepEqual(*want, got) {
		t.Errorf("%+v, want %+v", got, *want)
	}
}

// The role for observing grants what Preflight asks for, and only what is known to help beyond it.
func TestRoleManifest(t *testing.T) {
	var role rbacv1.Role
	read(t, "rbac.yaml", &role)
	if role.Namespace != DefaultNamespace {
		t.Errorf("namespace %q", role.Namespace)
	}
	var got []string
	for _, rule := range role.Rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				got = append(got, verb+" "+resource)
			}
		}
	}
	want := []string{"get pods/attach", "get events", "list events", "watch events", "get traceradmissions"}
	for _, n := range slices.Concat(Needs(DefaultNamespace), CarriedNeeds(DefaultNamespace)) {
		want = append(want, n.Verb+" "+n.Resources())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the role grants\n%q, want\n%q", got, want)
	}
}

// read parses the first document of a manifest, strictly.
func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(manifests + name)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n---\n")
	if err := yaml.UnmarshalStrict([]byte(first), into); err != nil {
		t.Fatal(err)
	}
}
