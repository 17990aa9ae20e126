// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/remotecommand"
)

// execIn runs a command in a pod, as kubectl exec does, waits for its end and returns its output. How it ends is its own affair.
func (s *scene) execIn(pod string, command ...string) string {
	s.Helper()
	return s.execInContainer(pod, "", command...)
}

// execInContainer is execIn for one container of a pod.
func (s *scene) execInContainer(pod, container string, command ...string) string {
	s.Helper()
	executor := s.executor(pod, corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true})
	var output lockedBuffer
	if err := executor.StreamWithContext(s.Context(), remotecommand.StreamOptions{Stdout: &output, Stderr: &output}); err != nil {
		s.Logf("%s: %q: %v", pod, command, err)
	}
	return output.String()
}
