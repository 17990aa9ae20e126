// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
)

// startWait is how long Open relies on the watch to tell it of the container's start; then it asks the kubelet, whose
// answer is the truth.
const startWait = time.Second

// Open opens the tracer's log from a time on (to the second; zero is from its beginning), each line with the kubelet's
// timestamp. It may be called right after Start: it returns when the container has started, when Wait has given it up
// (with Wait's error) or when ctx ends. The stream may end at any time; only Ended says that the tracer has.
func (t *Tracer) Open(ctx context.Context, since time.Time, follow bool) (io.ReadCloser, error) {
	options := &corev1.PodLogOptions{Container: ContainerName, Follow: follow, Timestamps: true}
	if !since.IsZero() {
		options.SinceTime = &metav1.Time{Time: since}
	}
	for {
		if err := t.awaitStart(ctx); err != nil {
			return nil, err
		}
		connection := t.launcher.clients.get()
		t.log.Store(connection)
		log, err := connection.logs.CoreV1().Pods(t.launcher.config.Namespace).GetLogs(t.name, options).Stream(ctx)
		switch {
		case err == nil && t.carrying != nil:
			return firstByte{log, t.carrying}, nil
		case err == nil:
			return log, nil
		case !notStarted(err):
			return nil, fmt.Errorf("node %s: open the log of the tracer: %w", t.node, access.Explain(err))
		case !sleep(ctx, logInterval):
			return nil, ctx.Err()
		}
	}
}

// logInterval is between two questions for a log that is not there yet although the container has started.
const logInterval = 50 * time.Millisecond

// awaitStart returns nil when the container has started, and has its tracer, or after startWait.
func (t *Tracer) awaitStart(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	_ = t.await(limited, begun)
	if t.carrying != nil {
		t.awaitSignal(ctx, t.carrying.delivered)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failure != nil {
		return t.failure
	}
	return nil
}

// notStarted tells by the kubelet's words that a container has no log yet.
func notStarted(err error) bool {
	return apierrors.IsBadRequest(err) && (strings.Contains(err.Error(), "waiting to start") || strings.Contains(err.Error(), "is not available"))
}
