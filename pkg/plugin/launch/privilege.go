// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// privilege is one thing that a tracer may do, or see of its node, and why.
type privilege struct {
	// of says which hooks or nodes need it; without, every tracer has it.
	of string
	// needed finds hooks that need it.
	needed func(*policy.Hook) bool
	// onKernel finds nodes that need it, by the release of their kernel as they tell it; empty if they may not be asked.
	onKernel func(release string) bool
	// restricted: tracers need it that may trace some namespaces only.
	restricted bool
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
	{of: "nodes whose kernel is older than 5.11, or is not known", onKernel: countsLockedMemory, capability: "SYS_RESOURCE",
		why: "what programs and maps take is locked memory there, of which the tracer lifts the limit"},
	{of: "uprobes, usdts", needed: inProgram, capability: "SYS_ADMIN",
		why: "perf events of uprobes, by which kernels without uprobe.multi attach (before 6.6)"},
	{of: "uprobes, usdts", needed: inProgram, capability: "SYS_PTRACE",
		why: "/proc/PID/root: programs are looked up in the file system of their container, or of the node"},
	{of: "loader", needed: isLoader, capability: "SYS_ADMIN",
		why: "perf events of mappings, which some kernels (Debian's) refuse to PERFMON alone, and /proc/PID/map_files"},
	{of: "loader", needed: isLoader, capability: "SYS_PTRACE",
		why: "/proc/PID/maps and the files there: build ids, on kernels without kprobes"},
	{of: "userStackTrace", needed: does(func(a *policy.Action) bool { return a.UserStackTrace }), capability: "SYS_PTRACE",
		why: "/proc/PID/maps and the files there: the names of a stack's frames"},
	{of: "kernelStackTrace", needed: does(func(a *policy.Action) bool { return a.KernelStackTrace }), capability: "SYSLOG",
		why: "/proc/kallsyms: the names of a stack's frames, whose addresses it shows to nobody else"},
	{of: "cap_capable", needed: calls("cap_capable"), capability: "SYSLOG",
		why: "/proc/kallsyms: where the functions are whose checks are not audited, which its tracepoint does not tell"},
	{of: "tracepoints", needed: func(h *policy.Hook) bool { return h.Kind == policy.Tracepoint }, directory: tracefs,
		why: "the number of each tracepoint, and where its fields are; a tracefs of its own would take CAP_SYS_ADMIN"},
	{of: "lists of functions by pattern", needed: func(h *policy.Hook) bool { return h.Pattern != nil }, directory: tracefs,
		why: "the functions that can be traced"},
	{of: "tracers that an admission policy confines to some namespaces", restricted: true, directory: podLogs,
		why: "the names of its entries tell the namespace of each pod of the node, which the tracer compares; it reads no log"},
}

// podLogs is where kubelets keep the logs of pods; pkg/tracer has the same.
const podLogs = "/var/log/pods"

// tracefs is where nodes have it mounted.
const tracefs = "/sys/kernel/tracing"

func isLoader(h *policy.Hook) bool { return h.Kind == policy.Loader }

func inProgram(h *policy.Hook) bool { return h.Kind&(policy.Uprobe|policy.USDT) != 0 }

// firstWithoutLockedMemory is the first kernel that counts the memory of BPF by cgroup, as the pod's.
var firstWithoutLockedMemory = version.MustParseGeneric("5.11")

// countsLockedMemory says whether a kernel may count the memory of BPF as locked memory. That goes by its version, since a pod's
// privileges are written down before anything can be tried; a kernel that has taken the newer way into an older version gets one more.
func countsLockedMemory(release string) bool {
	v, err := version.ParseGeneric(release)
	return err != nil || v.LessThan(firstWithoutLockedMemory)
}

// calls finds hooks on a function.
func calls(function string) func(*policy.Hook) bool {
	return func(h *policy.Hook) bool {
		return slices.ContainsFunc(h.Calls, func(c policy.Call) bool { return c.Function == function })
	}
}

// does finds hooks of which some action is such.
func does(such func(*policy.Action) bool) func(*policy.Hook) bool {
	return func(h *policy.Hook) bool { return h.Does(such) }
}

// needs are what decides on the privileges of a tracer.
type needs struct {
	hooks []*policy.Hook
	// kernel is the release of the node's.
	kernel     string
	restricted bool
}

// isFor says whether a tracer needs it.
func (p privilege) isFor(n needs) bool {
	switch {
	case p.needed != nil:
		return slices.ContainsFunc(n.hooks, p.needed)
	case p.onKernel != nil:
		return p.onKernel(n.kernel)
	case p.restricted:
		return n.restricted
	}
	return true
}

// grant gives a pod's only container the privileges that it needs, each once.
func grant(pod *corev1.PodSpec, n needs) {
	container := &pod.Containers[0]
	capabilities := container.SecurityContext.Capabilities
	mounted := map[string]bool{}
	for _, p := range privileges {
		switch {
		case !p.isFor(n):
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
