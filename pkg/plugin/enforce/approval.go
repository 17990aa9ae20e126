// SPDX-License-Identifier: Apache-2.0

// Package enforce is what commands that enforce have besides those that observe: whom they may act on, what each node would
// do, and the question before anything is armed.
package enforce

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
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/explain"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/scope"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/terminal"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/plugin/wording"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
)

// AskTime is how long an answer may take: until then the tracers wait on their nodes.
const AskTime = 5 * time.Minute

var (
	errDeclined = errors.New("the answer was not yes")
	errNoAnswer = fmt.Errorf("no answer within %s", AskTime)
)

// Approval shows what would be done, and asks. Nodes are approved by Approve, never two calls at the same time.
type Approval struct {
	Options *Options
	// Duration is how long is enforced at most.
	Duration time.Duration
	// Detached: what is armed stays so for Duration when the command ends.
	Detached bool
	// Say writes to standard error, Prompt what ends without a line feed.
	Say    func(event.Level, string)
	Prompt func(string)
	// In is where the answer comes from.
	In io.Reader

	preview preview
	// asked: the nodes of the beginning were asked about.
	asked bool
}

// OnPods is the approval of enforcing policies on pods; s says which pods each policy acts on.
func (a *Approval) OnPods(policies []*policy.Policy, s *scope.Scope, pods []*corev1.Pod) *Approval {
	a.preview = preview{policies: policies, targets: podTargets(pods), scope: s, pods: pods, beyond: a.Options.beyond()}
	return a
}

// OnMachine is the approval of enforcing policies on this machine, where served says how each hook would be served. It is nil
// if the user agrees.
func (a *Approval) OnMachine(ctx context.Context, policies []*policy.Policy, host, subject string, served []explain.Served) error {
	a.preview = preview{
		policies: policies, targets: map[string][]string{host: {subject}}, nodes: map[string][]event.Hook{host: servedHooks(served)},
		beyond: a.Options.beyond(),
	}
	if why := a.refused()[host]; why != nil {
		return why
	}
	a.show(nil)
	if err := a.ask(ctx, "Enforce on "+subject); err != nil {
		return fmt.Errorf("nothing was armed: %w", err)
	}
	return nil
}

// Approve decides which of the nodes are armed, by what their tracers said of their hooks: session.Approve. Who has agreed to the beginning has agreed to nodes that come later, as far as the same can be
// done there.
func (a *Approval) Approve(ctx context.Context, hellos map[string]*event.Hello) (map[string]error, error) {
	a.preview.nodes = map[string][]event.Hook{}
	for node, hello := range hellos {
		a.preview.nodes[node] = hello.Hooks
	}
	refused := a.refused()
	if a.asked {
		if len(refused) < len(hellos) {
			a.show(refused)
		}
		return refused, nil
	}
	a.asked = true
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
	return refused, a.ask(ctx, fmt.Sprintf("Enforce on %s of %s", wording.Counted(armed, "pod"), wording.Counted(nodes, "node")))
}

// refused are the nodes that nothing is armed on, and why.
func (a *Approval) refused() map[string]error {
	refused := a.preview.refused(a.remedy())
	if a.Options.Strict {
		a.preview.strictly(refused)
	}
	return refused
}

// remedy is what to do about a node that cannot deny.
func (a *Approval) remedy() string {
	if a.Options.Writes() && !a.Options.Kill {
		return "--kill kills instead, and denies where that is possible"
	}
	return "an action Sigkill would kill, and deny where that is possible"
}

// show says what would be done, where, and why not elsewhere.
func (a *Approval) show(refused map[string]error) {
	var text strings.Builder
	text.WriteString(a.preview.text(refused, a.Duration))
	for _, node := range slices.Sorted(maps.Keys(refused)) {
		fmt.Fprintf(&text, "  NOT on %s: %s\n", node, refused[node])
	}
	a.Say(event.LevelWarning, text.String())
}

// ask returns nil if the user agrees, or has by --yes.
func (a *Approval) ask(ctx context.Context, question string) error {
	if a.Options.Yes {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, AskTime, errNoAnswer)
	defer cancel()
	until := fmt.Sprintf("until this command ends, for %s at most", Lasting(a.Duration))
	if a.Detached {
		until = fmt.Sprintf("for %s, without this command", Lasting(a.Duration))
	}
	agreed, err := terminal.Ask(ctx, a.In, a.Prompt, fmt.Sprintf("%s %s?", question, until))
	if err == nil && !agreed {
		return errDeclined
	}
	return err
}
