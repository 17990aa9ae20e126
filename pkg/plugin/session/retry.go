// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/stream"
)

// errTakenForDead is why a tracer ended that heard nothing of this program for too long, errEndedByOthers why one did that was
// told to end by somebody else.
var (
	errTakenForDead  = errors.New("the tracer took this command for dead: its control connection was silent or cut")
	errEndedByOthers = errors.New("the tracer was ended by somebody else: its pod was deleted or evicted, or the node shuts down")
)

// passing are the reasons of failures that may be over the next time.
var passing = []launch.Reason{launch.NodeNotReady, launch.APIUnavailable, launch.StartupTimeout, launch.Rejected, launch.Deleted,
	launch.BaseImage, launch.Architecture, launch.Interrupted}

// mostStarts is how many tracers of a node may fail one after the other before it is given up.
const mostStarts = 5

// retry is when another tracer is started on a node that lost its own: after 1 s, in the end each 30 s.
type retry struct {
	backoff wait.Backoff
	starts  int
}

func newRetry() *retry { return &retry{backoff: newBackoff()} }

func newBackoff() wait.Backoff {
	return wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 0.1, Steps: 10, Cap: 30 * time.Second}
}

// worthIt says whether another tracer may do better after err. Where something is enforced, whoever ended the tracer may have meant
// to end that: it is not armed again.
func (r *retry) worthIt(err error, enforces bool) bool {
	if r.starts++; r.starts >= mostStarts {
		return false
	}
	var node *launch.NodeError
	var ended *stream.EndedError
	switch {
	case errors.Is(err, errEndedByOthers):
		return !enforces
	case errors.As(err, &node):
		return slices.Contains(passing, node.Reason) && !(enforces && node.Reason == launch.Deleted)
	}
	return errors.Is(err, errTakenForDead) || errors.As(err, &ended)
}

// settled is how long a tracer traces before the next failure is taken for a new one.
const settled = time.Minute

// pause is how long to wait, after a tracer that traced for so long.
func (r *retry) pause(traced time.Duration) time.Duration {
	if traced > settled {
		*r = *newRetry()
	}
	return r.backoff.Step().Round(100 * time.Millisecond)
}
