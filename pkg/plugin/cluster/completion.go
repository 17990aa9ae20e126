// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
)

// A completion that takes longer is worse than none; at most so many names are offered.
const (
	completionTimeout = 2 * time.Second
	completionLimit   = 500
)

// Lister returns the names that complete a word.
type Lister func(ctx context.Context, c Connection) ([]string, error)

// Complete makes a lister a completion. Without a cluster, or without the right to list, it offers nothing and says nothing.
func (c *Cluster) Complete(list Lister) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		klog.LogToStderr(false)
		ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
		defer cancel()
		connection, err := c.Connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names, err := list(ctx, connection)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// Words completes a word by one of a fixed list.
func Words(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// CompleteFlags adds completions for the flags that every command has.
func (c *Cluster) CompleteFlags(root *cobra.Command) {
	// The names are flags of root's own: registering can't fail.
	_ = root.RegisterFlagCompletionFunc("namespace", c.Complete(Namespaces))
	_ = root.RegisterFlagCompletionFunc("context", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		raw, err := c.Config.ToRawKubeConfigLoader().RawConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for name := range raw.Contexts {
			names = append(names, name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
}

var listOptions = metav1.ListOptions{Limit: completionLimit}

// Namespaces of the cluster.
func Namespaces(ctx context.Context, c Connection) ([]string, error) {
	list, err := c.Client.CoreV1().Namespaces().List(ctx, listOptions)
	if err != nil {
		return nil, err
	}
	return names(list.Items, func(n *corev1.Namespace) string { return n.Name }), nil
}

// Nodes of the cluster.
func Nodes(ctx context.Context, c Connection) ([]string, error) {
	list, err := c.Client.CoreV1().Nodes().List(ctx, listOptions)
	if err != nil {
		return nil, err
	}
	return names(list.Items, func(n *corev1.Node) string { return n.Name }), nil
}

// Pods of the namespace.
func Pods(ctx context.Context, c Connection) ([]string, error) {
	list, err := c.Client.CoreV1().Pods(c.Namespace).List(ctx, listOptions)
	if err != nil {
		return nil, err
	}
	return names(list.Items, func(p *corev1.Pod) string { return p.Name }), nil
}

// PodsAndWorkloads are the pods' names and TYPE/NAME of what usually stands above them. A type that may not be listed is
// left out.
func PodsAndWorkloads(ctx context.Context, c Connection) ([]string, error) {
	found, err := Pods(ctx, c)
	if list, e := c.Client.AppsV1().Deployments(c.Namespace).List(ctx, listOptions); e == nil {
		for i := range list.Items {
			found = append(found, "deployment/"+list.Items[i].Name)
		}
	}
	if list, e := c.Client.AppsV1().StatefulSets(c.Namespace).List(ctx, listOptions); e == nil {
		for i := range list.Items {
			found = append(found, "statefulset/"+list.Items[i].Name)
		}
	}
	if list, e := c.Client.AppsV1().DaemonSets(c.Namespace).List(ctx, listOptions); e == nil {
		for i := range list.Items {
			found = append(found, "daemonset/"+list.Items[i].Name)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, err
}

// Containers of all pods of the namespace, each name once.
func Containers(ctx context.Context, c Connection) ([]string, error) {
	list, err := c.Client.CoreV1().Pods(c.Namespace).List(ctx, listOptions)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var found []string
	for i := range list.Items {
		for _, container := range list.Items[i].Spec.Containers {
			if !seen[container.Name] {
				seen[container.Name] = true
				found = append(found, container.Name)
			}
		}
	}
	return found, nil
}

func names[T any](items []T, name func(*T) string) []string {
	found := make([]string, len(items))
	for i := range items {
		found[i] = name(&items[i])
	}
	return found
}
