// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/bpf"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/policy"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/hook"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/kernel"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/layout"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/plan"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/symbol"
	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/tracer/tracefs"
)

// phases of a round: what a turn of the loop is measured with.
const (
	without = iota
	withEmpty
	outside
	filtered
	posted
	phases
)

// bench measures hooks without the rest of the tracer.
type bench struct {
	workload *workload
	types    *layout.Kernel
	probes   *hook.Probes
	options
	// programs of the scope that is measured.
	programs *kernel.Programs
}

// scopeKind is a way to tell what is in the scope.
type scopeKind struct {
	name  string
	scope kernel.Scope
	// include makes the workload a target, or no target any more.
	include func(p *kernel.Programs, w *workload, c *cgroups, yes bool) error
}

var scopeKinds = []scopeKind{
	{"cgroups", kernel.Scope{Cgroups: true, Hierarchy: kernel.Unified}, func(p *kernel.Programs, _ *workload, c *cgroups, yes bool) error {
		if yes {
			return p.AddCgroupAtAnyLevel(c.own)
		}
		return p.RemoveCgroup(c.own)
	}},
	{"processes", kernel.Scope{Processes: true, Hierarchy: kernel.Unified}, func(p *kernel.Programs, w *workload, _ *cgroups, yes bool) error {
		if yes {
			return p.AddProcess(w.pid())
		}
		return p.RemoveProcess(w.pid())
	}},
}

// discard takes records and forgets them.
type discard struct{}

func (discard) Await(time.Duration) bool    { return true }
func (discard) Exec(*kernel.Image)          {}
func (discard) Fork(*bpf.ProcessForkRecord) {}
func (discard) Exit(*bpf.ProcessExitRecord) {}
func (discard) Cgroup(*kernel.Cgroup)       {}
func (discard) CgroupGone(uint64)           {}
func (discard) Moved(*kernel.Cgroup)        {}
func (discard) Hook([]byte) error           { return nil }
func (discard) ignore(error)                {}
func (discard) idle()                       {}

// backends measures every place in every kind of scope.
func backends(w *workload, o options) error {
	b := &bench{workload: w, types: layout.NewKernel(), probes: hook.NewProbes(), options: o}
	c, err := newCgroups(w.pid())
	if err != nil {
		return err
	}
	t := newTable("backend", "loop", "scope", "nothing", "empty", "outside", "filtered", "posted", "", "outside:empty", "filtered:empty", "", "added by outside:empty", "by filtered", "by posted")
	for _, kind := range scopeKinds {
		if err := b.inScope(kind, c, t); err != nil {
			return errors.Join(err, c.close(w))
		}
	}
	fmt.Printf("what hooks cost, fastest of %d rounds; as multiples of the loop without programs, and of each other\n", o.rounds)
	t.print()
	return c.close(w)
}

func (b *bench) inScope(kind scopeKind, c *cgroups, t *table) (err error) {
	if b.programs, err = kernel.Load(kind.scope); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- b.programs.Read(ctx, discard{}, discard{}.idle, discard{}.ignore) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-ended, b.programs.Close())
	}()
	if err := b.programs.AddCgroupAtAnyLevel(c.other); err != nil {
		return err
	}
	include := func(yes bool) error { return kind.include(b.programs, b.workload, c, yes) }
	for _, p := range places {
		if b.probes.Unavailable(p.mechanism) != nil || !b.only.MatchString(fmt.Sprint(p.mechanism, " ", p.loop, " ", kind.name)) {
			continue
		}
		times, err := b.place(p, include)
		if err != nil {
			return fmt.Errorf("%s of the loop %s: %w", p.mechanism, p.loop, err)
		}
		t.add(cells(p, kind.name, times)...)
	}
	counts, err := b.programs.Counts()
	if err == nil && counts.RingFull+counts.Busy+counts.Throttled > 0 {
		err = fmt.Errorf("%d records were lost: what is posted was not measured", counts.RingFull+counts.Busy+counts.Throttled)
	}
	return err
}

// cells of one place in the table.
func cells(p place, scope string, times [phases]float64) []string {
	base := times[without]
	line := []string{string(p.mechanism), p.loop, scope, fmt.Sprintf("%.0f ns", base)}
	for _, d := range times[withEmpty:] {
		line = append(line, fmt.Sprintf("× %.2f", d/base))
	}
	empty := times[withEmpty]
	line = append(line, "", fmt.Sprintf("%.2f", times[outside]/empty), fmt.Sprintf("%.2f", times[filtered]/empty), "")
	for _, d := range times[outside:] {
		line = append(line, fmt.Sprintf("%.1f", (d-base)/(empty-base)))
	}
	return line
}

// place measures one; each phase of a round follows the one before, so that all have the same luck with the machine.
func (b *bench) place(p place, include func(bool) error) (best [phases]float64, err error) {
	take := func(phase int, folder string) error {
		took, err := b.workload.measure(loopNamed(p.loop), folder)
		if best[phase] == 0 || took < best[phase] {
			best[phase] = took
		}
		return err
	}
	for range b.rounds {
		if err := take(without, b.workload.outside); err != nil {
			return best, err
		}
		end, err := p.empty()
		if err != nil {
			return best, fmt.Errorf("empty program: %w", err)
		}
		if err := errors.Join(take(withEmpty, b.workload.outside), end()); err != nil {
			return best, err
		}
		set, err := b.load(p)
		if err != nil {
			return best, err
		}
		err = errors.Join(take(outside, b.workload.outside), include(true), take(filtered, b.workload.outside),
			take(posted, b.workload.inside), include(false), set.Close())
		if err != nil {
			return best, err
		}
	}
	return best, nil
}

// load attaches the place's hook by its mechanism and no other.
func (b *bench) load(p place) (*hook.Set, error) {
	registers, err := layout.RegistersOf(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	text := policyOf("bench", fmt.Sprintf(p.policy, b.workload.inside))
	parsed, err := policy.Parse("bench.yaml", strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%w in\n%s", err, text)
	}
	workloads, err := plan.NumberWorkloads(parsed.Policies, false)
	if err != nil {
		return nil, err
	}
	node := &plan.Node{
		Kernel: b.types, Registers: registers, Armed: p.armed, Workloads: workloads, Marks: &plan.Marks{}, Functions: tracefs.Functions, Places: symbol.Places,
		Unavailable: func(m hook.Mechanism) error {
			if m == p.mechanism {
				return nil
			}
			return errors.New("not what is measured")
		},
	}
	set, err := hook.NewSet(b.programs, b.types.Cache(), 0)
	if err != nil {
		return nil, err
	}
	for _, h := range node.Policy(parsed.Policies[0]) {
		if len(h.Ways) == 0 {
			return nil, errors.Join(errors.New(h.Reasons()), set.Close())
		}
		for _, d := range h.Ways[0].Definitions {
			if _, err := set.Load(d); err != nil {
				return nil, errors.Join(err, set.Close())
			}
		}
	}
	return set, nil
}

// policyOf is a policy with what stands below spec.
func policyOf(name, spec string) string {
	return fmt.Sprintf("apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: %s}\nspec:\n%s\n", name, spec)
}
