// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
)

// toldOf is a finder that tells of each pod that it finds or that changes.
type toldOf struct {
	finder
	sees func(*corev1.Pod)
}

func (t toldOf) Resolve(ctx context.Context) (target.Found, error) {
	found, err := t.finder.Resolve(ctx)
	for _, pod := range slices.Concat(found.Pods, found.Waiting) {
		t.sees(pod)
	}
	return found, err
}

func (t toldOf) Watch(ctx context.Context, changed func(target.Change), trouble func(error)) error {
	return t.finder.Watch(ctx, func(c target.Change) {
		t.sees(c.Pod)
		changed(c)
	}, trouble)
}
