// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
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

// reasons say why, for each line of a tracer pod; in the manifest they stand before it. A line's key is its text without
// list dash and, unless the value matters, without the value. Empty: it speaks for itself.
var reasons = map[string]string{
	"apiVersion": "", "kind": "", "metadata": "", "name": "", "labels": "", "spec": "", "containers": "", "resources": "",
	"securityContext": "", "capabilities": "", "node-1": "",
	"annotations":                         "Besides ours: keep log shippers, meshes and the autoscaler's scruples away from a pod that lives for minutes.",
	"namespace":                           "A namespace of its own: Pod Security and RBAC guard the tracers, and nothing else.",
	"activeDeadlineSeconds":               "The kubelet ends the tracer if all else fails: the session's duration (12 h unless --duration says otherwise), and time for start and drain.",
	"automountServiceAccountToken: false": "The tracer does not use the API: no token.",
	"enableServiceLinks: false":           "The tracer does not use the network: no addresses of services.",
	"dnsPolicy: Default":                  "The tracer does not use the network: no cluster DNS.",
	"args":                                "",
	"--namespaces=*":                      "Whose pods may be traced: the tracer heeds it. Names where an admission policy asks for them, else all.",
	"--config":                            "What to trace: session, node, pods. No secrets.",
	"command":                             "",
	"image: registry.example/web:1":       "One that the node has, here that of a traced pod: nothing of it is executed. --base-image names another.",
	"imagePullPolicy: Never":              "No registry is asked.",
	"/trace-sec/starter/starter-amd64":    "All that is executed of files: it receives the tracer on standard input,",
	"sha256...":                           "goes no further unless this is its SHA-256,",
	"3800000":                             "its length as it comes, compressed,",
	"11200000":                            "and the tracer's; then it executes it from memory, as",
	"workingDir: /":                       "That of the image may be closed to all but its user.",
	"mountPath: /trace-sec/starter":       "The starter, read-only.",
	"mountPath: /trace-sec/memory":        "Used only on kernels that execute nothing from memory files (vm.memfd_noexec=2): then the tracer is put here.",
	"volumes":                             "The only ones, unless policies need more: nothing of the node.",
	"name: trace-sec-starter-...":         "Named after its content, and immutable; sessions share it.",
	"defaultMode: 365":                    "0555: to be executed.",
	"sizeLimit: 32Mi":                     "",
	"name: starter":                       "", "name: memory": "", "volumeMounts": "", "readOnly: true": "", "configMap": "", "emptyDir": "", "medium: Memory": "",
	"key": "", "path": "", "items": "",
	"limits":   "BPF maps and ring buffers count as the tracer's memory. No CPU limit: throttling loses events.",
	"requests": "Next to nothing: a full node must not refuse the tracer.",
	"memory":   "", "cpu": "",
	"allowPrivilegeEscalation: false": "",
	"appArmorProfile":                 "The runtimes' default profile forbids to look at processes outside of it.",
	"add":                             "All that the tracer has:",
	"BPF":                             "bpf(2): load programs, make maps and links. https://man7.org/linux/man-pages/man7/capabilities.7.html",
	"PERFMON":                         "Programs that read kernel memory, and the perf events that kprobes and tracepoints attach through.",
	"drop":                            "Nothing of what containers usually have.",
	"ALL":                             "",
	"privileged: false":               "Not privileged: no devices, no writable /sys.",
	"readOnlyRootFilesystem: true":    "The tracer writes to standard output only.",
	"runAsUser: 0":                    "Capabilities work for root only, as no file carries them.",
	"runAsGroup: 0":                   "",
	"runAsNonRoot: false":             "",
	"seLinuxOptions":                  "container_t may not use bpf(2). Says nothing on nodes without SELinux.",
	"type: spc_t":                     "",
	"seccompProfile":                  "The default profile of some runtimes refuses bpf(2) and perf_event_open(2) in spite of the capabilities.",
	"type: Unconfined":                "",
	"stdin: true":                     "The plugin attaches to standard input: its signs of life and new targets go in; 30 s of silence end the tracer.",
	"stdinOnce: true":                 "",
	"terminationMessagePath":          "The totals of the session, for when the log was cut.",
	"terminationMessagePolicy":        "",
	"hostPID: true":                   "THE POWERFUL ONE: the tracer sees the node's processes, since the kernel lists those of the reader's pid namespace. No host network, no host IPC, no directory of the node.",
	"nodeName":                        "Straight to the node, past the scheduler: a cordoned or full node is traced too.",
	"os":                              "",
	"restartPolicy: Never":            "A tracer that ended has said why; a new one would hide it.",
	"terminationGracePeriodSeconds":   "Time to read what is left in the ring buffers, and say goodbye.",
	"tolerations":                     "Tainted nodes are traced too.",
	"operator: Exists":                "",
	"status":                          "",
	"app.kubernetes.io/component":     "",
	"app.kubernetes.io/managed-by":    "What `kubectl trace-sec cleanup` finds left-overs by, with the next.",
	"app.kubernetes.io/name":          "",
	"trace-sec/session":               "",
	"trace-sec/version":               "",
	"trace-sec/expires-at":            "After this the next session takes the pod for a left-over and deletes it.",
	"sidecar.istio.io/inject":         "",
	"vector.dev/exclude":              "",
	"ad.datadoghq.com/logs_exclude":   "",
	"cluster-autoscaler.kubernetes.io/safe-to-evict": "",
	"co.elastic.logs/enabled":                        "",
	"fluentbit.io/exclude":                           "",
	"linkerd.io/inject":                              "",
	"sumologic.com/exclude":                          "",
	"/trace-sec-tracer":                              "",
}

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

// explained puts the reasons into a pod's YAML, and fails for lines that have none.
func explained(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	out.WriteString(manifestHead)
	for _, p := range privileges {
		if p.of != "" {
			fmt.Fprintf(&out, "# - %s: %s%s (%s)\n", p.of, map[bool]string{true: "mounts read-only "}[p.directory != ""], cmp.Or(string(p.capability), p.directory), p.why)
		}
	}
	for line := range strings.Lines(text) {
		bare := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(bare)]
		entry := strings.TrimSpace(strings.TrimPrefix(bare, "- "))
		key, _, _ := strings.Cut(entry, ":")
		reason, ok := reasons[entry]
		if !ok {
			reason, ok = reasons[strings.Trim(key, `'"`)]
		}
		if !ok && !strings.HasPrefix(entry, "'{") {
			t.Errorf("nothing says why: %s", entry)
		}
		if reason != "" {
			out.WriteString(indent + "# " + reason + "\n")
		}
		out.WriteString(line)
	}
	return out.Bytes()
}

func TestTracerPodManifest(t *testing.T) {
	c := Config{Namespace: DefaultNamespace, Session: "0123456789ab", Version: "v0.0.0", Expires: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)}
	program := Program{image: "registry.example/web:1", policy: corev1.PullNever, kernel: "6.1.0",
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
	golden.Check(t, manifests+"tracer-pod.yaml", explained(t, strings.TrimSuffix(string(text), "status: {}\n")))
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
