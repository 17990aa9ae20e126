// SPDX-License-Identifier: Apache-2.0

// Package target finds the pods that the user means, and follows them: later ones, restarts and moves to other nodes.
//
// A Finder may be used by several goroutines.
package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Request is what the user said. Pods named by Args and Pods add up; without any name it is all pods that the selectors
// choose, and without selectors all of the namespace. Nodes narrows each of these.
type Request struct {
	// Namespace of everything that is named and selected.
	Namespace     string
	AllNamespaces bool
	// Args are POD or TYPE/NAME, as kubectl's own commands take them.
	Args []string
	// Pods are names of pods.
	Pods                    []string
	Selector, FieldSelector string
	Nodes                   []string
}

// named is one pod or workload.
type named struct {
	kind *kind
	name string
}

func (n named) String() string { return n.kind.singular + "/" + n.name }

// names reads Args and Pods. Types that the table does not have are left to explainType.
func (r Request) names(explainType func(resource, name string) error) (list []named, err error) {
	var errs []error
	add := func(k *kind, name, as string) {
		if why := notName(k, name, as); why != nil {
			errs = append(errs, why)
			return
		}
		if n := (named{k, name}); !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	for _, pod := range r.Pods {
		add(podKind, strings.TrimPrefix(pod, "pod/"), pod)
	}
	for _, arg := range r.Args {
		resource, name, typed := strings.Cut(arg, "/")
		if !typed {
			add(podKind, arg, arg)
			continue
		}
		if k := kindOf(resource); k != nil {
			add(k, name, arg)
		} else {
			errs = append(errs, explainType(resource, name))
		}
	}
	return list, errors.Join(errs...)
}

// notName says why a word can't be the name of an object, and what it may have been meant for; nil if it can.
func notName(k *kind, name, as string) error {
	problems := validation.IsDNS1123Subdomain(name)
	if len(problems) == 0 {
		return nil
	}
	why, _, _ := strings.Cut(problems[0], " (e.g.") // a regular expression follows
	text := fmt.Sprintf("%q is not the name of a %s: ", as, k.singular)
	label, err := labels.Parse(as)
	switch words := strings.Split(name, ","); {
	case name == "":
		return fmt.Errorf("%sit is missing, as in %s/NAME", text, k.singular)
	case len(words) > 1 && !slices.Contains(words, "") && !strings.ContainsAny(as, "=!()"):
		for i := range words {
			words[i] = strings.TrimSuffix(as, name) + words[i]
		}
		return fmt.Errorf("%snames are separated by blanks: %s", text, strings.Join(words, " "))
	case strings.ContainsAny(name, "*?^$|[+"):
		return fmt.Errorf("%sit is no pattern: name the workload (deployment/NAME), or select labels with -l", text)
	case strings.Contains(as, "=") && err == nil && !label.Empty():
		return fmt.Errorf("%slabels are selected by -l %s", text, as)
	}
	return errors.New(text + why)
}

// selectorHint is what was meant by a selector as other tools write it.
func selectorHint(selector string) string {
	key, value, colon := strings.Cut(selector, ":")
	if !colon || strings.ContainsAny(selector, "=!,") {
		return ""
	}
	meant := strings.TrimSpace(key) + "=" + strings.TrimSpace(value)
	if _, err := labels.Parse(meant); err != nil {
		return ""
	}
	return "; did you mean " + meant + "?"
}

// check is what can be said without the cluster.
func (r Request) check(list []named) error {
	var errs []error
	if _, err := labels.Parse(r.Selector); err != nil {
		why, _, _ := strings.Cut(err.Error(), " (e.g.") // a regular expression follows
		errs = append(errs, fmt.Errorf("selector %q: %s%s", r.Selector, why, selectorHint(r.Selector)))
	}
	if _, err := fields.ParseSelector(r.FieldSelector); err != nil {
		errs = append(errs, fmt.Errorf("field selector %q: %w", r.FieldSelector, err))
	}
	if len(list) > 0 && (r.Selector != "" || r.FieldSelector != "") {
		errs = append(errs, fmt.Errorf("%s is named and a selector is given: use one or the other", list[0]))
	}
	for _, n := range list {
		if r.AllNamespaces && n.kind != nodeKind {
			errs = append(errs, fmt.Errorf("%s cannot be found by its name in all namespaces: name its namespace with -n, or use --selector", n))
		}
	}
	for _, n := range r.Nodes {
		if why := notName(nodeKind, n, n); why != nil {
			errs = append(errs, why)
		}
	}
	if r.Namespace == "" && !r.AllNamespaces {
		errs = append(errs, errors.New("no namespace is given"))
	}
	return errors.Join(errs...)
}
