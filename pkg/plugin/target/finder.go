// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
)

// Finder finds the pods of one request.
type Finder struct {
	client  kubernetes.Interface
	request Request
	named   []named
}

// New checks the request's syntax; it does not ask the cluster, except, through restGetter, about a TYPE that it does not
// know. restGetter may be nil.
func New(client kubernetes.Interface, restGetter genericclioptions.RESTClientGetter, r Request) (*Finder, error) {
	list, err := r.names(func(resource, name string) error { return unknownType(restGetter, resource, name) })
	if err == nil {
		err = r.check(list)
	}
	if err != nil {
		return nil, err
	}
	return &Finder{client: client, request: r, named: list}, nil
}

// String is what is searched, for messages: "deployment/web in namespace default".
func (f *Finder) String() string {
	var what []string
	for _, n := range f.named {
		what = append(what, n.String())
	}
	if len(what) == 0 {
		what = []string{"all pods"}
	}
	text := strings.Join(what, ", ")
	if f.request.Selector != "" {
		text = "pods with selector " + f.request.Selector
	}
	if f.request.FieldSelector != "" {
		text += " with field selector " + f.request.FieldSelector
	}
	if f.request.AllNamespaces {
		text += " in all namespaces"
	} else if !f.nodesOnly() {
		text += " in namespace " + f.request.Namespace
	}
	if len(f.request.Nodes) > 0 {
		text += " on node " + strings.Join(f.request.Nodes, ", ")
	}
	return text
}

// nodesOnly: everything named is a node, whose pods are in all namespaces.
func (f *Finder) nodesOnly() bool {
	return len(f.named) > 0 && !slices.ContainsFunc(f.named, func(n named) bool { return n.kind != nodeKind })
}

// query is one list, and watch, of pods.
type query struct {
	of        string // for messages
	namespace string
	options   metav1.ListOptions
	// matches is asked about each listed pod: what selectors cannot say.
	matches func(*corev1.Pod) bool
}

// queries asks the API server for the objects that are named and says how to find their pods. The answers are in the
// order of the names.
func (f *Finder) queries(ctx context.Context) ([]query, error) {
	if len(f.named) == 0 {
		return []query{f.restrict(query{of: f.String(), namespace: f.namespace(), options: metav1.ListOptions{
			LabelSelector: f.request.Selector, FieldSelector: f.request.FieldSelector}})}, f.checkNodes(ctx)
	}
	list := make([]query, len(f.named))
	errs := make([]error, len(f.named)+1)
	var wg sync.WaitGroup
	wg.Go(func() { errs[len(f.named)] = f.checkNodes(ctx) })
	for i, n := range f.named {
		wg.Go(func() { list[i], errs[i] = f.query(ctx, n) })
	}
	wg.Wait()
	return list, joined(errs)
}

func (f *Finder) namespace() string {
	if f.request.AllNamespaces {
		return metav1.NamespaceAll
	}
	return f.request.Namespace
}

func (f *Finder) query(ctx context.Context, n named) (query, error) {
	q := query{of: n.String(), namespace: f.request.Namespace}
	switch n.kind {
	case podKind:
		q.options.FieldSelector = fields.OneTermEqualSelector("metadata.name", n.name).String()
		q.matches = func(p *corev1.Pod) bool { return p.Name == n.name }
	case nodeKind:
		q.namespace = metav1.NamespaceAll
		q.options.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", n.name).String()
		q.matches = func(p *corev1.Pod) bool { return p.Spec.NodeName == n.name }
		if err := f.checkNode(ctx, n.name); err != nil {
			return query{}, err
		}
	default:
		s, err := n.kind.pods(ctx, f.client, f.request.Namespace, n.name)
		if err != nil {
			return query{}, f.explainObject(ctx, n, err)
		}
		q.options.LabelSelector, q.matches = s.selector.String(), s.owned
	}
	return f.restrict(q), nil
}

// restrict narrows a query to the request's nodes: by the API server if there is one, here if there are more.
func (f *Finder) restrict(q query) query {
	if len(f.request.Nodes) == 0 {
		return q
	}
	if len(f.request.Nodes) == 1 && !strings.Contains(q.options.FieldSelector, "spec.nodeName") {
		on := fields.OneTermEqualSelector("spec.nodeName", f.request.Nodes[0]).String()
		q.options.FieldSelector = strings.TrimPrefix(q.options.FieldSelector+","+on, ",")
	}
	matches := q.matches
	q.matches = func(p *corev1.Pod) bool {
		return slices.Contains(f.request.Nodes, p.Spec.NodeName) && (matches == nil || matches(p))
	}
	return q
}

// needs are the permissions to find and follow a query's pods.
func (q query) needs() []access.Need {
	var needs []access.Need
	for _, verb := range []string{"list", "watch"} {
		needs = append(needs, access.Need{Verb: verb, Resource: "pods", Namespace: q.namespace, For: fmt.Sprintf("to find %s", q.of)})
	}
	return needs
}

// finished: it has ended, and never runs again.
func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// live: it is on a node and has not ended.
func live(pod *corev1.Pod) bool {
	return pod.Spec.NodeName != "" && !finished(pod)
}
