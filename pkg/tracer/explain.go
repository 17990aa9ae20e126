// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tracer

import (
	"context"
	"errors"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/plan"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/wire"
)

// Explanation is how one hook of a policy would be served on this machine.
type Explanation struct {
	// Policy counts those of the sources in their order, from 0, and Hook those of the policy; Hook is -1 for an enforcer.
	Policy, Hook int
	// Ways in the order in which they are tried; Refused says why one cannot be gone. The first that is not refused would be
	// taken.
	Ways []event.Hook
}

// Explain says for each hook of policies what would become of it in a session, without tracing anything: each way's programs
// are loaded, so that the kernel's verifier has its say, and thrown away. Only enforcers are attached, for a moment in which
// nothing can reach them: there is no other way to know whether a function can be made to fail. It needs what a session needs:
// CAP_BPF and CAP_PERFMON at least.
func Explain(ctx context.Context, sources []wire.PolicySource, enforce bool) (all []Explanation, err error) {
	policies, err := parse(sources)
	if err != nil {
		return nil, err
	}
	workloads, err := plan.NumberWorkloads(policies, false)
	if err != nil {
		return nil, err
	}
	everything := wire.Targets{All: true}
	types := layout.NewKernel()
	tasks, hierarchy, _, err := openTasks(kernel.Scope{All: true, Types: types.Cache()}, everything)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tasks.Close()) }()
	host, err := tasks.HostNamespaces()
	if err != nil {
		return nil, err
	}
	programs, err := kernel.Load(kernel.Scope{All: true, Hierarchy: hierarchy, Types: types.Cache()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, programs.Close()) }()
	node, err := newNode(types, namespaceNumbers(host), hook.NewProbes(), workloads, enforce)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	node.Marks = plan.NewMarks(policies)
	set, err := hook.NewSet(programs, types.Cache(), 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	for i, p := range policies {
		planned := node.Policy(p)
		explained := make([]Explanation, len(planned))
		sideBySide(len(planned), func(n int) {
			if ctx.Err() == nil {
				explained[n] = explain(set, i, planned[n])
			}
		})
		all = append(all, explained...)
		if enforce {
			all = append(all, explainEnforcers(set, node, i, p)...)
		}
	}
	return all, ctx.Err()
}

// namespaceNumbers are the inode numbers of the host's namespaces in the order of policy.Namespace.
func namespaceNumbers(n bpf.ProcessNamespaces) [10]uint32 {
	return [...]uint32{n.Uts, n.Ipc, n.Mnt, n.Pid, n.PidForChildren, n.Net, n.Time, n.TimeForChildren, n.Cgroup, n.User}
}

// explain tries every way of a hook.
func explain(set *hook.Set, policy int, h plan.Hook) Explanation {
	e := Explanation{Policy: policy}
	for i := range h.Policy.Hooks {
		if &h.Policy.Hooks[i] == h.Hook {
			e.Hook = i
		}
	}
	for _, r := range h.Refused {
		e.Ways = append(e.Ways, event.Hook{Policy: h.Policy.Name, Name: h.Name, Backend: r.Backend, Refused: r.Reason.Error()})
	}
	for _, way := range h.Ways {
		would := event.Hook{
			Policy: h.Policy.Name, Name: h.Name, Backend: way.Backend, Tier: string(way.Tier), Via: way.Via,
			Prevents: way.Prevents, Notes: way.Notes, Programs: len(way.Definitions),
		}
		for _, d := range way.Definitions {
			if err := set.Check(d); err != nil {
				would.Refused = err.Error()
				break
			}
		}
		e.Ways = append(e.Ways, would)
	}
	return e
}

func explainEnforcers(set *hook.Set, node *plan.Node, i int, p *policy.Policy) (all []Explanation) {
	scratch := policies{set: set}
	scratch.enforcers(node, p)
	for _, became := range scratch.hooks {
		if became.Refused != "" {
			became.Backend = string(hook.FModifyReturn) // the best of those that were tried
		}
		all = append(all, Explanation{Policy: i, Hook: -1, Ways: []event.Hook{became}})
	}
	return all
}
