// SPDX-License-Identifier: Apache-2.0

package scope

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
)

// Finder finds the pods that the command line names; target.Finder is one.
type Finder interface {
	Resolve(ctx context.Context) (target.Found, error)
	Watch(ctx context.Context, changed func(target.Change), trouble func(error)) error
	String() string
}

// Targets are those pods of a Finder that a policy is about.
type Targets struct {
	Finder
	scope *Scope
	// told are the pods that were found and are not gone. Watch comes after Resolve.
	told map[types.UID]bool
}

// Targets narrows what f finds.
func (s *Scope) Targets(f Finder) *Targets { return &Targets{f, s, map[types.UID]bool{}} }

// Resolve finds the pods that are there now. That none of those that are named is selected by a policy is an error.
func (t *Targets) Resolve(ctx context.Context) (target.Found, error) {
	found, err := t.Finder.Resolve(ctx)
	if err != nil {
		return found, err
	}
	for _, pod := range found.Pods {
		if err := t.scope.learn(ctx, pod.Spec.NodeName); err != nil {
			return target.Found{}, err
		}
	}
	not := func(pod *corev1.Pod) bool { return !t.scope.selects(pod) }
	all := len(found.Pods) + len(found.Waiting)
	found.Pods = slices.DeleteFunc(found.Pods, not)
	found.Waiting = slices.DeleteFunc(found.Waiting, not)
	if all > 0 && len(found.Pods)+len(found.Waiting) == 0 {
		return found, fmt.Errorf("no policy is about any of the %d pods found (%s):\n%s", all, t.Finder, t.scope.describe())
	}
	for _, pod := range found.Pods {
		t.told[pod.UID] = true
	}
	return found, nil
}

// describe is a line per policy that says what it is about.
func (s *Scope) describe() string {
	var lines []string
	for _, p := range s.Policies {
		lines = append(lines, fmt.Sprintf("policy %s is about %s", p.Name, Describe(p)))
	}
	return strings.Join(lines, "\n")
}
