// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// SandboxName is the name that a pod's sandbox gets, in the place of a container's: that of the kubelet's metrics. No
// container can have it, their names being lower case.
const SandboxName = "POD"

// pausePrograms are what sandboxes run, in the usual runtimes and in OpenShift.
var pausePrograms = []string{"/pause", "/usr/bin/pod"}

// isPause says whether a process looks like that of a sandbox. Any container may run a program of that name: it is good
// for not waiting, not for hiding anything.
func isPause(p *wire.Process) bool {
	return p.NamespacePid == 1 && slices.Contains(pausePrograms, p.Binary)
}

// InContainers returns a predicate for events of containers with one of these names; without names it is true for all.
// Events that are about no process pass. So do those of a container that could not be resolved: not knowing must not hide
// anything. Processes outside of pods and sandboxes don't pass.
func InContainers(names ...string) func(*event.Event) bool {
	return func(e *event.Event) bool {
		p := e.Process()
		switch {
		case len(names) == 0 || p == nil:
			return true
		case p.Pod == nil || p.Pod.Container == nil:
			return false
		}
		return p.Pod.Container.Name == "" || slices.Contains(names, p.Pod.Container.Name)
	}
}
