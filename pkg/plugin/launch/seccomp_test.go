// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The runtime's default profile is asked for only where it is known to let a tracer work.
func TestSeccompProfileByRuntime(t *testing.T) {
	for runtime, want := range map[string]corev1.SeccompProfileType{
		"": "Unconfined", "containerd://": "Unconfined", "containerd://1.6.9": "Unconfined", "containerd://1.5.18": "Unconfined",
		"containerd://1.6.10": "RuntimeDefault", "containerd://1.6.20~ds1": "RuntimeDefault", "containerd://2.1.4-k3s1": "RuntimeDefault",
		"docker://20.10.24": "Unconfined", "docker://23.0.1": "RuntimeDefault", "cri-o://1.34.0": "Unconfined", "other://2.0": "Unconfined",
	} {
		c := newCluster(t, readyNode("n1", func(n *corev1.Node) { n.Status.NodeInfo.ContainerRuntimeVersion = runtime }))
		l := c.launcher(t)
		if refused, _ := l.Look(soon(t), []string{"n1"}); len(refused) > 0 {
			t.Fatal(refused[0])
		}
		pod, _, err := l.Pod(testTracerConfig("n1"))
		if err != nil {
			t.Fatal(err)
		}
		if got := pod.Spec.Containers[0].SecurityContext.SeccompProfile.Type; got != want {
			t.Errorf("%q: %s, want %s", runtime, got, want)
		}
	}
}
