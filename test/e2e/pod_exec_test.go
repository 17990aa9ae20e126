// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
)

// execIn runs a command in a pod, as kubectl exec does, and waits for its end. How it ends is its own affair.
func (s *scene) execIn(pod string, command ...string) {
	s.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		s.Fatal(err)
	}
	request := client.CoreV1().RESTClient().Post().Resource("pods").Namespace(s.namespace).Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(config, "POST", request.URL())
	if err != nil {
		s.Fatal(err)
	}
	var output bytes.Buffer
	if err := executor.StreamWithContext(s.Context(), remotecommand.StreamOptions{Stdout: &output, Stderr: &output}); err != nil {
		s.Logf("%s: %q: %v", pod, command, err)
	}
}
