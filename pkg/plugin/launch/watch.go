// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/watching"
)

// watch follows the pods of the session from the first call until Cleanup: one watch for all nodes.
func (l *Launcher) watch() {
	l.watching.Do(func() {
		informer := cache.NewSharedIndexInformer(l.sessionPods(), &corev1.Pod{}, 0, nil)
		// Errors are retried; what they mean shows in Wait, whose time limit names the state last seen, and in Ended, which asks.
		_ = informer.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) {})
		_ = informer.SetTransform(watching.Strip)
		_, _ = informer.AddEventHandler(watching.Handler(l.guard, func(old, pod *corev1.Pod) {
			if pod == nil {
				l.observe(old, true)
				return
			}
			l.observe(pod, false)
		}))
		ctx := klog.NewContext(l.background, logr.Discard()) // standard error is the session's
		l.spawn(func() { informer.RunWithContext(ctx) })
	})
}

// sessionPods lists and watches on the connection of the moment: a dead one that was replaced is not tried again.
func (l *Launcher) sessionPods() cache.ListerWatcher {
	selector := l.janitor.sessionSelector()
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = selector
			return l.client().CoreV1().Pods(l.config.Namespace).List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = selector
			return l.client().CoreV1().Pods(l.config.Namespace).Watch(ctx, o)
		},
	}, l.client())
}

// observe hands a pod's state to its tracer.
func (l *Launcher) observe(pod *corev1.Pod, gone bool) {
	l.mu.Lock()
	t := l.tracers[pod.UID]
	if t == nil {
		l.seen[pod.UID] = podState{pod, gone}
	}
	l.mu.Unlock()
	if t != nil {
		t.observe(pod, gone)
	}
}

// adopt makes the tracer of a created pod known to the watch. The lock keeps a later state from coming before the one that
// was seen already.
func (l *Launcher) adopt(t *Tracer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tracers[t.uid] = t
	if seen, ok := l.seen[t.uid]; ok {
		delete(l.seen, t.uid)
		t.observe(seen.pod, seen.gone)
	}
}

// adopted says whether a pod is that of a tracer that Start has returned.
func (l *Launcher) adopted(pod *corev1.Pod) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tracers[pod.UID] != nil
}
