// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// searchLimit is how many names are read to find near ones, and other namespaces: only for an error message.
const searchLimit = 2000

// mostNamed objects are named in a message.
const mostNamed = 8

// NoPodsError says that nothing matches now; what was named exists.
type NoPodsError struct {
	// Searched is what was searched; Elsewhere how many pods match in other namespaces.
	Searched  string
	Elsewhere map[string]int
	hint      string
}

// Error is one line.
func (e *NoPodsError) Error() string {
	text := "no pods found: " + e.Searched
	if len(e.Elsewhere) == 0 {
		return text + e.hint
	}
	var where []string
	for _, namespace := range slices.Sorted(maps.Keys(e.Elsewhere)) {
		where = append(where, fmt.Sprintf("%s (%d)", namespace, e.Elsewhere[namespace]))
	}
	if more := len(where) - mostNamed; more > 0 {
		where = append(where[:mostNamed], fmt.Sprintf("%d more", more))
	}
	return text + "; there are in namespace " + strings.Join(where, ", ") + ": use -n, or -A for all"
}

// explainNothing is the error about named pods that are not there, or about nothing at all; nil when all is well.
func (f *Finder) explainNothing(ctx context.Context, queries []query, lists [][]*corev1.Pod) error {
	var errs []error
	total := 0
	for i, list := range lists {
		total += len(list)
		if len(list) == 0 && len(f.named) > 0 && f.named[i].kind == podKind {
			errs = append(errs, f.podNotFound(ctx, f.named[i].name))
		}
	}
	if len(errs) > 0 {
		return joined(errs)
	}
	if total > 0 {
		return nil
	}
	none := &NoPodsError{Searched: f.String()}
	if len(f.named) > 0 {
		none.hint = ": it has none now, see kubectl --namespace=" + f.request.Namespace + " get " + queries[0].of
		return none
	}
	if !f.request.AllNamespaces {
		if err := f.namespaceNotFound(ctx); err != nil {
			return err
		}
		none.Elsewhere = f.elsewhere(ctx, queries[0])
		none.hint = ": -n names another namespace, -A means all"
	}
	if near := f.nearLabels(ctx); near != "" {
		none.hint = near
	}
	return none
}

// elsewhere counts the pods that match a query, and may run, in all namespaces; nothing when the user may not look there.
func (f *Finder) elsewhere(ctx context.Context, q query) map[string]int {
	q.options.Limit = searchLimit
	list, err := f.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, q.options)
	if err != nil {
		return nil
	}
	counts := map[string]int{}
	for i := range list.Items {
		if !finished(&list.Items[i]) && (q.matches == nil || q.matches(&list.Items[i])) {
			counts[list.Items[i].Namespace]++
		}
	}
	return counts
}

// podNotFound says where a pod of that name is, or what it could have been.
func (f *Finder) podNotFound(ctx context.Context, name string) error {
	if err := f.namespaceNotFound(ctx); err != nil {
		return err
	}
	text := fmt.Sprintf("pod %q not found in namespace %s", name, f.request.Namespace)
	if len(f.request.Nodes) > 0 {
		text += " on node " + strings.Join(f.request.Nodes, ", ")
	}
	exact := query{options: metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", name).String()},
		matches: func(p *corev1.Pod) bool { return p.Name == name && p.Namespace != f.request.Namespace }}
	if where := slices.Sorted(maps.Keys(f.elsewhere(ctx, exact))); len(where) > 0 {
		return fmt.Errorf("%s; there is one in namespace %s: use -n", text, strings.Join(where, ", "))
	}
	if workload := f.workload(ctx, name); workload != "" {
		return fmt.Errorf("%s: did you mean %s?", text, workload)
	}
	if isNamespace(name) {
		return fmt.Errorf("%s: a namespace is named by -n, and all are meant by -A", text)
	}
	if k := kindOf(name); k != nil {
		return fmt.Errorf("%s: %s", text, f.wantsName(ctx, k, name))
	}
	return fmt.Errorf("%s%s", text, didYouMean(f.near(ctx, name, true)))
}

// near are the pods, if asked for, and the workloads of pods of the namespace whose names come near a name.
func (f *Finder) near(ctx context.Context, name string, podsToo bool) []string {
	list, err := f.client.CoreV1().Pods(f.request.Namespace).List(ctx, metav1.ListOptions{Limit: searchLimit})
	if err != nil {
		return nil
	}
	shown := map[string]string{} // by name
	for i := range list.Items {
		if podsToo {
			shown[list.Items[i].Name] = list.Items[i].Name
		}
		if w := workloadOf(&list.Items[i]); w.kind != nil {
			shown[w.name] = w.String()
		}
	}
	near := policy.Near(name, slices.Collect(maps.Keys(shown)))
	for i, n := range near {
		near[i] = shown[n]
	}
	return near
}

