// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/carry"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/cluster"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/enforce"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// onCluster is what a session on a cluster has besides the plan.
type onCluster struct {
	cluster.Connection
	targets finder
	launch  launch.Config
	// policies is what the policies are about; nil without policies.
	policies *scope.Scope
	// enforced are the targets of a command that enforces; else nil.
	enforced *enforce.Targets
}

// finder finds the pods to trace.
type finder interface {
	session.Targets
	Resolve(ctx context.Context) (target.Found, error)
}

// connect makes what a session on a cluster needs, without asking the cluster anything but what it does not know of a type.
func (p *Plan) connect(v *outputs) (onCluster, error) {
	o := p.options
	c, err := o.Cluster.Connect()
	if err != nil {
		return onCluster{}, err
	}
	found, err := target.New(c.Client, o.Cluster.Config, target.Request{
		Namespace: c.Namespace, AllNamespaces: o.targets.allNamespaces,
		Args: p.work.Targets, Pods: o.targets.pods, Nodes: o.targets.nodes,
		Selector: o.targets.selector, FieldSelector: o.targets.fieldSelector,
	})
	if err != nil {
		return onCluster{}, err
	}
	on := onCluster{Connection: c, targets: found}
	if on.launch, err = p.launchConfig(); err != nil {
		return onCluster{}, err
	}
	if !o.targets.allNamespaces {
		on.launch.TargetNamespaces = []string{c.Namespace}
	}
	if !p.policies.Empty() {
		on.policies, err = scope.New(scope.Options{
			Policies: p.policies.Policies, Sources: p.policies.Sources, Namespace: c.Namespace,
			Containers: o.targets.containers, Enforcing: p.arms(), NodeLabels: nodeLabels(c.Client),
		})
		if err != nil {
			return onCluster{}, err
		}
		on.targets = on.policies.Targets(found)
		if err := launch.CheckSize(wire.TracerConfig{Policies: p.policies.Sources}); err != nil {
			return onCluster{}, err
		}
	}
	if v != nil && v.result.OnPodChange != nil {
		on.targets = observedFinder{on.targets, v.result.OnPodChange}
	}
	if v != nil && v.recording != nil {
		on.targets = observedFinder{on.targets, v.recording.pods.Update}
	}
	if p.work.Enforce != nil {
		on.enforced = enforce.NewTargets(on.targets, on.policies, p.work.Enforce, o.tracer.namespace)
		on.targets = on.enforced
	}
	return on, on.launch.Validate()
}

// launchConfig is what all tracer pods of the session have in common.
func (p *Plan) launchConfig() (launch.Config, error) {
	o := p.options
	tracers, err := carry.Load()
	if err != nil {
		return launch.Config{}, err
	}
	return launch.Config{
		Delivery: launch.Delivery{
			Way: launch.Way(o.tracer.way), ImageNamed: o.given["image"], Tracers: tracers,
			BaseImage: o.tracer.baseImage, MostNodes: o.tracer.carriedNodes,
		},
		Namespace: o.tracer.namespace, Image: o.tracer.image,
		PullPolicy: corev1.PullPolicy(o.tracer.pullPolicy), PullSecrets: o.tracer.pullSecrets,
		Session: p.session, Version: o.Build.Release(), Deadline: p.deadline(),
		// Whoever only looks on does not want to lose the tracers when a connection breaks; that the plugin is gone they notice
		// by its silence.
		Reattach: !p.arms(), Armed: p.arms(),
		About: p.told, Expires: p.expires(),
		Hooks: p.policies.Hooks(),
	}, nil
}

func nodeLabels(client kubernetes.Interface) scope.NodeLabels {
	return func(ctx context.Context, name string) (map[string]string, error) {
		node, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{ResourceVersion: "0"}) // from the API server's cache
		if err != nil {
			return nil, err
		}
		return node.Labels, nil
	}
}

// runCluster traces pods.
func (p *Plan) runCluster(ctx context.Context) error {
	v, err := p.outputs()
	if err != nil {
		return err
	}
	on, err := p.connect(&v)
	if err != nil {
		return err
	}
	p.options.Cluster.OnWarning(func(text string) {
		if !launch.WarnsOfName(text) {
			v.status.Say(event.LevelWarning, "the API server warns: "+text)
		}
	})
	cluster.LogTo(v.screen.Err())
	stop := session.NewStop(ctx)
	restore := session.HandleSignals(stop, func(count int, _ os.Signal) bool {
		if count == 2 {
			v.status.Say(event.LevelInfo, "ending at once; once more leaves the tracer pods behind, which end by themselves")
		}
		return true
	})
	defer restore()

	supervisor := session.NewSupervisor(stop)
	c := p.sessionConfig(stop.ShuttingDown(), v, on.Client, on.policies)
	on.launch.Delivery.Targets = c.Index.Images
	on.launch.About.User = access.User(stop.ShuttingDown(), on.Client)
	on.launch.About.Namespaces = c.Index.Namespaces
	launcher := launch.New(on.Client, on.REST, on.launch, launch.WithGuard(supervisor.Guard),
		launch.WithNotice(func(text string) { v.status.Say(event.LevelInfo, text) }))
	p.detach(&c)
	c.Supervisor, c.Launcher, c.Targets, c.Named = supervisor, podLauncher{launcher}, on.targets, p.namesPods()
	if err := p.prepare(stop.ShuttingDown(), &c, on.targets, v); err != nil {
		v.status.Close()
		defer v.flush()
		if stop.Reason() != nil { // interrupted before anything was there
			return nil
		}
		return access.Explain(err)
	}
	if err := p.recordCluster(&c, v, stop, on.Connection); err != nil {
		return err
	}
	p.approve(&c, on, v)
	go supervisor.Guard(func() { reap(stop.ShuttingDown(), launcher, v) })
	p.watchOutput(stop)
	result, err := session.Run(stop, c)
	return p.finish(v, result, err)
}

