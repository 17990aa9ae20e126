// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Start creates the tracer pod on config.Node and returns when it exists; Wait and Open wait for its container. Call it for all
// nodes at the same time, and again for a node whose tracer has ended or was deleted: what is left of that one is replaced.
//
// What passes (an API server that is busy, restarts or is away; a namespace that is being deleted) is waited for, up to
// Config.StartupTimeout. Errors are *NodeError, ErrClosed, or the context's. A Create under way is not cut off when ctx ends:
// Cleanup waits for it and removes the pod.
func (l *Launcher) Start(ctx context.Context, config wire.TracerConfig) (*Tracer, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("node %s: %w", config.Node, err)
	}
	pod, program, err := l.Pod(config)
	if err != nil {
		return nil, err
	}
	if err := CheckSize(config); err != nil {
		return nil, fmt.Errorf("node %s: %w", config.Node, err)
	}
	if err := l.beginStart(); err != nil {
		return nil, err
	}
	l.watch()

	type result struct {
		tracer *Tracer
		err    error
	}
	done := make(chan result, 1)
	l.spawn(func() {
		defer l.endStart()
		t, err := l.start(ctx, pod, program)
		done <- result{t, err}
	})
	select {
	case r := <-done:
		return r.tracer, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *Launcher) beginStart() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	l.startedAny = true
	l.starting++
	return nil
}

func (l *Launcher) endStart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.starting--
}

// Pod is the pod that Start makes for a node. What a Preflight found out of the node decides how it gets the tracer. The error is a
// *NodeError.
func (l *Launcher) Pod(config wire.TracerConfig) (*corev1.Pod, Program, error) {
	program, problem := l.program(config.Node)
	if problem != nil {
		return nil, program, problem
	}
	return tracerPod(l.config, program, config), program, nil
}

func (l *Launcher) start(ctx context.Context, pod *corev1.Pod, program Program) (*Tracer, error) {
	created, err := l.createPod(ctx, pod)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	late := l.over
	l.mu.Unlock()
	if late { // Cleanup did not have the time to wait for this pod
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateDelete)
		defer cancel()
		_ = l.janitor.deletePod(limited, created, 0) // Cleanup has said that it may be left
		return nil, ErrClosed
	}
	if program.carried != nil { // the session before may have removed the starter while no pod was there
		l.starterKept.Do(func() { err = l.ensureStarter(ctx) })
		if err != nil {
			return nil, errors.Join(err, l.janitor.deletePod(ctx, created, 0))
		}
	}
	t := newTracer(l, created, program)
	l.adopt(t)
	return t, nil
}

// lateDelete bounds the removal of a pod that came into being after Cleanup.
const lateDelete = 5 * time.Second
