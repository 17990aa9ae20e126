// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
)

// observedFinder is a finder that tells of each pod that it finds or that changes.
type observedFinder struct {
	finder
	onPodChange func(*corev1.Pod)
}

func (f observedFinder) Resolve(ctx context.Context) (target.Found, error) {
	found, err := f.finder.Resolve(ctx)
	for _, pod := range slices.Concat(found.Pods, found.Waiting) {
		f.onPodChange(pod)
	}
	return found, err
}

func (f observedFinder) Watch(ctx context.Context, changed func(target.Change), trouble func(error)) error {
	return f.finder.Watch(ctx, func(c target.Change) {
		f.onPodChange(c.Pod)
		changed(c)
	}, trouble)
}
