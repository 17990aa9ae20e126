// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
)

// terminal is a command in a pod with a terminal of its own, as kubectl exec -it gives it, at which somebody types.
type terminal struct {
	*scene
	pod  string
	keys *io.PipeWriter
	// screen is all that was written; looked is how much of it was waited for.
	screen lockedBuffer
	looked int
	ended  chan error
}

// executor runs a command in a pod, as kubectl exec does.
func (s *scene) executor(pod string, options corev1.PodExecOptions) remotecommand.Executor {
	s.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		s.Fatal(err)
	}
	request := client.CoreV1().RESTClient().Post().Resource("pods").Namespace(s.namespace).Name(pod).SubResource("exec").
		VersionedParams(&options, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(config, "POST", request.URL())
	if err != nil {
		s.Fatal(err)
	}
	return executor
}

// terminal starts a command in a pod.
func (s *scene) terminal(pod string, command ...string) *terminal {
	s.Helper()
	executor := s.executor(pod, corev1.PodExecOptions{Command: command, Stdin: true, Stdout: true, TTY: true})
	in, keys := io.Pipe()
	t := &terminal{scene: s, pod: pod, keys: keys, ended: make(chan error, 1)}
	go func() {
		t.ended <- executor.StreamWithContext(s.Context(), remotecommand.StreamOptions{Stdin: in, Stdout: &t.screen, Tty: true})
	}()
	return t
}

// expect waits until a text appears after the last one that was waited for.
func (t *terminal) expect(text string) {
	t.Helper()
	t.eventuallyDoing("terminal of "+t.pod+": "+text, func() bool {
		screen := t.screen.String()
		at := strings.Index(screen[t.looked:], text)
		if at >= 0 {
			t.looked += at + len(text)
		}
		return at >= 0
	})
}

// enter types a line.
func (t *terminal) enter(line string) {
	t.Helper()
	t.press(line + "\r")
}

// press types what is not a line.
func (t *terminal) press(keys string) {
	t.Helper()
	if _, err := io.WriteString(t.keys, keys); err != nil {
		t.Errorf("terminal of %s: %v", t.pod, err)
	}
}

// end waits until the command has ended; how it ends is its own affair.
func (t *terminal) end() {
	t.Helper()
	t.eventuallyDoing("end of the command in "+t.pod, func() bool {
		select {
		case err := <-t.ended:
			if err != nil {
				t.Logf("%s: %v", t.pod, err)
			}
			return true
		default:
			return false
		}
	})
}
