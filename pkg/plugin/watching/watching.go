// SPDX-License-Identifier: Apache-2.0

// Package watching is what all informers of the plugin have in common: how their handlers are called, and what of an object they
// keep.
package watching

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// Handler calls changed for each change of an object: old is zero for one that was added, now for one that was deleted, which is then
// the last state that was seen. Objects of other types are left out. guard runs each call: client-go ends the process when a handler
// panics, and nothing would be cleaned up.
func Handler[T comparable](guard func(func()), changed func(old, now T)) cache.ResourceEventHandler {
	call := func(old, now any) {
		var none T
		before, isBefore := old.(T)
		after, isAfter := now.(T)
		if isBefore && before != none || isAfter && after != none {
			guard(func() { changed(before, after) })
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { call(nil, o) },
		UpdateFunc: call,
		DeleteFunc: func(o any) {
			if unknown, ok := o.(cache.DeletedFinalStateUnknown); ok { // the watch had ended when it was deleted
				o = unknown.Obj
			}
			call(o, nil)
		},
	}
}

// Strip is a transform that leaves out of a pod what is only of use for who writes it, and may be most of it. The pod itself, which
// others may have, stays as it is.
func Strip(o any) (any, error) {
	pod, is := o.(*corev1.Pod)
	if !is {
		return o, nil
	}
	stripped := *pod
	stripped.ManagedFields = nil
	if _, applied := pod.Annotations[corev1.LastAppliedConfigAnnotation]; applied {
		stripped.Annotations = maps.Clone(pod.Annotations)
		delete(stripped.Annotations, corev1.LastAppliedConfigAnnotation)
	}
	return &stripped, nil
}
