// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"path"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// privilege is one thing that a tracer may do, or see of its node, and why.
type privilege struct {
	// hooks that need it; 0: every tracer does.
	hooks policy.HookKind
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
	{hooks: policy.Uprobe | policy.USDT, capability: "SYS_ADMIN",
		why: "perf events of uprobes, by which kernels without uprobe.multi attach (before 6.6)"},
	{hooks: policy.Uprobe | policy.USDT, capability: "SYS_PTRACE",
		why: "/proc/PID/root: programs are looked up in the file system of their container, or of the node"},
	{hooks: policy.Tracepoint, directory: "/sys/kernel/tracing",
		why: "tracefs has the number of each tracepoint and where its fields are; without CAP_SYS_ADMIN the tracer cannot mount one"},
}

// privilegesOf are those that hooks of these kinds need.
func privilegesOf(hooks policy.HookKind) (needed []privilege) {
	for _, p := range privileges {
		if p.hooks == 0 || p.hooks&hooks != 0 {
			needed = append(needed, p)
		}
	}
	return needed
}

// grant gives a pod's only container the privileges for hooks.
func grant(pod *corev1.PodSpec, hooks policy.HookKind) {
	container := &pod.Containers[0]
	capabilities := container.SecurityContext.Capabilities
	for _, p := range privilegesOf(hooks) {
		if p.capability != "" {
			capabilities.Add = append(capabilities.Add, p.capability)
			continue
		}
		name := path.Base(p.directory)
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: p.directory, Type: new(corev1.HostPathDirectory)}}})
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: p.directory, ReadOnly: true})
	}
}
