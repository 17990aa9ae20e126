// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
)

// Termination is how a tracer's container ended.
type Termination struct {
	// Reason is one word: Completed, Error, OOMKilled, the kubelet's reason when it ended the whole pod (Evicted,
	// DeadlineExceeded), or Deleted.
	Reason   string
	ExitCode int32
	// Message is what the tracer wrote to its termination log (its totals, as JSON; at most 4 KiB) or the kubelet's own
	// words. It comes from the node: escape it before a terminal sees it.
	Message string
}

// String is one line for people.
func (e Termination) String() string {
	switch {
	case e.Reason == string(Deleted):
		return "its pod was deleted"
	case e.ExitCode == 0 && e.Reason == "Completed":
		return "it ended by itself"
	case e.Message == "":
		return fmt.Sprintf("%s, exit code %d", e.Reason, e.ExitCode)
	}
	if last := lastWords(e.Message); last.Error != "" {
		return fmt.Sprintf("%s, exit code %d: %s", e.Reason, e.ExitCode, last.Error)
	}
	return fmt.Sprintf("%s, exit code %d: %q", e.Reason, e.ExitCode, e.Message)
}

// lastWords are those of a tracer or a starter; zero if the message is somebody else's.
func lastWords(message string) (bye event.Bye) {
	_ = json.Unmarshal([]byte(message), &bye)
	return bye
}

// Termination says how the tracer ended; nil while it has not. It asks the API server unless it already knows.
func (t *Tracer) Termination(ctx context.Context) (*Termination, error) {
	pod, gone, _ := t.state()
	if !gone && !ended(pod) {
		var err error
		pod, err = t.launcher.client().CoreV1().Pods(t.launcher.config.Namespace).Get(ctx, t.name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			gone = true
		case err != nil:
			return nil, fmt.Errorf("node %s: ask for the state of the tracer pod: %w", t.node, err)
		default:
			gone = pod.UID != t.uid
		}
	}
	return termination(pod, gone), nil
}

func termination(pod *corev1.Pod, gone bool) *Termination {
	if pod != nil {
		if s := containerState(pod).Terminated; s != nil {
			return &Termination{Reason: s.Reason, ExitCode: s.ExitCode, Message: s.Message}
		}
	}
	switch {
	case gone:
		return &Termination{Reason: string(Deleted), ExitCode: -1}
	case finished(pod):
		return &Termination{Reason: pod.Status.Reason, ExitCode: -1, Message: pod.Status.Message}
	}
	return nil
}

// Ended says how the tracer ended, nil while it has not. With Open it makes a Tracer a source of a stream.
func (t *Tracer) Ended(ctx context.Context) (*stream.Ending, error) {
	end, err := t.Termination(ctx)
	if end == nil || err != nil {
		return nil, err
	}
	readable := *end
	if json.Valid([]byte(readable.Message)) { // the tracer's totals: not for people
		readable.Message = ""
	}
	return &stream.Ending{Reason: readable.String(), Message: end.Message}, nil
}
