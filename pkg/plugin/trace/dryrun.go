// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pods"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// runDry prints the tracer pods, one per node of the targets: as this program makes them, or as the API server would store
// them.
func (p *Plan) runDry(ctx context.Context) error {
	on, err := p.connect(nil)
	if err != nil {
		return err
	}
	found, err := on.targets.Resolve(ctx)
	if err != nil {
		return access.Explain(err)
	}
	var printer printers.ResourcePrinter = &printers.YAMLPrinter{}
	if p.options.output.format == "json" {
		printer = &printers.JSONPrinter{}
	}
	launcher := p.dryLauncher(on, found.Pods)
	problems, carried := launcher.Look(ctx, nodesOf(found.Pods))
	for _, problem := range problems {
		return problem
	}
	tracers, err := p.tracerPods(ctx, launcher, on, found.Pods)
	if err != nil {
		return access.Explain(err)
	}
	if carried {
		if err := printer.PrintObj(launch.StarterConfigMap(launcher.Config()), p.options.Out); err != nil {
			return err
		}
	}
	for _, pod := range tracers {
		if p.options.tracer.dryRun == dryRunServer {
			created, err := on.Client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			if err != nil {
				return fmt.Errorf("tracer pod for node %s: %w", pod.Spec.NodeName, access.Explain(err))
			}
			created.TypeMeta, created.ManagedFields = pod.TypeMeta, nil
			pod = created
		}
		if err := p.printTracer(printer, pod); err != nil {
			return err
		}
	}
	return nil
}

// printTracer prints a tracer pod, in YAML with the reason for each line.
func (p *Plan) printTracer(printer printers.ResourcePrinter, pod *corev1.Pod) error {
	var text strings.Builder
	if err := printer.PrintObj(pod, &text); err != nil {
		return err
	}
	explained := text.String()
	if _, isYAML := printer.(*printers.YAMLPrinter); isYAML {
		explained = launch.Explained(explained)
	}
	_, err := io.WriteString(p.options.Out, explained)
	return err
}

// dryLauncher only describes tracers.
func (p *Plan) dryLauncher(on onCluster, targets []*corev1.Pod) *launch.Launcher {
	index := pods.NewIndex()
	for _, pod := range targets {
		index.Update(pod)
	}
	on.launch.Delivery.Targets = index.Images
	return launch.New(on.Client, on.REST, on.launch)
}

// nodesOf are the nodes of the pods, each once.
func nodesOf(targets []*corev1.Pod) (nodes []string) {
	for _, pod := range targets {
		nodes = append(nodes, pod.Spec.NodeName)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// tracerPods are the pods for these targets, by the node's name: those that a session would start now.
func (p *Plan) tracerPods(ctx context.Context, launcher *launch.Launcher, on onCluster, targets []*corev1.Pod) (tracers []*corev1.Pod, err error) {
	tell := session.BareTarget
	if on.policies != nil {
		tell = on.policies.Pod
	}
	byNode := map[string]wire.Targets{}
	for _, pod := range targets {
		t := byNode[pod.Spec.NodeName]
		t.Pods = append(t.Pods, tell(pod))
		byNode[pod.Spec.NodeName] = t
	}
	for _, node := range nodesOf(targets) {
		c, err := p.tracerConfig(ctx, on.policies, node, byNode[node])
		if err == nil {
			err = launch.CheckSize(c)
		}
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", node, err)
		}
		pod, _, err := launcher.Pod(c)
		if err != nil {
			return nil, err
		}
		tracers = append(tracers, pod)
	}
	return tracers, nil
}
