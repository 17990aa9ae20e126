// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"errors"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/pager"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
)

// Found are the pods of a request, each once.
type Found struct {
	// Pods are on a node and have not ended.
	Pods []*corev1.Pod
	// Waiting match too, but are not on a node yet. Watch tells when there is something to trace.
	Waiting []*corev1.Pod
	// finished match too, but have ended and never run again.
	finished []*corev1.Pod
}

// Resolve finds the pods that are there now. That some of what is named does not exist, or that nothing matches, is an
// error, which names what was searched, what comes near it, and where else it is. An error of kind *NoPodsError says that
// all that is named exists, only without pods: Watch would find later ones.
func (f *Finder) Resolve(ctx context.Context) (Found, error) {
	queries, err := f.queries(ctx)
	if err != nil {
		return Found{}, access.Explain(err)
	}
	lists := make([][]*corev1.Pod, len(queries))
	errs := make([]error, len(queries))
	var wg sync.WaitGroup
	for i, q := range queries {
		wg.Go(func() { lists[i], errs[i] = f.list(ctx, q) })
	}
	wg.Wait()
	if err := joined(errs); err != nil {
		return Found{}, access.Explain(err)
	}
	found := unique(lists)
	if err := f.explainNothing(ctx, queries, lists); err != nil {
		return found, err
	}
	return found, f.explainFinished(found)
}

// list runs a query, page by page: a big cluster's pods do not fit in one answer.
func (f *Finder) list(ctx context.Context, q query) (found []*corev1.Pod, err error) {
	pages := pager.New(func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return f.client.CoreV1().Pods(q.namespace).List(ctx, o)
	})
	list, _, err := pages.List(ctx, q.options)
	if err != nil {
		return nil, access.Refine(ctx, f.client, f.explainFields(err), q.needs())
	}
	err = meta.EachListItem(list, func(o runtime.Object) error {
		if pod, is := o.(*corev1.Pod); is && (q.matches == nil || q.matches(pod)) {
			found = append(found, pod)
		}
		return nil
	})
	return found, err
}

func unique(lists [][]*corev1.Pod) (found Found) {
	seen := map[types.UID]bool{}
	for _, list := range lists {
		for _, pod := range list {
			switch {
			case seen[pod.UID]:
			case live(pod):
				found.Pods = append(found.Pods, pod)
			case finished(pod):
				found.finished = append(found.finished, pod)
			default:
				found.Waiting = append(found.Waiting, pod)
			}
			seen[pod.UID] = true
		}
	}
	return found
}

// joined is errors.Join that keeps a single error as it is, and says each text once.
func joined(errs []error) error {
	var different []error
	reported := map[string]bool{}
	for _, err := range errs {
		if err != nil && !reported[err.Error()] {
			reported[err.Error()] = true
			different = append(different, err)
		}
	}
	if len(different) == 1 {
		return different[0]
	}
	return errors.Join(different...)
}
