// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// pod is one that is bound to a node of ours. tracer is nil for others than tracer pods, and until one has started.
type pod struct {
	object *corev1.Pod
	tracer *tracer
}

// watch follows all pods, and plays those of our nodes.
func (k *Kubelet) watch(ctx context.Context) error {
	factory := informers.NewSharedInformerFactory(k.client, 0)
	informer := factory.Core().V1().Pods().Informer()
	ours := func(object any) *corev1.Pod {
		p, is := object.(*corev1.Pod)
		if !is || !slices.Contains(k.nodes, p.Spec.NodeName) {
			return nil
		}
		return p
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			if p := ours(object); p != nil {
				k.work.Go(func() { k.run(ctx, p) })
			}
		},
		UpdateFunc: func(_, object any) {
			if p := ours(object); p != nil && p.DeletionTimestamp != nil {
				k.work.Go(func() { k.end(ctx, p) })
			}
		},
		DeleteFunc: func(object any) {
			if p := ours(object); p != nil {
				k.forget(p)
			}
		},
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return ctx.Err()
}

// run starts a pod: at once, which is what a node with the image needs some 300 ms for.
func (k *Kubelet) run(ctx context.Context, object *corev1.Pod) {
	p := &pod{object: object}
	script := k.script(object.Spec.NodeName)
	state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
	if config, is := tracerConfig(object); is {
		if script.Failure == NeverStarts {
			state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "not found"}}
		} else {
			p.tracer = newTracer(config, script)
		}
	}
	k.mu.Lock()
	k.pods[object.UID] = p
	k.byName[types.NamespacedName{Namespace: object.Namespace, Name: object.Name}] = p
	k.mu.Unlock()
	k.tell(ctx, object, state)
	if p.tracer == nil {
		return
	}
	exit := p.tracer.run(ctx)
	if ctx.Err() == nil {
		k.tell(ctx, object, corev1.ContainerState{Terminated: exit})
	}
}

// end ends a pod as its deletion asks for, and lets it go.
func (k *Kubelet) end(ctx context.Context, object *corev1.Pod) {
	k.mu.Lock()
	p := k.pods[object.UID]
	k.mu.Unlock()
	if p != nil && p.tracer != nil {
		p.tracer.stop()
		select {
		case <-p.tracer.over:
		case <-time.After(time.Duration(*object.DeletionGracePeriodSeconds) * time.Second):
		}
	}
	now := int64(0)
	_ = k.client.CoreV1().Pods(object.Namespace).Delete(ctx, object.Name, // that it is gone is what is wanted
		metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &object.UID}})
}

// forget ends what of a pod still runs: it was deleted by force. Its counts stay.
func (k *Kubelet) forget(object *corev1.Pod) {
	k.mu.Lock()
	p := k.pods[object.UID]
	name := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	if k.byName[name] == p {
		delete(k.byName, name)
	}
	k.mu.Unlock()
	if p != nil && p.tracer != nil {
		p.tracer.stop()
	}
}

// tell writes the status of a pod with one container in a state.
func (k *Kubelet) tell(ctx context.Context, object *corev1.Pod, state corev1.ContainerState) {
	updated := object.DeepCopy()
	updated.ResourceVersion = "" // whatever it is now
	phase := corev1.PodRunning
	switch {
	case state.Waiting != nil:
		phase = corev1.PodPending
	case state.Terminated != nil && state.Terminated.ExitCode == 0:
		phase = corev1.PodSucceeded
	case state.Terminated != nil:
		phase = corev1.PodFailed
	}
	running := state.Running != nil
	updated.Status = corev1.PodStatus{Phase: phase, StartTime: &metav1.Time{Time: time.Now()}}
	for _, c := range object.Spec.Containers {
		updated.Status.ContainerStatuses = append(updated.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, ImageID: c.Image, State: state, Ready: running, Started: &running,
			ContainerID: fmt.Sprintf("containerd://%x", sha256.Sum256([]byte(string(object.UID)+c.Name))),
		})
	}
	_, err := k.client.CoreV1().Pods(object.Namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
		fmt.Fprintf(os.Stderr, "scale: status of pod %s: %v\n", object.Name, err)
	}
}
