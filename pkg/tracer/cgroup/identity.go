// SPDX-License-Identifier: Apache-2.0

// Package cgroup reads what the names of cgroups say: which pod and which container a process belongs to, whatever the
// cgroup version, the kubelet's cgroup driver and the container runtime.
package cgroup

import (
	"regexp"
	"strings"
)

// Identity is what a cgroup path says. Both are empty outside of containers, ContainerID in a pod's own cgroup.
type Identity struct {
	// PodUID as the API server writes it. A static pod has the 32 hex digits of its configuration's hash here, which the API
	// server shows as the annotation kubernetes.io/config.hash.
	PodUID string
	// ContainerID is 64 hex digits.
	ContainerID string
}

var (
	// podUID: a kubelet names a pod's cgroup "pod<UID>", or with the systemd driver "kubepods-burstable-pod<UID>.slice" with
	// the UID's dashes as underscores, since a dash separates levels there.
	podUID = regexp.MustCompile(`^(?:kubepods(?:-besteffort|-burstable)?-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$`)
	// nestedPodUID: below another cluster's node (kind) systemd's slices carry the parent's name too.
	nestedPodUID = regexp.MustCompile(`-pod([0-9a-f]{8}(?:_[0-9a-f]{4}){3}_[0-9a-f]{12}|[0-9a-f]{32})\.slice$`)
	// containerID: the runtimes name a container's cgroup by its id: bare (cgroupfs driver), or as a scope with the runtime
	// before it: cri-containerd-<id>.scope, crio-<id>.scope, docker-<id>.scope, libpod-<id>.scope; containerd below systemd
	// with the cgroupfs form: <slice>:cri-containerd:<id>. CRI-O puts its monitor into crio-conmon-<id>.scope: not a container.
	containerID = regexp.MustCompile(`^(?:(?:cri-containerd|crio|docker|libpod|nerdctl)-|[^:]+:cri-containerd:)?([0-9a-f]{64})(?:\.scope)?$`)
)

// Parse reads a cgroup path. The outermost pod and the first container in it count: what is below, a process in the
// container may have named as it likes.
func Parse(path string) Identity {
	var found Identity
	for name := range strings.SplitSeq(path, "/") {
		if found.PodUID == "" {
			if uid, ok := PodUID(name); ok {
				found = Identity{PodUID: uid} // a container around it is the node (kind)
				continue
			}
		}
		if id, ok := ContainerID(name); ok && found.ContainerID == "" {
			found.ContainerID = id
		}
	}
	return found
}

// ContainerID returns the ID of the container whose own cgroup has this name.
func ContainerID(name string) (id string, ok bool) {
	match := containerID.FindStringSubmatch(name)
	if match == nil {
		return "", false
	}
	return match[1], true
}

// PodUID returns the UID of the pod whose own cgroup has this name.
func PodUID(name string) (uid string, ok bool) {
	match := podUID.FindStringSubmatch(name)
	if match == nil {
		match = nestedPodUID.FindStringSubmatch(name)
	}
	if match == nil {
		return "", false
	}
	return strings.ReplaceAll(match[1], "_", "-"), true
}
