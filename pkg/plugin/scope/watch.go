// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/watching"
)

// The pause before a node whose labels could not be read is asked for again: it doubles up to the longest.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// watch is one Watch of Targets.
type watch struct {
	*Targets
	changed func(target.Change)
	trouble func(error)

	mu sync.Mutex
	// undecided are pods of nodes whose labels could not be read yet, in their last state.
	undecided map[types.UID]*corev1.Pod
	// more is sent to when one is added.
	more chan struct{}
}

// Watch is the finder's, without pods that no policy is about. One that was a target is told to the end, whatever its labels
// become. Of a pod whose node's labels cannot be read trouble is told, and they are asked for again until they can be.
func (t *Targets) Watch(ctx context.Context, changed func(target.Change), trouble func(error)) error {
	ctx, guard, rethrow := watching.Guarded(ctx)
	w := &watch{Targets: t, changed: changed, trouble: trouble, undecided: map[types.UID]*corev1.Pod{}, more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(ctx)
	var deciding sync.WaitGroup
	deciding.Go(func() { guard(func() { w.decide(ctx) }) })
	defer func() {
		cancel()
		deciding.Wait()
		rethrow()
	}()
	return t.Finder.Watch(ctx, func(c target.Change) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.take(ctx, c)
	}, trouble)
}

// take passes on a change of a target; w.mu is held.
func (w *watch) take(ctx context.Context, c target.Change) {
	uid := c.Pod.UID
	if !w.told[uid] {
		if c.Gone {
			delete(w.undecided, uid)
			return
		}
		if err := w.scope.learn(ctx, c.Pod.Spec.NodeName); err != nil {
			w.postpone(ctx, c.Pod, err)
			return
		}
		delete(w.undecided, uid)
		if !w.scope.selects(c.Pod) {
			return
		}
	}
	w.told[uid] = true
	if c.Gone {
		delete(w.told, uid)
	}
	w.changed(c)
}

// postpone remembers a pod that may be a target; w.mu is held.
func (w *watch) postpone(ctx context.Context, pod *corev1.Pod, why error) {
	if ctx.Err() != nil {
		return
	}
	if w.undecided[pod.UID] == nil {
		w.trouble(fmt.Errorf("pod %s/%s is not traced: %w", pod.Namespace, pod.Name, why))
	}
	w.undecided[pod.UID] = pod
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// decide asks again about the pods that are undecided, as long as there are some.
func (w *watch) decide(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.more:
		}
		for pause := firstPause; ; pause = min(2*pause, longestPause) {
			timer := time.NewTimer(pause)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
			if w.decided(ctx) {
				break
			}
		}
	}
}

// decided asks again, and says whether no pod is undecided any more.
func (w *watch) decided(ctx context.Context) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, pod := range w.undecided {
		w.take(ctx, target.Change{Pod: pod})
	}
	return len(w.undecided) == 0
}
