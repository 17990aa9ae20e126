// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/launch"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/pipeline"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/target"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// plan is a session on a cluster as far as it can be made without asking the cluster anything.
type plan struct {
	connection
	targets finder
	launch  launch.Config
	// scope is what the policies are about; nil without policies.
	scope *scope.Scope
	// armable are the targets of a command that enforces; else nil.
	armable *armable
}

// finder finds the pods to trace.
type finder interface {
	session.Targets
	Resolve(ctx context.Context) (target.Found, error)
}

func (o *traceOptions) plan() (plan, error) {
	c, err := o.cluster.connect()
	if err != nil {
		return plan{}, err
	}
	found, err := target.New(c.client, o.cluster.config, target.Request{
		Namespace: c.namespace, AllNamespaces: o.targets.allNamespaces,
		Args: o.targets.args, Pods: o.targets.pods, Nodes: o.targets.nodes,
		Selector: o.targets.selector, FieldSelector: o.targets.fieldSelector,
	})
	if err != nil {
		return plan{}, err
	}
	p := plan{connection: c, targets: found, launch: launch.Config{
		Namespace: o.tracer.namespace, Image: o.tracer.image,
		PullPolicy: corev1.PullPolicy(o.tracer.pullPolicy), PullSecrets: o.tracer.pullSecrets,
		Session: launch.NewSession(), Version: o.build.version(),
		// Whoever only looks on does not want to lose the tracers when a connection breaks; that the plugin is gone they notice
		// by its silence.
		Reattach: !o.arming.arms(), Armed: o.arming.arms(),
	}}
	if o.session.duration > 0 { // it counts from when all tracers have started, and the first has to last as well
		p.launch.Deadline = o.session.duration + launch.DefaultStartupTimeout
		if o.arming.arms() { // and it counts from an answer
			p.launch.Deadline += askTime
		}
	}
	if !o.policies.empty() {
		p.scope, err = scope.New(scope.Options{
			Policies: o.policies.policies, Sources: o.policies.sources, Namespace: c.namespace,
			Containers: o.targets.containers, Enforcing: o.arming.arms(), NodeLabels: nodeLabels(c.client),
		})
		if err != nil {
			return plan{}, err
		}
		p.targets, p.launch.Hooks = p.scope.Targets(found), o.policies.hooks()
		if err := p.launch.CheckSize(wire.Orders{Policies: o.policies.sources}); err != nil {
			return plan{}, err
		}
	}
	if o.seesPods != nil {
		p.targets = toldOf{p.targets, o.seesPods}
	}
	if o.arming != nil {
		p.armable = newArmable(p.targets, p.scope, o.arming, o.tracer.namespace)
		p.targets = p.armable
	}
	return p, p.launch.Validate()
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

// keep is what both predicates keep; nil keeps everything.
func keep(a func(*pipeline.Item) bool, b func(*event.Event) bool) func(*pipeline.Item) bool {
	if b == nil {
		return a
	}
	return func(it *pipeline.Item) bool { return (a == nil || a(it)) && b(it.Event) }
}

// runCluster traces pods.
func (o *traceOptions) runCluster(ctx context.Context) error {
	v, err := o.view()
	if err != nil {
		return err
	}
	p, err := o.plan()
	if err != nil {
		return err
	}
	stop := session.NewStop(ctx)
	restore := session.HandleSignals(stop, func(count int, _ os.Signal) bool {
		if count == 2 {
			v.status.Say(event.LevelInfo, "ending at once; once more leaves the tracer pods behind, which end by themselves")
		}
		return true
	})
	defer restore()

	launcher := launch.New(p.client, p.rest, p.launch)
	c := o.config(v)
	c.Launcher, c.Targets, c.Orders.Session = podLauncher{launcher, p.scope}, p.targets, p.launch.Session
	c.Orders.WithoutRuntime = true
	c.Named = o.namesPods()
	if p.scope != nil {
		c.Keep, c.Target = keep(c.Keep, p.scope.Keep), p.scope.Pod
	}
	if err := prepare(stop.Asked(), &c, p.targets, o.targets.containers); err != nil {
		v.status.Close()
		if stop.Reason() != nil { // interrupted before anything was there
			return nil
		}
		return access.Explain(err)
	}
	if o.completing != nil {
		c.Complete = o.completing(stop.Asked(), p.client, v.status.Say)
	}
	o.approve(&c, p, v)
	go reap(stop.Asked(), launcher, v)
	o.watchOutput(stop)
	result, err := session.Run(stop, c)
	return o.finish(v, result, err)
}

// wholeSession stands where a node's name would be for what all nodes wait for.
const wholeSession = "all nodes"

// prepare finds the pods and asks whether tracers can be started on their nodes.
func prepare(ctx context.Context, c *session.Config, targets finder, containers []string) error {
	found, err := targets.Resolve(ctx)
	if err != nil {
		return err
	}
	if err := checkContainers(containers, slices.Concat(found.Pods, found.Waiting)); err != nil {
		return err
	}
	c.Pods = found.Pods
	for _, pod := range found.Waiting {
		text := fmt.Sprintf("pod %s/%s is %s: it is traced when it runs", pod.Namespace, pod.Name, strings.ToLower(string(pod.Status.Phase)))
		c.Status.Say(event.LevelInfo, text)
	}
	var nodes []string
	for _, pod := range found.Pods {
		nodes = append(nodes, pod.Spec.NodeName)
	}
	slices.Sort(nodes)
	c.Refused, err = c.Launcher.Preflight(ctx, slices.Compact(nodes), func(node, waitingFor string) {
		c.Status.Waiting(cmp.Or(node, wholeSession), waitingFor)
	})
	c.Status.Ready(wholeSession)
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
func (o *traceOptions) namesPods() bool {
	named := len(o.targets.pods) > 0
	for _, arg := range o.targets.args {
		kind, _, typed := strings.Cut(arg, "/")
		if typed && !slices.Contains([]string{"po", "pod", "pods"}, strings.ToLower(kind)) {
			return false
		}
		named = true
	}
	return named
}

// reap removes what dead sessions left; a session does not wait for it. A user who may not do it is not told each time.
func reap(ctx context.Context, launcher *launch.Launcher, v view) {
	if deleted, err := launcher.Reap(ctx, false); err == nil && len(deleted) > 0 {
		v.status.Say(event.LevelInfo, "removed what earlier sessions left: "+strings.Join(deleted, ", "))
	}
}