// workloadOf is what users call a pod's workload; its kind is nil when there is none that is known.
func workloadOf(pod *corev1.Pod) named {
	name, kind := pods.Workload(pod)
	if kind == "Pod" {
		return named{}
	}
	return named{kindOf(kind), name}
}

// workload is the TYPE/NAME of a workload of this name, the first in the table's order.
func (f *Finder) workload(ctx context.Context, name string) string {
	there := make([]bool, len(kinds))
	var wg sync.WaitGroup
	for i, k := range kinds {
		if k.pods != nil {
			wg.Go(func() {
				_, err := k.pods(ctx, f.client, f.request.Namespace, name)
				there[i] = err == nil
			})
		}
	}
	wg.Wait()
	if i := slices.Index(there, true); i >= 0 {
		return named{kinds[i], name}.String()
	}
	return ""
}

// namespaceNotFound is the error about a namespace that is not there; nil when it is, or when the user may not look.
func (f *Finder) namespaceNotFound(ctx context.Context) error {
	_, err := f.client.CoreV1().Namespaces().Get(ctx, f.request.Namespace, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return nil
	}
	var names []string
	if list, err := f.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{Limit: searchLimit}); err == nil {
		for _, n := range list.Items {
			names = append(names, n.Name)
		}
	}
	return fmt.Errorf("namespace %q not found%s", f.request.Namespace, didYouMean(policy.Near(f.request.Namespace, names)))
}

// explainObject explains why a named workload could not be read.
func (f *Finder) explainObject(ctx context.Context, n named, err error) error {
	switch {
	case apierrors.IsForbidden(err):
		needs := append([]access.Need{{Verb: "get", Group: n.kind.group, Resource: n.kind.names[0], Namespace: f.request.Namespace,
			For: "to find the pods of " + n.String()}}, query{of: n.String(), namespace: f.request.Namespace}.needs()...)
		return access.Refine(ctx, f.client, err, needs)
	case apierrors.IsNotFound(err):
		if missing := f.namespaceNotFound(ctx); missing != nil {
			return missing
		}
		text := fmt.Sprintf("%s not found in namespace %s", n, f.request.Namespace)
		if other := f.workload(ctx, n.name); other != "" {
			return fmt.Errorf("%s: did you mean %s?", text, other)
		}
		if near := f.near(ctx, n.name, false); len(near) > 0 {
			return fmt.Errorf("%s%s", text, didYouMean(near))
		}
		return fmt.Errorf("%s: see kubectl --namespace=%s get %s", text, f.request.Namespace, n.kind.names[0])
	}
	return err
}

// checkNodes is the error about nodes of the request that do not exist.
func (f *Finder) checkNodes(ctx context.Context) error {
	errs := make([]error, len(f.request.Nodes))
	var wg sync.WaitGroup
	for i, name := range f.request.Nodes {
		wg.Go(func() { errs[i] = f.checkNode(ctx, name) })
	}
	wg.Wait()
	return joined(errs)
}

// checkNode is nil when the node is there, or when the user may not look.
func (f *Finder) checkNode(ctx context.Context, name string) error {
	_, err := f.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{ResourceVersion: "0"})
	if apierrors.IsForbidden(err) || err == nil {
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return err
	}
	var names []string
	if list, err := f.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: searchLimit}); err == nil {
		for _, n := range list.Items {
			names = append(names, n.Name)
		}
	}
	return fmt.Errorf("node %q not found%s", name, didYouMean(policy.Near(name, names)))
}

// isNamespace says whether a word is the type of namespaces.
func isNamespace(word string) bool {
	return slices.Contains([]string{"namespace", "namespaces", "ns"}, strings.ToLower(word))
}

// unknownType explains a TYPE that is not in the table: mistyped, or of the cluster but without pods that this program
// would know how to find.
func unknownType(getter genericclioptions.RESTClientGetter, resource, name string) error {
	var names []string
	for _, k := range kinds {
		names = append(append(names, k.singular), k.names...)
	}
	if isNamespace(resource) {
		return fmt.Errorf("the pods of a namespace are named by it alone: -n %s", name)
	}
	if getter != nil && resource != "" {
		if mapper, err := getter.ToRESTMapper(); err == nil {
			parsed := schema.ParseGroupResource(strings.ToLower(resource))
			if known, err := mapper.ResourceFor(parsed.WithVersion("")); err == nil {
				return fmt.Errorf("how to find the pods of %s is not known here: use --selector; known types: %s", known.GroupResource(), kindNames())
			}
		}
	}
	near := didYouMean(policy.Near(resource, names))
	if near == "" && name != "" && len(validation.IsDNS1123Label(resource)) == 0 {
		near = fmt.Sprintf("; if it is a namespace, it stands apart: -n %s %s.", resource, name)
	}
	return fmt.Errorf("unknown type %q%s Known types: %s", resource, orStop(near), kindNames())
}

// didYouMean is the end of an error message; empty without names.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": did you mean " + strings.Join(names, ", ") + "?"
}

func orStop(text string) string {
	if text == "" {
		return "."
	}
	return text
}
