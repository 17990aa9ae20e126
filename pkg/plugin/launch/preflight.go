// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/access"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Needs are the permissions in the tracer namespace without which no session can run; manifests/rbac.yaml grants them.
func Needs(namespace string) []access.Need {
	needs := []access.Need{
		{Verb: "create", Resource: "pods", For: "to start tracers"},
		{Verb: "get", Resource: "pods", For: "to see whether a tracer ended"},
		{Verb: "list", Resource: "pods", For: "to see tracers start, and to clean up"},
		{Verb: "watch", Resource: "pods", For: "to see tracers start"},
		{Verb: "delete", Resource: "pods", For: "to clean up"},
		{Verb: "get", Resource: "pods", Subresource: "log", For: "to read the events"},
		{Verb: "create", Resource: "pods", Subresource: "attach", For: "to stop tracers and tell them of new pods"},
	}
	for i := range needs {
		needs[i].Namespace = namespace
	}
	return needs
}

// CarriedNeeds are the permissions that carried tracers need besides.
func CarriedNeeds(namespace string) []access.Need {
	return []access.Need{{Verb: "get", Resource: "configmaps", Namespace: namespace, For: "to bring the tracer to nodes; --tracer=image needs an image instead"}}
}

// Preflight finds out, without starting anything, whether tracers can run: the state of each node, and by it how the node gets its
// tracer; then permissions, namespace (made when it is not there), Pod Security, quota and webhooks by a dry run. What can be asked
// at the same time is, so that the good case takes two round trips; and two more if tracers are carried, for the starter.
//
// The error is about all nodes and names everything that is wrong, with its remedy; a namespace that was made is removed again.
// Refused are nodes on which no tracer can run; the others may be started. It may be called again for nodes that come later.
func (l *Launcher) Preflight(ctx context.Context, nodes []string, progress Progress) (refused []*NodeError, err error) {
	if err := l.config.Validate(); err != nil {
		return nil, err
	}
	refused, carried, size := l.checkNodes(ctx, nodes)
	if err := l.allowCarrying(carried, size); err != nil {
		return refused, err
	}
	var (
		wg             sync.WaitGroup
		denied, dryRun error
	)
	needs := Needs(l.config.Namespace)
	if carried > 0 {
		needs = append(needs, CarriedNeeds(l.config.Namespace)...)
	}
	wg.Go(func() { l.guard(func() { denied = access.Check(ctx, l.client(), needs) }) })
	wg.Go(func() { l.guard(func() { dryRun = l.dryRun(ctx, nodes, progress) }) })
	wg.Wait()
	err = l.preflightError(denied, dryRun)
	if err == nil && carried > 0 {
		err = l.ensureStarter(ctx)
	}
	if err != nil {
		err = errors.Join(err, l.undoNamespace(ctx))
	}
	return refused, err
}

// Look finds out what decides how nodes get their tracers: which can't be traced, and whether a tracer is carried to any.
func (l *Launcher) Look(ctx context.Context, nodes []string) (refused []*NodeError, carried bool) {
	refused, count, _ := l.checkNodes(ctx, nodes)
	return refused, count > 0
}

// checkNodes says which nodes can't be traced, to how many of the others a tracer is carried, and how many bytes that takes.
func (l *Launcher) checkNodes(ctx context.Context, nodes []string) (refused []*NodeError, carried, size int) {
	problems := make([]*NodeError, len(nodes))
	var wg sync.WaitGroup
	for i, node := range nodes {
		wg.Go(func() { l.guard(func() { problems[i] = l.checkNode(ctx, node) }) })
	}
	wg.Go(func() { l.guard(func() { l.findAdmission(ctx) }) })
	wg.Wait()
	for i, node := range nodes {
		if problems[i] == nil {
			var program Program
			program, problems[i] = l.program(node)
			if program.carried != nil {
				carried++
				size += len(program.carried.Payload)
			}
		}
		if problems[i] != nil {
			refused = append(refused, problems[i])
		}
	}
	return refused, carried, size
}

