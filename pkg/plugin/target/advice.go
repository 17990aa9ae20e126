// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	operator "k8s.io/apimachinery/pkg/selection"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// explainFinished is the error about targets that have all ended and never run again; nil where something is there, or will be: a
// CronJob makes pods by the clock.
func (f *Finder) explainFinished(found Found) error {
	ended := len(found.finished)
	byClock := slices.ContainsFunc(f.named, func(n named) bool { return n.kind.singular == "cronjob" })
	if len(found.Pods)+len(found.Waiting) > 0 || ended == 0 || byClock {
		return nil
	}
	var names []string
	for _, pod := range found.finished[:min(ended, mostNamed)] {
		names = append(names, fmt.Sprintf("%s/%s (%s)", pod.Namespace, pod.Name, pod.Status.Phase))
	}
	if more := ended - mostNamed; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return &NoPodsError{Searched: f.String(), hint: ": all that there are have ended, and never run again: " + strings.Join(names, ", ")}
}

// wantsName is what to write for the name of a type alone: as kubectl has it, with a blank, if a name follows.
func (f *Finder) wantsName(ctx context.Context, k *kind, typed string) string {
	switch k {
	case podKind:
		return "pods are named without a type, and without a name all of the namespace are traced"
	case nodeKind:
		return "a node is one word with its name: node/NAME; --node narrows other targets"
	}
	if at := slices.Index(f.request.Args, typed); at >= 0 && at+1 < len(f.request.Args) {
		return fmt.Sprintf("type and name are one word: did you mean %s/%s?", k.singular, f.request.Args[at+1])
	}
	text := "did you mean " + k.singular + "/NAME?"
	if there := f.ofKind(ctx, k); len(there) > 0 {
		return text + " There are " + strings.Join(there, ", ")
	}
	return text
}

// ofKind are the workloads of a kind in the namespace that have pods.
func (f *Finder) ofKind(ctx context.Context, k *kind) []string {
	list, err := f.client.CoreV1().Pods(f.request.Namespace).List(ctx, metav1.ListOptions{Limit: searchLimit})
	if err != nil {
		return nil
	}
	found := map[string]bool{}
	for i := range list.Items {
		if w := workloadOf(&list.Items[i]); w.kind == k {
			found[w.String()] = true
		}
	}
	names := slices.Sorted(maps.Keys(found))
	if more := len(names) - mostNamed; more > 0 {
		names = append(names[:mostNamed], fmt.Sprintf("%d more", more))
	}
	return names
}

// nearLabels are the labels of pods that come near those of the selector, for an error message; empty where that is not asked for
// labels by their values, or nothing is near.
func (f *Finder) nearLabels(ctx context.Context) string {
	selector, err := labels.Parse(f.request.Selector)
	if f.request.Selector == "" || err != nil {
		return ""
	}
	list, err := f.client.CoreV1().Pods(f.namespace()).List(ctx, metav1.ListOptions{Limit: searchLimit})
	if err != nil || len(list.Items) == 0 {
		return ""
	}
	requirements, _ := selector.Requirements()
	for _, r := range requirements {
		if hint := nearLabel(r, list.Items); hint != "" {
			return hint
		}
	}
	return ""
}

func nearLabel(r labels.Requirement, all []corev1.Pod) string {
	keys, values := map[string]bool{}, map[string]bool{}
	for i := range all {
		for key, value := range all[i].Labels {
			if keys[key] = true; key == r.Key() {
				values[value] = true
			}
		}
	}
	equals := slices.Contains([]operator.Operator{operator.Equals, operator.DoubleEquals, operator.In}, r.Operator())
	wanted := r.ValuesUnsorted()
	switch {
	case !equals && r.Operator() != operator.Exists:
		return ""
	case !keys[r.Key()]:
		return fmt.Sprintf(": none there has a label %s%s", r.Key(), didYouMean(policy.Near(r.Key(), slices.Collect(maps.Keys(keys)))))
	case !equals || len(wanted) != 1 || values[wanted[0]]:
		return ""
	}
	if near := policy.Near(wanted[0], slices.Collect(maps.Keys(values))); len(near) > 0 {
		return ": did you mean " + r.Key() + "=" + strings.Join(near, " or "+r.Key()+"=") + "?"
	}
	return ""
}

// podFields can be selected by.
var podFields = [...]string{
	"metadata.name", "metadata.namespace", "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
	"spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
}

// explainFields adds to the API server's refusal of a field selector which fields there are.
func (f *Finder) explainFields(err error) error {
	selector, e := fields.ParseSelector(f.request.FieldSelector)
	if f.request.FieldSelector == "" || !apierrors.IsBadRequest(err) || e != nil {
		return err
	}
	for _, r := range selector.Requirements() {
		if slices.Contains(podFields[:], r.Field) {
			continue
		}
		for _, field := range podFields {
			if strings.HasSuffix(field, "."+r.Field) {
				return fmt.Errorf("--field-selector %s: %w; did you mean %s?", f.request.FieldSelector, err, field)
			}
		}
		if near := policy.Near(r.Field, podFields[:]); len(near) > 0 {
			return fmt.Errorf("--field-selector %s: %w; did you mean %s?", f.request.FieldSelector, err, near[0])
		}
	}
	return fmt.Errorf("--field-selector %s: %w; pods have %s", f.request.FieldSelector, err, strings.Join(podFields[:], ", "))
}
