// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/join"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// runDry prints the tracer pods, one per node of the targets: as this program makes them, or as the API server would store
// them.
func (o *traceOptions) runDry(ctx context.Context) error {
	p, err := o.plan()
	if err != nil {
		return err
	}
	found, err := p.targets.Resolve(ctx)
	if err != nil {
		return access.Explain(err)
	}
	var printer printers.ResourcePrinter = &printers.YAMLPrinter{}
	if o.output.format == "json" {
		printer = &printers.JSONPrinter{}
	}
	orders := wire.Orders{Process: o.process, Hold: o.arming.arms()}
	o.arming.orders(&orders)
	tell := func(pod *corev1.Pod) wire.Pod { return wire.Pod{UID: join.CgroupUID(pod)} }
	if p.scope != nil {
		orders.Narrowed, tell = p.scope.Narrowed(), p.scope.Pod
	}
	pods, err := tracerPods(launch.New(p.client, p.rest, p.launch).Config(), orders, found.Pods, func(node string) ([]wire.PolicySource, error) {
		if p.scope == nil {
			return nil, nil
		}
		return p.scope.SourcesOn(ctx, node)
	}, tell)
	if err != nil {
		return access.Explain(err)
	}
	for _, pod := range pods {
		if o.tracer.dryRun == dryRunServer {
			created, err := p.client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			if err != nil {
				return fmt.Errorf("tracer pod for node %s: %w", pod.Spec.NodeName, access.Explain(err))
			}
			created.TypeMeta, created.ManagedFields = pod.TypeMeta, nil
			pod = created
		}
		if err := printer.PrintObj(pod, o.Out); err != nil {
			return err
		}
	}
	return nil
}

// tracerPods are the pods for these targets, by the node's name, with orders that are completed for each; policies are those of
// a node, tell what is told of a pod.
func tracerPods(
	c launch.Config, orders wire.Orders, targets []*corev1.Pod, policies func(node string) ([]wire.PolicySource, error),
	tell func(*corev1.Pod) wire.Pod,
) (tracers []*corev1.Pod, err error) {
	byNode := map[string]wire.Targets{}
	for _, pod := range targets {
		t := byNode[pod.Spec.NodeName]
		t.Pods = append(t.Pods, tell(pod))
		byNode[pod.Spec.NodeName] = t
	}
	for _, node := range slices.Sorted(maps.Keys(byNode)) {
		sources, err := policies(node)
		if err != nil {
			return nil, err
		}
		orders.Node, orders.Targets, orders.Policies = node, byNode[node], sources
		if err := c.CheckSize(orders); err != nil {
			return nil, fmt.Errorf("node %s: %w", node, err)
		}
		pod := launch.TracerPod(c, orders)
		pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		tracers = append(tracers, pod)
	}
	return tracers, nil
}