// recordCluster is record with who records, and what cluster.
func (p *Plan) recordCluster(c *session.Config, v outputs, stop *session.Stop, connection cluster.Connection) error {
	if v.recording == nil {
		return nil
	}
	err := p.record(c, v, stop, clusterFacts(stop.ShuttingDown(), connection, p.options.Cluster.Config))
	if err != nil {
		v.status.Close()
		v.flush()
	}
	return err
}

// approve makes a session one that asks before it enforces, and says which pods it leaves out.
func (p *Plan) approve(c *session.Config, on onCluster, v outputs) {
	if on.enforced == nil {
		return
	}
	if without := on.enforced.LeftOut(); without != "" {
		v.status.Say(event.LevelWarning, "pods "+without)
	}
	if p.arms() {
		c.Approve = p.approval(v).OnPods(p.policies.Policies, on.policies, c.Pods).Approve
	}
}

// approval asks on the session's terminal.
func (p *Plan) approval(v outputs) *enforce.Approval {
	return &enforce.Approval{
		Options: p.work.Enforce, Duration: p.options.session.duration, Detached: p.options.session.detach, Say: v.status.Say, In: p.options.In,
		Prompt: func(text string) { _, _ = io.WriteString(v.screen.Err(), text) },
	}
}

// wholeSession stands where a node's name would be for what all nodes wait for.
const wholeSession = "all nodes"

// prepare finds the pods and asks whether tracers can be started on their nodes.
func (p *Plan) prepare(ctx context.Context, c *session.Config, targets finder, v outputs) error {
	found, err := targets.Resolve(ctx)
	if err != nil {
		return err
	}
	if err := checkContainers(p.options.targets.containers, slices.Concat(found.Pods, found.Waiting)); err != nil {
		return err
	}
	c.Pods = found.Pods
	for _, pod := range found.Waiting {
		text := fmt.Sprintf("pod %s/%s is %s: it is traced when it runs", pod.Namespace, pod.Name, strings.ToLower(string(pod.Status.Phase)))
		c.Status.Say(event.LevelInfo, text)
	}
	if len(found.Pods)+len(found.Waiting) == 0 {
		c.Status.Say(event.LevelInfo, "no target runs now: waiting for pods of "+targets.String())
	}
	for _, pod := range found.Pods {
		c.Index.Update(pod)
	}
	nodes := nodesOf(found.Pods)
	if err := p.allowNodes(ctx, len(nodes), v); err != nil {
		return err
	}
	c.Refused, err = c.Launcher.Preflight(ctx, nodes, func(node, waitingFor string) {
		c.Status.Waiting(cmp.Or(node, wholeSession), waitingFor)
	})
	c.Status.Prepared(wholeSession)
	return err
}

// allowNodes asks before tracers are put on more nodes than --max-nodes; without a terminal it refuses.
func (p *Plan) allowNodes(ctx context.Context, nodes int, v outputs) error {
	o := p.options
	if nodes <= o.tracer.maxNodes {
		return nil
	}
	refused := fmt.Errorf("the targets are on %d nodes: name fewer, narrow them with --node or -l, or allow as many with --max-nodes=%d", nodes, nodes)
	if !printers.IsTerminal(o.In) || !printers.IsTerminal(o.ErrOut) {
		return refused
	}
	agreed, err := terminal.Ask(ctx, o.In, func(text string) { _, _ = io.WriteString(v.screen.Err(), text) },
		fmt.Sprintf("The targets are on %d nodes. Start a tracer on each?", nodes))
	if err == nil && !agreed {
		return refused
	}
	return err
}

// checkContainers wants each name to be that of a container of one of the pods.
func checkContainers(names []string, pods []*corev1.Pod) error {
	there := map[string]bool{}
	for _, pod := range pods {
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			there[c.Name] = true
		}
		for _, c := range pod.Spec.EphemeralContainers {
			there[c.Name] = true
		}
	}
	for _, name := range names {
		if !there[name] {
			return fmt.Errorf("no target has a container %q, they have: %s", name, strings.Join(slices.Sorted(maps.Keys(there)), ", "))
		}
	}
	return nil
}

// namesPods says whether all targets are single pods.
func (p *Plan) namesPods() bool {
	named := len(p.options.targets.pods) > 0
	for _, arg := range p.work.Targets {
		kind, _, typed := strings.Cut(arg, "/")
		if typed && !slices.Contains([]string{"po", "pod", "pods"}, strings.ToLower(kind)) {
			return false
		}
		named = true
	}
	return named
}

// reap removes what dead sessions left; a session does not wait for it. A user who may not do it is not told each time.
func reap(ctx context.Context, launcher *launch.Launcher, v outputs) {
	if deleted, err := launcher.Reap(ctx); err == nil && len(deleted) > 0 {
		v.status.Say(event.LevelInfo, "removed what earlier sessions left: "+strings.Join(deleted, ", "))
	}
}
