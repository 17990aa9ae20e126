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
	found, err := p.finder.Resolve(ctx)
	if err != nil {
		return access.Explain(err)
	}
	var printer printers.ResourcePrinter = &printers.YAMLPrinter{}
	if o.output.format == "json" {
		printer = &printers.JSONPrinter{}
	}
	for _, pod := range tracerPods(launch.New(p.client, p.rest, p.launch).Config(), o.process, found.Pods) {
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

// tracerPods are the pods for these targets, by the node's name.
func tracerPods(c launch.Config, process wire.ProcessDetail, targets []*corev1.Pod) (tracers []*corev1.Pod) {
	byNode := map[string]wire.Targets{}
	for _, pod := range targets {
		t := byNode[pod.Spec.NodeName]
		t.PodUIDs = append(t.PodUIDs, join.CgroupUID(pod))
		byNode[pod.Spec.NodeName] = t
	}
	for _, node := range slices.Sorted(maps.Keys(byNode)) {
		pod := launch.TracerPod(c, wire.Orders{Node: node, Targets: byNode[node], Process: process})
		pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		tracers = append(tracers, pod)
	}
	return tracers
}
