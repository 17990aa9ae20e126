// SPDX-License-Identifier: Apache-2.0

package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
)

// kind is a type of object that has pods.
type kind struct {
	singular, group string
	// names under which kubectl knows it, besides the singular.
	names []string
	// pods finds the pods of an object: what to list, and which of the listed it is.
	pods func(ctx context.Context, client kubernetes.Interface, namespace, name string) (selection, error)
}

// selection is a part of a namespace's pods.
type selection struct {
	selector labels.Selector
	// owned is stricter than the selector where the pods' owner is known; nil takes all.
	owned func(*corev1.Pod) bool
}

// The kinds that are treated apart: a pod needs no selector, and a node's pods are in all namespaces.
var (
	podKind  = &kind{singular: "pod", names: []string{"pods", "po"}}
	nodeKind = &kind{singular: "node", names: []string{"nodes", "no"}}
)

// kinds is every TYPE that can be named. Known by heart rather than asked for (discovery), since that takes longer than
// the start of a tracer.
var kinds = []*kind{
	podKind,
	nodeKind,
	{"deployment", "apps", []string{"deployments", "deploy"}, func(ctx context.Context, c kubernetes.Interface, namespace, name string) (selection, error) {
		o, err := c.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return selection{}, err
		}
		return bySelector(o.Spec.Selector, nil) // its replica sets own the pods, also those that it adopted
	}},
	{"replicaset", "apps", []string{"replicasets", "rs"}, func(ctx context.Context, c kubernetes.Interface, namespace, name string) (selection, error) {
		o, err := c.AppsV1().ReplicaSets(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return selection{}, err
		}
		return bySelector(o.Spec.Selector, ownedBy("ReplicaSet", name))
	}},
	{"statefulset", "apps", []string{"statefulsets", "sts"}, func(ctx context.Context, c kubernetes.Interface, namespace, name string) (selection, error) {
		o, err := c.AppsV1().StatefulSets(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return selection{}, err
		}
		return bySelector(o.Spec.Selector, ownedBy("StatefulSet", name))
	}},
	{"daemonset", "apps", []string{"daemonsets", "ds"}, func(ctx context.Context, c kubernetes.Interface, namespace, name string) (selection, error) {
		o, err := c.AppsV1().DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return selection{}, err
		}
		return bySelector(o.Spec.Selector, ownedBy("DaemonSet", name))
	}},
	{"job", "batch", []string{"jobs"}, func(ctx context.Context, c kubernetes.Interface, namespace, name string) (selection, error) {
		o, err := c.BatchV1().Jobs(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return selection{}, err
		}
		return bySelector(o.Spec.Selector, ownedBy("Job", name))
	}},
	{"cronjob", "batch", []string{"cronjobs", "cj"}, cronJobPods},
	{"replicationcontroller", "", []string{"replicationcontrollers", "rc"}, func(ctx context.Context, c kubernetes.Interface, namespace, name string) (selection, error) {
		o, err := c.CoreV1().ReplicationControllers(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return selection{}, err
		}
		return selection{labels.SelectorFromSet(o.Spec.Selector), ownedBy("ReplicationController", name)}, nil
	}},
	{"service", "", []string{"services", "svc"}, func(ctx context.Context, c kubernetes.Interface, namespace, name string) (selection, error) {
		o, err := c.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return selection{}, err
		}
		if len(o.Spec.Selector) == 0 {
			return selection{}, fmt.Errorf("service/%s in namespace %s selects no pods: its endpoints are set by hand", name, namespace)
		}
		return selection{labels.SelectorFromSet(o.Spec.Selector), nil}, nil
	}},
}

// kindOf finds a kind by any of its names, with or without version and group ("deployments.v1.apps"); nil if unknown.
func kindOf(resource string) *kind {
	name, rest, qualified := strings.Cut(strings.ToLower(resource), ".")
	for _, k := range kinds {
		if k.singular != name && !slices.Contains(k.names, name) {
			continue
		}
		if !qualified || rest == k.group || rest == "v1."+k.group {
			return k
		}
	}
	return nil
}

// kindNames is for messages.
func kindNames() string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.singular
	}
	return strings.Join(names, ", ")
}

func bySelector(s *metav1.LabelSelector, owned func(*corev1.Pod) bool) (selection, error) {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return selection{selector, owned}, err
}

// ownedBy goes by name, not UID: an object that is made anew under its name keeps being the one that the user named.
func ownedBy(kind, name string) func(*corev1.Pod) bool {
	return func(pod *corev1.Pod) bool {
		owner := metav1.GetControllerOf(pod)
		return owner != nil && owner.Kind == kind && owner.Name == name
	}
}

// jobName is the label that the job controller puts on its pods, in all versions.
const jobName = "job-name"

// cronJobPods: the pods of jobs that the cron job owns, jobs of the future included. The name of such a job begins with
// that of the cron job; the job itself is asked for whose it is, once.
func cronJobPods(ctx context.Context, c kubernetes.Interface, namespace, name string) (selection, error) {
	if _, err := c.BatchV1().CronJobs(namespace).Get(ctx, name, metav1.GetOptions{}); err != nil {
		return selection{}, err
	}
	selector, err := labels.Parse(jobName)
	if err != nil {
		return selection{}, err
	}
	known := &ownership{}
	return selection{selector, func(pod *corev1.Pod) bool {
		job := metav1.GetControllerOf(pod)
		if job == nil || job.Kind != "Job" || !strings.HasPrefix(job.Name, name+"-") {
			return false
		}
		return known.is(job.UID, func() (bool, error) {
			o, err := c.BatchV1().Jobs(namespace).Get(ctx, job.Name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			owner := metav1.GetControllerOf(o)
			return owner != nil && owner.Kind == "CronJob" && owner.Name == name, nil
		})
	}}, nil
}

// Needs are the permissions to find and follow whatever can be named, in a namespace or with "" in all; a single request
// needs fewer. manifests/rbac.yaml grants them. Nodes and namespaces are read for better messages only.
func Needs(namespace string) []access.Need {
	needs := []access.Need{
		{Verb: "get", Resource: "pods", Namespace: namespace},
		{Verb: "list", Resource: "pods", Namespace: namespace},
		{Verb: "watch", Resource: "pods", Namespace: namespace},
		{Verb: "get", Resource: "nodes"},
		{Verb: "list", Resource: "nodes"},
		{Verb: "get", Resource: "namespaces"},
		{Verb: "list", Resource: "namespaces"},
	}
	for _, k := range kinds {
		if k.pods != nil {
			needs = append(needs, access.Need{Verb: "get", Group: k.group, Resource: k.names[0], Namespace: namespace})
		}
	}
	return needs
}
