// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

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

// Preflight finds out, without starting anything, whether tracers can run: permissions, namespace (made when it is not
// there), Pod Security, quota and webhooks by a dry run, and the state of each node. All of it is asked at the same time,
// so that the good case takes one round trip.
//
// The error is about all nodes and names everything that is wrong, with its remedy; a namespace that was made is removed again.
// Refused are nodes on which no tracer can run; the others may be started. It may be called again for nodes that come later.
func (l *Launcher) Preflight(ctx context.Context, nodes []string, progress Progress) (refused []*NodeError, err error) {
	if err := l.config.Validate(); err != nil {
		return nil, err
	}
	var (
		wg             sync.WaitGroup
		problems       = make([]*NodeError, len(nodes))
		denied, dryRun error
	)
	spawn := func(f func()) { wg.Go(func() { l.guard(f) }) }
	spawn(func() { denied = access.Check(ctx, l.client(), Needs(l.config.Namespace)) })
	spawn(func() { dryRun = l.dryRun(ctx, nodes, progress) })
	for i, node := range nodes {
		spawn(func() { problems[i] = l.checkNode(ctx, node) })
	}
	wg.Wait()
	for _, p := range problems {
		if p != nil {
			refused = append(refused, p)
		}
	}
	if err = l.preflightError(denied, dryRun); err != nil {
		err = errors.Join(err, l.undoNamespace(ctx))
	}
	return refused, err
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
	pod := TracerPod(l.config, wire.TracerConfig{Node: slices.Concat(nodes, []string{"any"})[0]})
	err := l.retryCreate(ctx, dryRunPatience, progress, func(ctx context.Context) error {
		_, err := l.client().CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil && passing(err) && progress != nil {
			progress("", "the API server: "+err.Error())
		}
		return err
	})
	switch {
	case err == nil, strings.Contains(err.Error(), "does not support dry run"):
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case rbacRefusal(err):
		return err
	}
	return sessionRefusal(l.config, err)
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
