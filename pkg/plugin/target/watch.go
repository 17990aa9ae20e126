// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/watching"
)

// Change is a pod's new state, or its end.
type Change struct {
	Pod *corev1.Pod
	// Gone: it has ended or was deleted; Pod is its last state.
	Gone bool
}

// Watch calls changed, never twice at the same time, with each matching pod that is on a node and has not ended: first
// with those that are there, then at every update, and once when it is gone. Pods that come later, restart under the same
// name or move are found as they come. It returns nil when ctx ends, and an error only when what is named cannot be read
// at the start.
//
// When the API server fails it goes on trying and then catches up; trouble, which may be nil, is told of each different
// failure once in a row. The selector of a workload is read once, at the start.
func (f *Finder) Watch(ctx context.Context, changed func(Change), trouble func(error)) error {
	queries, err := f.queries(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return access.Explain(err)
	}
	ctx, guard, rethrow := watching.Guarded(ctx)
	defer rethrow() // where the caller has a guard
	follow := &following{changed: changed, seenBy: map[types.UID]map[int]bool{}}
	complain := f.complain(ctx, trouble)
	var factories []informers.SharedInformerFactory
	for i, q := range queries {
		factory := informers.NewSharedInformerFactoryWithOptions(f.client, 0, informers.WithNamespace(q.namespace),
			informers.WithTransform(watching.Strip),
			informers.WithTweakListOptions(func(o *metav1.ListOptions) {
				o.LabelSelector, o.FieldSelector = q.options.LabelSelector, q.options.FieldSelector
			}))
		informer := factory.Core().V1().Pods().Informer()
		// An error is possible only after the start.
		_ = informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) { complain(q, err) })
		_, _ = informer.AddEventHandler(follow.handler(i, q, guard))
		factory.Start(ctx.Done())
		factories = append(factories, factory)
	}
	<-ctx.Done()
	for _, factory := range factories {
		factory.Shutdown()
	}
	return nil
}

// complain passes on failures of a watch. Those that belong to its normal life (an expired resource version) it does not.
func (f *Finder) complain(ctx context.Context, trouble func(error)) func(query, error) {
	var mu sync.Mutex
	last := map[string]string{}
	return func(q query, err error) {
		if trouble == nil || ctx.Err() != nil || apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || errors.Is(err, context.Canceled) {
			return
		}
		err = access.Refine(ctx, f.client, err, q.needs())
		mu.Lock()
		defer mu.Unlock()
		if last[q.of] == err.Error() {
			return
		}
		last[q.of] = err.Error()
		trouble(fmt.Errorf("watch of %s failed, trying again; new pods are not seen until then: %w", q.of, access.Explain(err)))
	}
}

// following makes one stream of changes from several watches, which may know the same pod.
type following struct {
	mu      sync.Mutex
	changed func(Change)
	// seenBy are the queries that see a pod alive; a pod without any is not there.
	seenBy map[types.UID]map[int]bool
}

func (w *following) handler(i int, q query, guard func(func())) cache.ResourceEventHandler {
	return watching.Handler(guard, func(old, pod *corev1.Pod) {
		switch {
		case pod == nil:
			w.see(i, old, false)
		case old != nil && equality.Semantic.DeepEqual(old, pod): // listed again, after a watch had ended
		default:
			w.see(i, pod, live(pod) && (q.matches == nil || q.matches(pod)))
		}
	})
}

// see takes in what query i sees of a pod.
func (w *following) see(i int, pod *corev1.Pod, alive bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	by := w.seenBy[pod.UID]
	switch {
	case alive && by == nil:
		w.seenBy[pod.UID] = map[int]bool{i: true}
	case alive:
		by[i] = true
	case !by[i]:
		return
	default:
		delete(by, i)
		if len(by) > 0 {
			return
		}
		delete(w.seenBy, pod.UID)
	}
	w.changed(Change{Pod: pod, Gone: !alive})
}
