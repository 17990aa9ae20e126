// SPDX-License-Identifier: Apache-2.0

package advise

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// all stands for every capability in a security context.
const all = "ALL"

// Capabilities that runtimes give a container that asks for none.
var (
	// containerd: pkg/oci defaultUnixCaps; Docker's are the same (oci/caps/defaults.go).
	containerdDefault = strings.Fields("CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE")
	// CRI-O: internal/config/capabilities.
	crioDefault = strings.Fields("CHOWN DAC_OVERRIDE FSETID FOWNER SETGID SETUID SETPCAP NET_BIND_SERVICE KILL")
)

// defaults by the runtime as container IDs name it.
var defaults = map[string][]string{"containerd": containerdDefault, "docker": containerdDefault, "cri-o": crioDefault}

// given are the capabilities that a container's processes can have, by its security context and its runtime, which is told
// by the container's ID; ok is false for a runtime whose defaults are not known. A node's administrator can change them.
func given(context *corev1.SecurityContext, containerID string) (capabilities []string, ok bool) {
	if isPrivileged(context) {
		return event.CapabilityNames(), true
	}
	runtime, _, _ := strings.Cut(containerID, "://")
	set, ok := defaults[runtime]
	set = slices.Clone(set)
	if context == nil || context.Capabilities == nil {
		return inOrder(set), ok
	}
	add, drop := plainNames(context.Capabilities.Add), plainNames(context.Capabilities.Drop)
	if slices.Contains(add, all) {
		set, ok = event.CapabilityNames(), true
	}
	if slices.Contains(drop, all) {
		set, ok = nil, true
	}
	set = append(set, without(add, all)...)
	return inOrder(slices.DeleteFunc(set, func(name string) bool { return slices.Contains(drop, name) })), ok
}

func isPrivileged(context *corev1.SecurityContext) bool {
	return context != nil && context.Privileged != nil && *context.Privileged
}

// plainNames are names in capitals and without CAP_: runtimes take either.
func plainNames(list []corev1.Capability) (names []string) {
	for _, c := range list {
		names = append(names, strings.TrimPrefix(strings.ToUpper(string(c)), "CAP_"))
	}
	return names
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// inOrder sorts names, each once.
func inOrder(names []string) []string {
	slices.SortFunc(names, compareNames)
	return slices.Compact(names)
}

// compareNames orders capabilities by the kernel's numbers; names that it does not know come last.
func compareNames(a, b string) int {
	known := event.CapabilityNames()
	x, y := slices.Index(known, a), slices.Index(known, b)
	switch {
	case x >= 0 && y >= 0:
		return x - y
	case x < 0 && y < 0:
		return strings.Compare(a, b)
	}
	return y - x // the one that is not known is -1
}
