// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"strings"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
)

const starterReason = "All that is executed of files: it receives the tracer on standard input, as long as the first number says, goes no further unless its SHA-256 is the one here, and executes it from memory."

// reasons say why, for each line of a tracer pod; they stand before it. A line's key is its text without list dash and, unless the
// value matters, without the value. Empty: it speaks for itself. Those of privileges are in their own table.
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
	"--enforce":                           "What policies forbid may be stopped: without this the tracer refuses a configuration that enforces.",
	"--namespaces":                        "Whose pods may be traced: the tracer heeds it. Names where an admission policy asks for them, else all.",
	"--config":                            "What to trace: session, node, pods. No secrets.",
	"command":                             "",
	"image":                               "With imagePullPolicy Never one that the node has, here that of a traced pod: nothing of it is executed. --base-image names another.",
	"imagePullPolicy: Never":              "No registry is asked.", "imagePullPolicy: IfNotPresent": "", "imagePullPolicy: Always": "", "imagePullSecrets": "",
	"workingDir: /":                "That of the image may be closed to all but its user.",
	"mountPath":                    "The starter, read-only, where no image can expect it.",
	"mountPath: /trace-sec/memory": "Used only on kernels that execute nothing from memory files (vm.memfd_noexec=2): then the tracer is put here.",
	"volumes":                      "The only ones, unless policies need more: nothing of the node.",
	"name: trace-sec-starter-...":  "Named after its content, and immutable; sessions share it.",
	"defaultMode: 365":             "0555: to be executed.",
	"sizeLimit: 32Mi":              "",
	"name: starter":                "", "name: memory": "", "volumeMounts": "", "readOnly: true": "", "configMap": "", "emptyDir": "", "medium: Memory": "",
	"key": "", "path": "", "items": "",
	"limits":   "BPF maps and ring buffers count as the tracer's memory. No CPU limit: throttling loses events.",
	"requests": "Next to nothing: a full node must not refuse the tracer.",
	"memory":   "", "cpu": "",
	"allowPrivilegeEscalation: false": "",
	"appArmorProfile":                 "The runtimes' default profile forbids to look at processes outside of it.",
	"add":                             "All that the tracer has:",
	"drop":                            "Nothing of what containers usually have.",
	"ALL":                             "",
	"privileged: false":               "Not privileged: no devices, no writable /sys.",
	"readOnlyRootFilesystem: true":    "The tracer writes to standard output only.",
	"runAsUser: 0":                    "Capabilities work for root only, as no file carries them.",
	"runAsGroup: 0":                   "",
	"runAsNonRoot: false":             "",
	"seLinuxOptions":                  "container_t may not use bpf(2). Says nothing on nodes without SELinux.",
	"type: spc_t":                     "",
	"seccompProfile":                  "The runtime's default, where that is known to let who has the capabilities use bpf(2) and perf_event_open(2): containerd 1.6.10, Docker 23.",
	"type: Unconfined":                "", "type: RuntimeDefault": "", "type: Directory": "", "hostPath": "", "name: tracing": "", "name: pods": "",
	"stdin: true":                   "The plugin attaches to standard input: its signs of life and new targets go in; 30 s of silence end the tracer.",
	"stdinOnce: true":               "",
	"terminationMessagePath":        "The totals of the session, for when the log was cut.",
	"terminationMessagePolicy":      "",
	"hostPID: true":                 "THE POWERFUL ONE: the tracer sees the node's processes, since the kernel lists those of the reader's pid namespace. No host network, no host IPC, no directory of the node.",
	"nodeName":                      "Straight to the node, past the scheduler: a cordoned or full node is traced too.",
	"os":                            "",
	"restartPolicy: Never":          "A tracer that ended has said why; a new one would hide it.",
	"terminationGracePeriodSeconds": "Time to read what is left in the ring buffers, and say goodbye.",
	"tolerations":                   "Tainted nodes are traced too.",
	"operator: Exists":              "",
	"status":                        "",
	"app.kubernetes.io/component":   "",
	"app.kubernetes.io/managed-by":  "What `kubectl trace-sec cleanup` finds left-overs by, with the next.",
	"app.kubernetes.io/name":        "",
	"trace-sec/session":             "",
	"trace-sec/version":             "",
	"trace-sec/expires-at":          "After this the next session takes the pod for a left-over and deletes it.",
	"sidecar.istio.io/inject":       "",
	"vector.dev/exclude":            "",
	"ad.datadoghq.com/logs_exclude": "",
	"cluster-autoscaler.kubernetes.io/safe-to-evict": "",
	"co.elastic.logs/enabled":                        "",
	"fluentbit.io/exclude":                           "",
	"linkerd.io/inject":                              "",
	"sumologic.com/exclude":                          "",
	"/trace-sec-tracer":                              "",
}

// Explained is a tracer pod, as YAML, with the reason for each line before it, as a comment.
func Explained(pod string) string {
	var out strings.Builder
	document := -1 // column of a text that goes on in lines with more indentation
	for line := range strings.Lines(pod) {
		bare := strings.TrimLeft(line, " ")
		column := len(line) - len(bare)
		if document >= 0 && column > document {
			out.WriteString(line)
			continue
		}
		document = -1
		entry := strings.TrimSpace(strings.TrimPrefix(bare, "- "))
		if isDocument(entry) {
			document = column
		}
		if reason, _ := reasonFor(entry); reason != "" {
			out.WriteString(line[:column] + "# " + reason + "\n")
		}
		out.WriteString(line)
	}
	return out.String()
}

// isDocument tells the tracer's configuration.
func isDocument(entry string) bool { return strings.HasPrefix(strings.TrimLeft(entry, `'"`), "{") }

// reasonFor says why a line is there; known is false for one of which nothing is known.
func reasonFor(entry string) (reason string, known bool) {
	if why := whyPrivilege(entry); why != "" {
		return why, true
	}
	if strings.HasPrefix(entry, starterDirectory("")) && strings.Contains(entry, "/"+carry.StarterKey("")) {
		return starterReason, true
	}
	key, _, _ := strings.Cut(entry, ":")
	key, _, _ = strings.Cut(key, "=")
	for _, k := range []string{entry, strings.Trim(key, `'"`)} {
		if reason, known = reasons[k]; known {
			return reason, true
		}
	}
	return "", isDocument(entry)
}

// whyPrivilege is what a capability, or a directory of the node, is for.
func whyPrivilege(entry string) string {
	var all []string
	for _, p := range privileges {
		if p.capability != "" && entry == string(p.capability) || p.directory != "" && entry == "mountPath: "+p.directory {
			why := p.why
			if p.of != "" {
				why = "for " + p.of + ": " + why
			}
			all = append(all, why)
		}
	}
	return strings.Join(all, "; ")
}
