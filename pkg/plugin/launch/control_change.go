// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"reflect"
	"slices"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// change is the message that makes a tracer with the targets sent (nil: unknown) have the wanted ones (nil: whatever it has).
func change(sent, wanted *wire.Targets) wire.Control {
	switch {
	case wanted == nil || sent == wanted:
		return wire.Control{}
	case sent == nil || sent.All != wanted.All || !slices.Equal(sent.Cgroups, wanted.Cgroups) || !slices.Equal(sent.Pids, wanted.Pids):
		return wire.Control{Targets: wanted}
	}
	before := make(map[string]wire.Pod, len(sent.Pods))
	for _, pod := range sent.Pods {
		before[pod.UID] = pod
	}
	var c wire.Control
	for _, pod := range wanted.Pods {
		if was, ok := before[pod.UID]; !ok || !reflect.DeepEqual(was, pod) {
			c.Add = append(c.Add, pod)
		}
		delete(before, pod.UID)
	}
	for _, pod := range sent.Pods {
		if _, ok := before[pod.UID]; ok {
			c.Remove = append(c.Remove, pod.UID)
		}
	}
	return c
}
