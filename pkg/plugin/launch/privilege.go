// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// privilege is one thing that a tracer may do, or see of its node, and why.
type privilege struct {
	// of says which hooks need it, and needed finds them; without, every tracer has it.
	of     string
	needed func(*policy.Hook) bool
	// capability, or else a directory of the node, which is mounted read-only at the same path.
	capability corev1.Capability
	directory  string
	why        string
}

// privileges are all that there are. A kprobe is not among those that need CAP_SYS_ADMIN, although some kernels ask for it:
// these have trampolines, which are tried first, and whatever is refused is said.
var privileges = [...]privilege{
	{capability: "BPF", why: "bpf(2): load programs, make maps and links"},
	{capability: "PERFMON", why: "programs that read kernel memory, and perf events, which kprobes and tracepoints attach through"},
	{capability: "SYS_RESOURCE", why: "what programs and maps take, which kernels before 5.11 count as locked memory of the process"},
	{of: "uprobes, usdts", needed: inProgram, capability: "SYS_ADMIN",
		why: "perf events of uprobes, by which kernels without uprobe.multi attach (before 6.6)"},
	{of: "uprobes, usdts", needed: inProgram, capability: "SYS_PTRACE",
		why: "/proc/PID/root: programs are looked up in the file system of their container, or of the node"},
	{of: "loader", needed: isLoader, capability: "SYS_ADMIN",
		why: "perf events of mappings, which some kernels (Debian's) refuse to PERFMON alone, and /proc/PID/map_files"},
	{of: "loader", needed: isLoader, capability: "SYS_PTRACE",
		why: "/proc/PID/maps and the files there: build ids, on kernels without kprobes"},
	{of: "userStackTrace", needed: posts(func(a policy.Action) bool { return a.UserStackTrace }), capability: "SYS_PTRACE",
		why: "/proc/PID/maps and the files there: the names of a stack's frames"},
	{of: "kernelStackTrace", needed: posts(func(a policy.Action) bool { return a.KernelStackTrace }), capability: "SYSLOG",
		why: "/proc/kallsyms: the names of a stack's frames, whose addresses it shows to nobody else"},
	{of: "cap_capable", needed: calls("cap_capable"), capability: "SYSLOG",
		why: "/proc/kallsyms: where the functions are whose checks are not audited, which its tracepoint does not tell"},
	{of: "tracepoints", needed: func(h *policy.Hook) bool { return h.Kind == policy.Tracepoint }, directory: tracefs,
		why: "the number of each tracepoint, and where its fields are; a tracefs of its own would take CAP_SYS_ADMIN"},
	{of: "lists of functions by pattern", needed: func(h *policy.Hook) bool { return h.Pattern != nil }, directory: tracefs,
		why: "the functions that can be traced"},
}

// tracefs is where nodes have it mounted.
const tracefs = "/sys/kernel/tracing"

func isLoader(h *policy.Hook) bool { return h.Kind == policy.Loader }

func inProgram(h *policy.Hook) bool { return h.Kind&(policy.Uprobe|policy.USDT) != 0 }

// calls finds hooks on a function.
func calls(function string) func(*policy.Hook) bool {
	return func(h *policy.Hook) bool {
		return slices.ContainsFunc(h.Calls, func(c policy.Call) bool { return c.Function == function })
	}
}

// posts finds hooks of which some action is such.
func posts(such func(policy.Action) bool) func(*policy.Hook) bool {
	return func(h *policy.Hook) bool {
		return slices.ContainsFunc(h.Selectors, func(s policy.Selector) bool {
			return slices.ContainsFunc(s.Actions, such) || slices.ContainsFunc(s.ReturnActions, such)
		})
	}
}

// grant gives a pod's only container the privileges that hooks need, each once.
func grant(pod *corev1.PodSpec, hooks []*policy.Hook) {
	container := &pod.Containers[0]
	capabilities := container.SecurityContext.Capabilities
	mounted := map[string]bool{}
	for _, p := range privileges {
		switch {
		case p.needed != nil && !slices.ContainsFunc(hooks, p.needed):
		case p.capability != "" && !slices.Contains(capabilities.Add, p.capability):
			capabilities.Add = append(capabilities.Add, p.capability)
		case p.directory != "" && !mounted[p.directory]:
			mounted[p.directory] = true
			name := path.Base(p.directory)
			pod.Volumes = append(pod.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: p.directory, Type: new(corev1.HostPathDirectory)}}})
			container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: p.directory, ReadOnly: true})
		}
	}
}