// allowCarrying says what is sent to so many nodes, or refuses.
func (l *Launcher) allowCarrying(nodes, size int) error {
	if nodes == 0 {
		return nil
	}
	most := l.config.Delivery.MostNodes
	if most > 0 && nodes > most {
		return fmt.Errorf("the tracer would be sent to %d nodes, %s in all: publish it as an image (make image) and name that with --image, "+
			"or allow as many with --carried-nodes=%d", nodes, megabytes(size), nodes)
	}
	l.notice(fmt.Sprintf("the tracer is sent to %d %s: %s", nodes, plural(nodes, "node", "nodes"), megabytes(size)))
	return nil
}

// undoNamespace removes the namespace that this session made, while it has started nothing in it.
func (l *Launcher) undoNamespace(ctx context.Context) error {
	l.mu.Lock()
	started := l.startedAny
	l.mu.Unlock()
	if started || !l.janitor.hasMade() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	_, err := l.janitor.removeNamespace(ctx, ownSession)
	return err
}

// preflightError makes one error of two that may say the same.
func (l *Launcher) preflightError(denied, dryRun error) error {
	if errors.Is(dryRun, context.Canceled) || errors.Is(dryRun, context.DeadlineExceeded) {
		return dryRun
	}
	var missing *access.Denied
	if !errors.As(denied, &missing) { // reviews that failed say less than the dry run
		return dryRun
	}
	if dryRun == nil || mayNotCreate(missing) && rbacRefusal(dryRun) {
		return missing
	}
	return errors.Join(missing, dryRun)
}

func mayNotCreate(d *access.Denied) bool {
	for _, n := range d.Missing {
		if n.Verb == "create" && n.Resources() == "pods" {
			return true
		}
	}
	return false
}

// rbacRefusal tells the authorizer's refusal from that of admission, which is 403 too.
func rbacRefusal(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), " cannot create resource ")
}

// dryRun has the API server judge a tracer pod, in a namespace that it makes first when needed.
func (l *Launcher) dryRun(ctx context.Context, nodes []string, progress Progress) error {
	ctx, cancel := context.WithTimeoutCause(ctx, dryRunTimeout, errDryRunTimeout)
	defer cancel()
	node := slices.Concat(nodes, []string{"any"})[0]
	program, problem := l.program(node)
	if problem != nil { // judged is what all pods have in common
		program = Program{image: cmp.Or(l.config.Image, "none"), policy: corev1.PullNever, guarded: l.guardedBy()}
	}
	pod := tracerPod(l.config, program, wire.TracerConfig{Node: node, Enforce: l.config.Armed})
	var judged *corev1.Pod
	err := l.retryCreate(ctx, dryRunPatience, progress, func(ctx context.Context) (err error) {
		judged, err = l.client().CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil && passing(err) && progress != nil {
			progress("", "the API server: "+err.Error())
		}
		return err
	})
	switch {
	case err == nil:
		l.sayPulled(program, judged)
		return nil
	case strings.Contains(err.Error(), "does not support dry run"):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case rbacRefusal(err):
		return err
	}
	return sessionRefusal(l.config, err)
}

// sayPulled tells of an admission controller that has images pulled anew: then nodes ask their registries for the base image.
func (l *Launcher) sayPulled(p Program, judged *corev1.Pod) {
	if p.carried != nil && judged.Spec.Containers[0].ImagePullPolicy == corev1.PullAlways {
		l.notice("the cluster has images pulled for every pod (AlwaysPullImages): nodes ask the registry of " + p.image +
			"; if they cannot, name another with --base-image")
	}
}

const (
	// dryRunTimeout bounds the dry run with all that it waits for: the end of an old namespace above all.
	dryRunTimeout = terminationPatience + accountPatience + 10*time.Second
	// dryRunPatience is how long an API server may be busy or away.
	dryRunPatience = 10 * time.Second
	undoTimeout    = 5 * time.Second
)

var errDryRunTimeout = fmt.Errorf("the API server did not judge a tracer pod within %s", dryRunTimeout)

// sessionRefusal is refusal for the session as a whole; a cluster that does not answer is no refusal.
func sessionRefusal(c Config, err error) error {
	if explained := access.Explain(err); !errors.Is(explained, err) {
		return explained
	}
	return refusal(c, "", err)
}
