// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/session"
)

// askTime is how long an answer may take: until then the tracers wait on their nodes.
const askTime = 5 * time.Minute

var (
	errDeclined = errors.New("the answer was not yes")
	errNoAnswer = fmt.Errorf("no answer within %s", askTime)
)

// approval shows what would be done, and asks.
type approval struct {
	o       *traceOptions
	v       view
	preview preview
	// first: the nodes of the beginning have not been asked about yet.
	first bool
}

func (o *traceOptions) approval(v view, s *scope.Scope, pods []*corev1.Pod) *approval {
	return &approval{o: o, v: v, first: true, preview: preview{policies: o.policies.policies, targets: podTargets(pods), scope: s, pods: pods}}
}

// approve makes a session on a cluster one that asks before it enforces, and says which pods it leaves out.
func (o *traceOptions) approve(c *session.Config, p plan, v view) {
	if o.arming == nil {
		return
	}
	if without := p.armable.without(); without != "" {
		v.status.Say(event.LevelWarning, "pods "+without)
	}
	if o.arming.arms() {
		c.Approve = o.approval(v, p.scope, c.Pods).approve
	}
}

// approve is a session.Approve. Who has agreed to the beginning has agreed to nodes that come later, as far as the same can be
// done there.
func (a *approval) approve(ctx context.Context, hellos map[string]*event.Hello) (map[string]error, error) {
	a.preview.nodes = map[string][]event.Hook{}
	for node, hello := range hellos {
		a.preview.nodes[node] = hello.Hooks
	}
	refused := a.preview.refused(a.remedy())
	if !a.first {
		if len(refused) < len(hellos) {
			a.show(refused)
		}
		return refused, nil
	}
	a.first = false
	if len(refused) == len(hellos) {
		var errs []error
		for _, node := range slices.Sorted(maps.Keys(refused)) {
			errs = append(errs, fmt.Errorf("node %s: %w", node, refused[node]))
		}
		return nil, errors.Join(errs...)
	}
	a.show(refused)
	armed, nodes := 0, 0
	for node := range hellos {
		if refused[node] == nil {
			nodes++
			armed += len(a.preview.targets[node])
		}
	}
	return refused, a.ask(ctx, fmt.Sprintf("Enforce on %s of %s", counted(armed, "pod"), counted(nodes, "node")))
}

// remedy is what to do about a node that cannot deny.
func (a *approval) remedy() string {
	if a.o.arming.writes() && !a.o.arming.kill {
		return "--kill kills instead, and denies where that is possible"
	}
	return "an action Sigkill would kill, and deny where that is possible"
}

// show says what would be done, where, and why not elsewhere.
func (a *approval) show(refused map[string]error) {
	text := a.preview.text(refused, a.o.session.duration)
	for _, node := range slices.Sorted(maps.Keys(refused)) {
		text += fmt.Sprintf("  NOT on %s: %s\n", node, refused[node])
	}
	a.v.status.Say(event.LevelWarning, text)
}

// ask returns nil if the user agrees, or has by --yes.
func (a *approval) ask(ctx context.Context, question string) error {
	if a.o.arming.yes {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, askTime, errNoAnswer)
	defer cancel()
	fmt.Fprintf(a.v.screen.Err(), "%s until this command ends, for %s at most? [y/N] ", question, lasting(a.o.session.duration))
	answer := make(chan string, 1)
	go func() { answer <- readLine(a.o.In) }()
	select {
	case text := <-answer:
		if text = strings.ToLower(strings.TrimSpace(text)); text != "y" && text != "yes" {
			return errDeclined
		}
		return nil
	case <-ctx.Done():
		fmt.Fprintln(a.v.screen.Err())
		return context.Cause(ctx)
	}
}

// readLine reads a line and nothing behind it, which may be for a command that is run later.
func readLine(in io.Reader) string {
	var line []byte
	one := make([]byte, 1)
	for {
		n, err := in.Read(one)
		if n > 0 && one[0] == '\n' || err != nil {
			return string(line)
		}
		line = append(line, one[:n]...)
	}
}

// withoutHooks is a status of a session of which what there is to say of hooks was said before it began.
type withoutHooks struct{ session.Status }

func (withoutHooks) Hooks(map[string]*event.Hello) {}

// approveLocal asks before anything is enforced on this machine.
func (o *traceOptions) approveLocal(ctx context.Context, v view, tracer machineTracer, host string) error {
	served, err := tracer.Explain(ctx, o.policies.sources, true)
	if err != nil {
		return err
	}
	a := o.approval(v, nil, nil)
	a.preview.targets[host] = []string{o.localSubject()}
	a.preview.nodes = map[string][]event.Hook{host: servedHooks(served)}
	refused := a.preview.refused(a.remedy())
	if why := refused[host]; why != nil {
		return why
	}
	a.show(nil)
	if err := a.ask(ctx, "Enforce on "+o.localSubject()); err != nil {
		return fmt.Errorf("%w: %w", session.ErrNotArmed, err)
	}
	return nil
}

// localSubject is what of this machine is traced, in words.
func (o *traceOptions) localSubject() string {
	t := o.localTargets()
	switch {
	case len(o.local.command) > 0:
		return "the command " + strings.Join(o.local.command, " ")
	case t.All:
		return "ALL PROCESSES of this machine"
	}
	var parts []string
	if len(t.Cgroups) > 0 {
		parts = append(parts, "all processes below "+strings.Join(t.Cgroups, ", "))
	}
	for _, pid := range t.Pids {
		parts = append(parts, fmt.Sprintf("process %d and its descendants", pid))
	}
	return strings.Join(parts, "; ")
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
