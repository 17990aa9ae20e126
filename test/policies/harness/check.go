// SPDX-License-Identifier: Apache-2.0

//go:build linux

package harness

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-trace-sec/kubectl-trace-sec/pkg/event"
)

// classHook is the class of the records of hooks in totals.
const classHook = "hook"

// check is what holds for every run: nothing was lost, the kernel's records are all told, and every step did what it was
// to do.
func (r *Result) check(t testing.TB, o Options, steps []Step) {
	t.Helper()
	for cause, count := range r.Bye.Totals.Lost {
		if cause == event.LostMissed { // runs that the kernel left out, of any process: what is missing of these the tests see
			t.Logf("the kernel left out %d runs of programs", count)
			continue
		}
		t.Errorf("lost %d: %s", count, cause)
	}
	if r.Bye.Reason != event.ByeFinished {
		t.Errorf("the tracer ended: %s %s", r.Bye.Reason, r.Bye.Error)
	}
	// Where returns are awaited, two records make one event; what the tracer does before it executes its command is not told.
	if seen, told := r.Bye.Totals.Seen[classHook], uint64(len(r.Events)); seen < told {
		t.Errorf("%d records of hooks were read, %d events told", seen, told)
	}
	wanted := map[string]int{}
	for _, s := range steps {
		wanted[s.Label]++
	}
	for label, count := range wanted {
		if len(r.Status[label]) != count {
			t.Errorf("%s: %d steps ended, want %d", label, len(r.Status[label]), count)
		}
		for _, status := range r.Status[label] {
			if status != 0 && !slices.Contains(o.Allowed[label], status) {
				t.Errorf("%s: provoke ended with %d", label, status)
			}
		}
	}
}

// Of are the events of a policy that processes with a label provoked.
func (r *Result) Of(policy, label string) (found []*event.Event) {
	for _, e := range r.Events {
		body := Hooked(e)
		if p := e.Process(); body != nil && body.PolicyName == policy && p != nil && labelOf(p) == label {
			found = append(found, e)
		}
	}
	return found
}

// labelOf is the first argument of a process.
func labelOf(p *event.Process) string {
	label, _, _ := strings.Cut(p.Arguments, " ")
	return label
}

// Hook is what became of the first hook of a policy.
func (r *Result) Hook(policy string) (event.Hook, bool) {
	for _, h := range r.Hello.Hooks {
		if h.Policy == policy {
			return h, true
		}
	}
	return event.Hook{}, false
}

// Hooked is what the event of a hook has in common with those of other hooks; nil for other events.
func Hooked(e *event.Event) *event.Hooked {
	switch {
	case e.ProcessKprobe != nil:
		return &e.ProcessKprobe.Hooked
	case e.ProcessTracepoint != nil:
		return &e.ProcessTracepoint.Hooked
	case e.ProcessLsm != nil:
		return &e.ProcessLsm.Hooked
	case e.ProcessUprobe != nil:
		return &e.ProcessUprobe.Hooked
	case e.ProcessUsdt != nil:
		return &e.ProcessUsdt.Hooked
	}
	return nil
}

// HasTier says whether the kernel has a tier.
func (r *Result) HasTier(tier string) bool { return slices.Contains(r.Hello.Tiers, tier) }

// Loaded are the files that processes with a label mapped to be executed.
func (r *Result) Loaded(label string) (files []*event.ProcessLoader) {
	for _, e := range r.Events {
		if e.ProcessLoader != nil && labelOf(e.ProcessLoader.Process) == label {
			files = append(files, e.ProcessLoader)
		}
	}
	return files
}
