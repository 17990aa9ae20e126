// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

// removal is a set of pods that is removed until none is left.
type removal struct {
	// selector and choose find the pods, at each look.
	selector string
	choose   func([]corev1.Pod) []corev1.Pod
	// coming is how many pods may still come into being; nil: none.
	coming func() int
	// waiting is told the pods that are still there, once a second; may be nil.
	waiting func([]corev1.Pod)
}

// RemovedPod is a pod that was removed.
type RemovedPod struct {
	Name, Node string
	// Forced: its kubelet did not answer, so its container may still be there until the node comes back.
	Forced bool
}

// departing is a pod that is being removed.
type departing struct {
	pod corev1.Pod
	// busy: a request is under way; asked and forced: the API server has accepted a deletion, with and without waiting for the
	// kubelet. refused is the last error of one.
	busy, asked, forced bool
	refused             error
}

// removePods deletes pods in parallel and waits until they are gone; one that cannot be deleted does not hold up the others. Whose
// kubelet does not answer is deleted by force. The error, a *Remains, names what is left when ctx ends or nothing more can be done.
func (j *janitor) removePods(ctx context.Context, r removal) ([]RemovedPod, error) {
	w := &removalWork{janitor: j, ctx: ctx, removal: r, pods: map[types.UID]*departing{}, plan: planRemoval(ctx)}
	defer w.requests.Wait()
	var there []corev1.Pod // as far as is known
	for told := time.Now(); ; {
		pods, err := j.list(ctx, r.selector)
		if apierrors.IsNotFound(err) {
			pods, err = nil, nil
		}
		if err == nil {
			there = r.choose(pods)
		}
		coming := r.coming != nil && r.coming() > 0
		switch {
		case err == nil && len(there) == 0 && !coming:
			return w.removed(nil), nil
		case err != nil && !passing(err), err == nil && !coming && w.hopeless(there):
			return w.removed(there), w.remains(there, err)
		case err == nil:
			w.step(there)
		}
		if r.waiting != nil && len(there) > 0 && time.Since(told) > time.Second {
			told = time.Now()
			r.waiting(there)
		}
		if !sleep(ctx, lookInterval) {
			return w.removed(there), w.remains(there, cmp.Or(err, ctx.Err()))
		}
	}
}

// removalPlan fits the ways of deletion in the time that is there.
type removalPlan struct {
	grace   int64     // seconds
	forceAt time.Time // from when on pods are deleted without asking their kubelets
}

func planRemoval(ctx context.Context) removalPlan {
	plan := removalPlan{gracePeriod, time.Now().Add(gracePeriod*time.Second + kubeletPatience)}
	deadline, ok := ctx.Deadline()
	if !ok {
		return plan
	}
	if latest := deadline.Add(-forceReserve); latest.Before(plan.forceAt) {
		plan.forceAt, plan.grace = latest, max(1, min(plan.grace, int64(time.Until(latest)/time.Second)-2))
	}
	return plan
}

// removalWork is a removal under way.
type removalWork struct {
	janitor  *janitor
	ctx      context.Context
	removal  removal
	plan     removalPlan
	requests sync.WaitGroup

	mu   sync.Mutex
	pods map[types.UID]*departing
}

// step asks for the end of each pod that is there and was not asked for, or by force for its end when its time is over.
func (w *removalWork) step(there []corev1.Pod) {
	w.mu.Lock()
	defer w.mu.Unlock()
	force := time.Now().After(w.plan.forceAt)
	for i := range there {
		pod := there[i]
		d := w.pods[pod.UID]
		if d == nil {
			d = &departing{asked: pod.DeletionTimestamp != nil}
			w.pods[pod.UID] = d
		}
		d.pod = pod
		now := force || ended(&pod) || pod.DeletionTimestamp != nil && time.Since(pod.DeletionTimestamp.Time) > deletionPatience
		switch {
		case d.busy, d.forced, d.asked && !now, d.refused != nil:
		case now:
			w.request(d, 0)
		default:
			w.request(d, w.plan.grace)
		}
	}
}

// request deletes a pod in the background; mu is held.
func (w *removalWork) request(d *departing, grace int64) {
	d.busy = true
	pod := d.pod
	w.requests.Go(func() {
		answered := false // not when deletePod panics
		var err error
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			accepted := answered && err == nil
			d.busy, d.refused = false, err
			d.asked, d.forced = d.asked || accepted, d.forced || accepted && grace == 0
		}()
		w.janitor.guard(func() {
			err = w.janitor.deletePod(w.ctx, &pod, grace)
			answered = true
		})
	})
}

// hopeless: all that is there was refused to be deleted.
func (w *removalWork) hopeless(there []corev1.Pod) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(there) > 0 && !slices.ContainsFunc(there, func(p corev1.Pod) bool {
		d := w.pods[p.UID]
		return d == nil || d.refused == nil
	})
}

// removed are the pods that were asked to end and are gone.
func (w *removalWork) removed(left []corev1.Pod) (removed []RemovedPod) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for uid, d := range w.pods {
		if d.asked && !slices.ContainsFunc(left, func(p corev1.Pod) bool { return p.UID == uid }) {
			removed = append(removed, RemovedPod{Name: d.pod.Name, Node: d.pod.Spec.NodeName, Forced: d.forced && !ended(&d.pod)})
		}
	}
	slices.SortFunc(removed, func(a, b RemovedPod) int { return cmp.Compare(a.Name, b.Name) })
	return removed
}

// remains says what is left and why.
func (w *removalWork) remains(left []corev1.Pod, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := &Remains{Namespace: w.janitor.namespace, Selector: w.removal.selector, Err: err}
	for _, pod := range left {
		r.Pods = append(r.Pods, LeftPod{Name: pod.Name, Node: pod.Spec.NodeName, Why: whyLeft(&pod, w.pods[pod.UID])})
	}
	if w.removal.coming != nil {
		r.Coming = w.removal.coming()
	}
	return r
}

func whyLeft(pod *corev1.Pod, d *departing) string {
	switch {
	case d != nil && d.refused != nil:
		return shortest(d.refused).Error()
	case len(pod.Finalizers) > 0 && pod.DeletionTimestamp != nil:
		return "still terminating, held by finalizers of others"
	case pod.DeletionTimestamp != nil:
		return "still terminating: its kubelet has not answered"
	}
	return "the API server has not answered"
}
