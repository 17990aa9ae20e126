// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
)

// runtimesWithBPF are the container runtimes whose default seccomp profile leaves bpf(2) to who has CAP_BPF and perf_event_open(2) to who
// has CAP_PERFMON, by the name in a node's containerRuntimeVersion, and since when. CRI-O is not among them: the profile that it
// uses asks for CAP_SYS_ADMIN too (containers/common#2534).
var runtimesWithBPF = [...]struct {
	name  string
	since *version.Version
}{
	{"containerd", version.MustParseGeneric("1.6.10")}, // containerd/containerd#7574
	{"docker", version.MustParseGeneric("23.0.0")},     // moby/moby#43988
}

// seccompProfile is the runtime's default where that is known to let a tracer work, else none. runtime is a node's
// containerRuntimeVersion, such as containerd://1.7.2; empty if nobody may read it.
func seccompProfile(runtime string) *corev1.SeccompProfile {
	name, release, _ := strings.Cut(runtime, "://")
	v, err := version.ParseGeneric(release)
	for _, known := range runtimesWithBPF {
		if err == nil && name == known.name && !v.LessThan(known.since) {
			return &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
		}
	}
	return &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}
}
