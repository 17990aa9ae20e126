// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
)

const (
	// accountPatience is how long a fresh namespace may take to get its service account "default".
	accountPatience = 10 * time.Second
	// createTimeout bounds one Create, whatever becomes of its caller. Admission webhooks may take 30 s.
	createTimeout = 35 * time.Second
)

// createBackoff is how a Create is tried again: soon at first, for the service account of a fresh namespace.
func createBackoff() wait.Backoff {
	return wait.Backoff{Duration: 50 * time.Millisecond, Factor: 1.7, Jitter: 0.2, Steps: 10, Cap: 2 * time.Second}
}

// retryCreate calls attempt until it succeeds, fails for good, or ctx ends. What passes is waited for: a service account or a
// namespace that is not there yet or still there, and for patience an API server that is busy or away.
func (l *Launcher) retryCreate(ctx context.Context, patience time.Duration, progress Progress, attempt func(context.Context) error) error {
	begin := time.Now()
	var last error
	err := createBackoff().DelayFunc().Until(ctx, true, true, func(ctx context.Context) (bool, error) {
		err := attempt(ctx)
		if ctx.Err() == nil || err == nil || last == nil { // an attempt that ctx cut says less than the one before
			last = err
		}
		took := time.Since(begin)
		switch {
		case last == nil:
			return true, nil
		case ctx.Err() != nil:
			return false, ctx.Err()
		case errors.Is(last, errReplaced), noAccountYet(last) && took < accountPatience, passing(last) && took < patience:
			return false, nil
		case namespaceTerminating(last):
			return false, l.awaitNamespaceGone(ctx, progress)
		case namespaceMissing(last, l.config.Namespace):
			return false, l.makeNamespace(ctx)
		}
		return false, last
	})
	if err != nil && ctx.Err() != nil {
		return errors.Join(last, context.Cause(ctx))
	}
	return err
}

func noAccountYet(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "error looking up service account")
}

// passing says whether an API server's error may be gone the next time: it is overloaded, restarts, cannot reach a webhook, or
// cannot be reached.
func passing(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := status.Status().Code
		return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout ||
			apierrors.IsConflict(err) // a quota that others use too
	}
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || utilnet.IsTimeout(err) ||
		utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		strings.Contains(err.Error(), "stream error: ") // net/http does not export the type of HTTP/2's
}

// errReplaced says that a pod that was in the way is being removed.
var errReplaced = errors.New("the node's last tracer pod is being replaced")

// createPod makes a tracer pod, or takes over the one that an earlier attempt made.
func (l *Launcher) createPod(ctx context.Context, pod *corev1.Pod) (created *corev1.Pod, err error) {
	limited, cancel := context.WithTimeoutCause(ctx, l.config.startupTimeout(), errStartupTimeout)
	defer cancel()
	defer context.AfterFunc(l.accepting, cancel)()
	err = l.retryCreate(limited, l.config.startupTimeout(), nil, func(ctx context.Context) error {
		var err error
		created, err = l.createOnce(ctx, pod)
		if apierrors.IsAlreadyExists(err) {
			created, err = l.adoptOrReplace(ctx, pod)
		}
		return err
	})
	switch {
	case err == nil:
		return created, nil
	case l.accepting.Err() != nil:
		return nil, ErrClosed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, l.createError(pod.Spec.NodeName, err)
}

var errStartupTimeout = errors.New("gave up after the startup timeout")

// createOnce asks for the pod once. The request is not cut off when ctx ends: then Cleanup would not know of the pod.
func (l *Launcher) createOnce(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	return l.client().CoreV1().Pods(pod.Namespace).Create(detached, pod, metav1.CreateOptions{})
}

// createError tells a refusal from an API server that did not answer.
func (l *Launcher) createError(node string, err error) error {
	var explained *NodeError
	switch {
	case errors.As(err, &explained):
		return explained
	case errors.Is(err, errStartupTimeout), passing(err):
		return &NodeError{Node: node, Reason: APIUnavailable, Err: err, Remedy: "run the command again",
			Message: fmt.Sprintf("the API server did not create the tracer pod within %s: %s", l.config.startupTimeout(), oneLine(access.Explain(err)))}
	}
	return refusal(l.config, node, access.Explain(err))
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// adoptOrReplace resolves that a pod of this name is there. One of this session that runs and that no Start has returned is the
// work of a Create whose answer got lost: it is adopted. Others of this session are what is left of the node's last tracer: they
// are removed, and the error is errReplaced.
func (l *Launcher) adoptOrReplace(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	there, err := l.client().CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, errReplaced
	}
	if err != nil {
		return nil, err
	}
	if there.Labels[LabelSession] != l.config.Session || there.Spec.NodeName != pod.Spec.NodeName {
		return nil, &NodeError{Node: pod.Spec.NodeName, Reason: Refused,
			Message: fmt.Sprintf("a pod %s/%s that is not of this session is in the way", pod.Namespace, pod.Name), Remedy: "run the command again"}
	}
	if !ended(there) && there.DeletionTimestamp == nil && !l.adopted(there) {
		return there, nil
	}
	if err := l.janitor.deletePod(ctx, there, 0); err != nil {
		return nil, err
	}
	return nil, errReplaced
}
